"""A client for each event loop, for frameworks that don't tell an application when its server starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Generic, Protocol, Self, TypeVar

from paymentoptions_async.web.endpoints import Gateway

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


class Client(Gateway, Protocol):
    """A gateway that is opened and closed."""

    async def __aenter__(self) -> Self:
        """Open it."""
        ...

    async def aclose(self) -> None:
        """Let what is under way come to its end, and close it."""
        ...


C = TypeVar("C", bound=Client)


class PerLoop(Generic[C]):
    """Gives each event loop a client of its own, made by ``make`` when it is first asked for.

    A client belongs to the event loop of its server, which does not run yet when Django imports its settings. So make
    this when modules are imported, ``gateway = PerLoop(PaymentOptions.from_env)``, and say ``client = await
    gateway()`` in views. ``around`` opens the client when the server starts, and closes it when the server stops.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[C]] = {}

    async def __call__(self, _request: object = None) -> C:
        """The client of the running event loop. Raises what making it raises; the next call tries again."""
        loop = asyncio.get_running_loop()
        opening = self._opening.get(loop)
        if opening is None:
            for ended in [other for other in list(self._opening) if other.is_closed()]:
                self._opening.pop(ended, None)  # another thread may do the same
            # A context of its own, because what the client starts outlives the request that asked for it first.
            opening = self._opening[loop] = loop.create_task(self._open(), context=Context())
        try:
            return await asyncio.shield(opening)
        except Exception:
            if self._opening.get(loop) is opening:
                del self._opening[loop]
            raise

    async def aclose(self) -> None:
        """Close the client of the running event loop, if there is one, letting what is under way come to its end."""
        opening = self._opening.pop(asyncio.get_running_loop(), None)
        if opening is not None:
            client = await opening
            await client.aclose()

    def around(self, application: ASGIApplication) -> ASGIApplication:
        """Answer the server's lifespan messages for an ASGI application that, as Django's, has no answer to them.

        The server then starts only with usable settings, and ends only after what was on the wire has been recorded.
        """

        async def with_client(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            else:
                await application(scope, receive, send)

        return with_client

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self()
        except Exception as error:  # noqa: BLE001  told to the server, which does not start then
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> C:
        return await self._make().__aenter__()
