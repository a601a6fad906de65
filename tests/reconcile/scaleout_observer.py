"""The clients of workers in tests: importable on each. A file whose path is in their environment has their settings."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from paymentoptions_async import PaymentOptions
from paymentoptions_async.errors import AuthenticationFailed
from paymentoptions_async.flow import Observation, Pace

VARIABLE = "SCALEOUT_TEST_SETTINGS"


@asynccontextmanager
async def observer(connections: int) -> AsyncIterator[PaymentOptions]:
    settings = json.loads(Path(os.environ[VARIABLE]).read_text())  # noqa: ASYNC240  it is a few bytes
    async with PaymentOptions(**settings, connections=connections) as client:
        yield client


class _RefusedLater:
    """A client whose keys are withdrawn after some questions."""

    def __init__(self, client: PaymentOptions) -> None:
        self._client, self._left = client, 40
        self.scope = client.scope

    async def observe(self, transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        self._left -= 1
        if self._left < 0:
            raise AuthenticationFailed("refused with HTTP 401; check the API keys")
        return await self._client.observe(transaction_id, pace=pace)


@asynccontextmanager
async def refused_later(connections: int) -> AsyncIterator[_RefusedLater]:
    async with observer(connections) as client:
        yield _RefusedLater(client)


@asynccontextmanager
async def broken(connections: int) -> AsyncIterator[PaymentOptions]:
    raise LookupError("nothing is set up here")
    yield
