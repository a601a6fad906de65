"""That both doors are what a run needs is proved to the type checker; running it proves only that they are made so."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from paymentoptions_async import PaymentOptions
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.door import Door

if TYPE_CHECKING:
    from paymentoptions_async.reconcile.running import Client

    def accept(gateway: PaymentOptions, corefy: Corefy) -> tuple[Client, Client]:
        return gateway, corefy


@pytest.mark.parametrize("door", [PaymentOptions, Corefy])
def test_a_run_may_use_either_door(door: type[Door]) -> None:
    parameters = inspect.signature(door.observe).parameters  # type: ignore[attr-defined]  # each has its own
    assert {"timeout", "pace"} <= parameters.keys()
