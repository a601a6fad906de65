from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.web.shops import SHOPS, Shop, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SHOPS)
async def open_shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """One shop of each kind for all tests of a module: a server takes longer to start and stop than any of them."""
    async with opened(request.param) as shop:
        yield shop


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["open_shop"])


@pytest.fixture
def shop(open_shop: Shop) -> Shop:
    """The shop as if it had just opened; payments of other tests have other orders."""
    open_shop.shown.clear()
    open_shop.events.clear()
    open_shop.show = None
    return open_shop


@pytest_asyncio.fixture(loop_scope="module")
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as browser:
        yield browser
