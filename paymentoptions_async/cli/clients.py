"""The client of a command that asks a gateway: made from the application's own variables."""

from __future__ import annotations

from paymentoptions_async import PaymentOptions
from paymentoptions_async import gateway as paymentoptions
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.corefy import gateway as corefy

_CLIENTS: dict[str, type[PaymentOptions | Corefy]] = {paymentoptions.NAME: PaymentOptions, corefy.NAME: Corefy}
_CONNECTIONS = 100
"""A client's own number; more questions in flight need more."""


def make_client(gateway: str, *, concurrency: int) -> PaymentOptions | Corefy:
    """Make a gateway's client, for so many questions in flight. Raises `ConfigurationError`."""
    return _CLIENTS[gateway].from_env(connections=max(concurrency, _CONNECTIONS))
