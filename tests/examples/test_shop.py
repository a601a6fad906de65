"""The example shop, as far as no browser is needed to see it."""

from __future__ import annotations

import contextlib

import pytest

from examples.shop.app import make_app
from examples.shop.store import Store


@pytest.mark.parametrize("password", ["", "staff"])
def test_the_staffs_pages_are_not_opened_with_a_password_that_anyone_has(password: str):
    with contextlib.closing(Store()) as store, pytest.raises(ValueError, match="admin_password"):
        make_app(store, admin_password=password)
