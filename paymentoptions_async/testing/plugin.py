"""The pytest plugin: a gateway in the test's own process, a client of it, its buyer and its webhooks, as fixtures.

pytest loads this module in every project that has the package installed. So it imports nothing but pytest, and what a
fixture needs is imported when a test asks for that fixture.

No fixture is asynchronous: those belong to one of the plugins for asyncio, and may run in another event loop than the
test. What has to be awaited is a method of what a fixture gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import respx

    from paymentoptions_async import Card, PaymentOptions
    from paymentoptions_async.sandbox import Sandbox
    from paymentoptions_async.testing.buyer import Buyer
    from paymentoptions_async.testing.webhooks import Post, Webhooks

SANDBOX = "pip install 'paymentoptions-async[sandbox]'"
RESPX = "pip install respx"


@pytest.fixture
def paymentoptions_sandbox_options() -> dict[str, Any]:
    """Arguments of the test's `Sandbox`; override it to give your own: seed, settings, clock, faults."""
    return {}


@pytest.fixture
def paymentoptions_gateway_options() -> dict[str, Any]:
    """Arguments of the test's `PaymentOptions`; override it to give your own: public_url, journal, clock."""
    return {}


@pytest.fixture
def paymentoptions_sandbox(paymentoptions_sandbox_options: dict[str, Any], _paymentoptions_post: Post) -> Sandbox:
    """A gateway in this process: ``books`` is what the bank saw, ``faults`` what goes wrong.

    Its clock stands still until ``await paymentoptions_sandbox.advance(seconds)``.
    """
    with _needs(SANDBOX):
        from paymentoptions_async.testing.clients import open_sandbox

    return open_sandbox(_paymentoptions_post, paymentoptions_sandbox_options)


@pytest.fixture
def paymentoptions_sandbox_url(paymentoptions_sandbox: Sandbox) -> Iterator[str]:
    """The sandbox served over HTTP on a free port of loopback, until the test ends; webhooks go out by themselves."""
    from paymentoptions_async.sandbox import serve_in_thread

    with serve_in_thread(paymentoptions_sandbox) as url:
        yield url


@pytest.fixture
def paymentoptions_gateway(
    request: pytest.FixtureRequest,
    paymentoptions_sandbox: Sandbox,
    paymentoptions_gateway_options: dict[str, Any],
    _paymentoptions_post: Post,
) -> Iterator[PaymentOptions]:
    """A client of the sandbox, open while an asynchronous test runs.

    It calls the sandbox in this process, or over HTTP if the test asks for ``paymentoptions_sandbox_url`` too.
    """
    from paymentoptions_async.testing.clients import open_client, opened_by

    url = _served_at(request)
    gateway = open_client(paymentoptions_sandbox, url, paymentoptions_gateway_options)
    if url is None:
        _paymentoptions_post.carry_to(gateway)
    with opened_by(request.node, gateway, paymentoptions_sandbox):
        yield gateway


@pytest.fixture
def paymentoptions_env(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    paymentoptions_sandbox: Sandbox,
    paymentoptions_gateway_options: dict[str, Any],
) -> Iterator[dict[str, str]]:
    """Set ``PAYMENTOPTIONS_*``, so that ``PaymentOptions.from_env()`` in the code under test reaches the sandbox.

    In this process without HTTP, unless the test asks for ``paymentoptions_sandbox_url`` too. Gives the variables.
    """
    from paymentoptions_async.testing.clients import reached_by_every_client, set_environment

    url = _served_at(request)
    variables = set_environment(monkeypatch, paymentoptions_sandbox, url, paymentoptions_gateway_options)
    if url is not None:
        yield variables
        return
    with reached_by_every_client(paymentoptions_sandbox):
        yield variables


@pytest.fixture
def paymentoptions_card() -> Callable[..., Card]:
    """Make a test card by its name: ``paymentoptions_card("insufficient_funds")``."""
    with _needs(SANDBOX):
        from paymentoptions_async.testing.clients import card_named

    return card_named


@pytest.fixture
def paymentoptions_buyer(paymentoptions_sandbox: Sandbox) -> Buyer:
    """The buyer on the sandbox's pages: ``approve``, ``decline``, ``cancel`` or ``abandon`` a payment."""
    from paymentoptions_async.testing.buyer import Buyer

    return Buyer(paymentoptions_sandbox)


@pytest.fixture
def paymentoptions_webhooks(
    request: pytest.FixtureRequest,
    paymentoptions_sandbox: Sandbox,
    paymentoptions_gateway: PaymentOptions,
    _paymentoptions_post: Post,
) -> Webhooks:
    """The sandbox's webhooks, delivered when the test says so: to the client's inbox, or to an application."""
    from paymentoptions_async.testing.webhooks import Webhooks

    if _served_at(request) is not None:
        pytest.fail(
            "paymentoptions_webhooks delivers by hand, and a sandbox that is served delivers by itself: "
            "leave out paymentoptions_webhooks or paymentoptions_sandbox_url",
            pytrace=False,
        )
    return Webhooks(paymentoptions_sandbox, paymentoptions_gateway, _paymentoptions_post)


@pytest.fixture
def paymentoptions_respx(request: pytest.FixtureRequest) -> Iterator[respx.MockRouter]:
    """Mock the gateway with respx: its router, as ``respx_mock`` gives it, while no client reaches the network."""
    with _needs(RESPX):
        from paymentoptions_async.testing.respx_ import intercepted

    with intercepted():
        yield request.getfixturevalue("respx_mock")


@pytest.fixture
def _paymentoptions_post() -> Post:
    with _needs(SANDBOX):
        from paymentoptions_async.testing.webhooks import Post

    return Post()


def _served_at(request: pytest.FixtureRequest) -> str | None:
    if "paymentoptions_sandbox_url" not in request.fixturenames:
        return None
    url: str = request.getfixturevalue("paymentoptions_sandbox_url")
    return url


@contextmanager
def _needs(installing: str) -> Iterator[None]:
    """Import what is not installed with the package itself, or fail the test and say how to install it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        raise pytest.fail.Exception(f"this fixture needs {name}: {installing}", pytrace=False) from None
