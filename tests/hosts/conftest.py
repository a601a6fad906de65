"""Fixtures of the trials with many hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Cluster, require_postgres


@pytest.fixture(scope="module")
def lonely() -> Iterator[Cluster]:
    """A cluster whose synchronous standby can be taken away, for one module."""
    require_postgres()
    cluster = Cluster.create()
    yield cluster
    cluster.leave()
