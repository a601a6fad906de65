"""Let respx stand in for the gateway.

respx patches httpx's transports, and the default pool is not one of them. Inside `intercepted`, every client that is
made without a transport of its own sends through httpx, over a transport that can't reach the network::

    @pytest.fixture(autouse=True)
    def gateway_is_mocked():
        with intercepted():
            yield

    @respx.mock
    async def test_an_approved_payment():
        respx.post(path__regex="/paymentv2$").respond(201, json={...})
        async with PaymentOptions(...) as gateway:
            payment = await gateway.purchase(...)

`mocked_transport` does the same for one client: ``PaymentOptions(..., transport=mocked_transport())``.

As in production, a mocked ``httpx.ConnectError`` proves nothing: through a transport that traces nothing, a charge
that fails is `OutcomeUnknown`. To test `NotSent`, use the sandbox or the default pool against a closed port.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpcore
import httpx
from respx.mocks import Mocker

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Reply, Request
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from paymentoptions_async.wire.opening import replace_opener


@contextmanager
def intercepted() -> Iterator[None]:
    """Make every client that is made inside, without a transport of its own, one that respx intercepts.

    Sending while no respx router is active raises ConfigurationError. What a router passes through, or what no
    router catches, meets a closed network, never the real one.
    """
    before = replace_opener(_MockedWire)
    try:
        yield
    finally:
        replace_opener(before)


def mocked_transport() -> httpx.AsyncBaseTransport:
    """A transport that respx intercepts and that can't reach the network, for ``PaymentOptions(transport=…)``."""
    return _SealedTransport()


class _MockedWire(HttpxWire):
    def __init__(self, base_url: str, credentials: Authentication) -> None:
        super().__init__(base_url, credentials, _SealedTransport())

    async def send(self, request: Request) -> Reply:
        if not any(mocker.routers for mocker in Mocker.registry.values()):
            raise ConfigurationError(
                "No respx router is active, and inside `intercepted()` nothing may reach the network. "
                "Decorate the test with @respx.mock, or use the respx_mock fixture. Nothing was sent."
            )
        return await super().send(request)


class _SealedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, as respx expects it, over a pool whose network refuses everything.

    Not of `httpx.AsyncHTTPTransport`'s exact type: respx traces nothing, so a request counts as gone when it is asked
    for.
    """

    def __init__(self) -> None:
        # The parent's would load the system's certificates, which takes longer than a test.
        self._pool = httpcore.AsyncConnectionPool(network_backend=_NoNetwork())


class _NoNetwork(httpcore.AsyncNetworkBackend):
    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> NoReturn:
        raise httpcore.ConnectError(f"No network in tests: {host}:{port} was not mocked.")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> NoReturn:
        raise httpcore.ConnectError("No network in tests.")

    async def sleep(self, seconds: float) -> None:
        """Never called: this transport retries nothing."""
