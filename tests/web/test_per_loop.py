"""A client for each event loop: made once, opened and closed with the server."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any, Self

import pytest

from paymentoptions_async import ConfigurationError
from paymentoptions_async.web import PerLoop


class Client:
    """Notes when it is opened and closed; ``opening`` holds it up."""

    def __init__(self, opening: asyncio.Event | None = None) -> None:
        self.opening = opening
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed = False
        self.webhooks: Any = None

    async def returned(self, purpose: str, ref: str, token: str) -> Any:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        if self.opening is not None:
            await self.opening.wait()
        self.loop = asyncio.get_running_loop()
        self.context = contextvars.copy_context()
        return self

    async def aclose(self) -> None:
        self.closed = True


class Maker:
    """Makes clients, and remembers them."""

    def __init__(self, *, opening: asyncio.Event | None = None) -> None:
        self.made: list[Client] = []
        self.opening = opening
        self.failure: Exception | None = None

    def __call__(self) -> Client:
        if self.failure is not None:
            raise self.failure
        self.made.append(Client(self.opening))
        return self.made[-1]


async def test_who_ask_first_at_the_same_time_get_the_same_client():
    make = Maker()
    gateway = PerLoop(make)
    clients = await asyncio.gather(*(gateway() for _ in range(5)))
    assert {*clients, await gateway()} == {*make.made}
    assert len(make.made) == 1


async def test_who_asked_first_may_go_away_while_it_opens():
    make = Maker(opening=asyncio.Event())
    gateway = PerLoop(make)
    first, second = (asyncio.create_task(gateway()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    make.opening.set()
    assert [await second] == make.made


async def test_each_event_loop_has_its_own_client():
    make = Maker()
    gateway = PerLoop(make)
    here = await gateway()
    there = await asyncio.to_thread(lambda: asyncio.run(gateway()))
    assert [here, there] == make.made
    assert here.loop is not there.loop
    assert await gateway() is here


async def test_a_client_that_can_not_be_made_is_tried_again():
    make = Maker()
    gateway = PerLoop(make)
    make.failure = ConfigurationError("api_key is not set")
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            await gateway()
    make.failure = None
    assert [await gateway()] == make.made


async def test_what_the_client_starts_knows_nothing_of_the_request_that_asked_first():
    of_a_request: contextvars.ContextVar[str] = contextvars.ContextVar("of_a_request")
    of_a_request.set("yes")
    client = await PerLoop(Maker())()
    assert of_a_request not in client.context


async def test_closing_closes_the_client_of_this_loop_and_the_next_call_makes_another():
    make = Maker()
    gateway = PerLoop(make)
    await gateway.aclose()  # none yet
    first = await gateway()
    await gateway.aclose()
    assert first.closed
    assert await gateway() is not first


class Server:
    """What an ASGI server says to an application, and hears from it."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    def lifespan(self, application: Any) -> asyncio.Task[None]:
        return asyncio.create_task(application({"type": "lifespan"}, self.says.get, self.heard.put))

    async def told(self, what: str) -> dict[str, str]:
        await self.says.put({"type": what})
        return await self.heard.get()


async def never(*_: Any) -> None:
    raise AssertionError("an application without a lifespan is not asked")


async def test_the_client_lives_as_long_as_the_server():
    make, server = Maker(), Server()
    lifespan = server.lifespan(PerLoop(make).around(never))
    assert await server.told("lifespan.startup") == {"type": "lifespan.startup.complete"}
    [client] = make.made
    assert not client.closed
    assert await server.told("lifespan.shutdown") == {"type": "lifespan.shutdown.complete"}
    assert client.closed
    await lifespan


async def test_a_server_without_usable_settings_does_not_start():
    make, server = Maker(), Server()
    make.failure = ConfigurationError("api_key is not set")
    lifespan = server.lifespan(PerLoop(make).around(never))
    assert await server.told("lifespan.startup") == {
        "type": "lifespan.startup.failed",
        "message": "ConfigurationError: api_key is not set",
    }
    await lifespan


async def test_everything_else_is_the_applications():
    calls = []

    async def application(*about: Any) -> None:
        calls.append(about)

    about = ({"type": "http"}, object(), object())
    await PerLoop(Maker()).around(application)(*about)  # type: ignore[arg-type]
    assert calls == [about]


def test_threads_with_loops_of_their_own_may_come_at_once(monkeypatch):
    """Each tidies up what ended: the first one to do so must not make the second one fail."""
    gateway = PerLoop(Client)
    asyncio.run(gateway())
    [ended] = gateway._opening
    is_closed = ended.is_closed

    def another_tidies_up_meanwhile():
        gateway._opening.pop(ended, None)
        return is_closed()

    monkeypatch.setattr(ended, "is_closed", another_tidies_up_meanwhile)

    async def ask():
        return await gateway()

    assert isinstance(asyncio.run(ask()), Client)
