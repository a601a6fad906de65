"""The clients of workers: each is made from the variables of its worker's own environment, so no key travels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paymentoptions_async import PaymentOptions
from paymentoptions_async import gateway as paymentoptions_gateway
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.corefy import gateway as corefy_gateway
from paymentoptions_async.reconcile.scaleout.worker import Observer


@asynccontextmanager
async def paymentoptions(connections: int) -> AsyncIterator[PaymentOptions]:
    """A client of the card gateway, from ``PAYMENTOPTIONS_*``."""
    async with PaymentOptions.from_env(connections=connections) as client:
        yield client


@asynccontextmanager
async def corefy(connections: int) -> AsyncIterator[Corefy]:
    """A client of Corefy, from ``COREFY_*``."""
    async with Corefy.from_env(connections=connections) as client:
        yield client


OBSERVERS: dict[str, Observer] = {paymentoptions_gateway.NAME: paymentoptions, corefy_gateway.NAME: corefy}
