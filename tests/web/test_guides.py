"""The guides for web frameworks: saved as they say, served by their own server, and paid in as a buyer does."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from paymentoptions_async.sandbox import Sandbox, serve
from paymentoptions_async.web.access_logs import LOGGERS
from tests.docs.test_guides import DOCS, blocks, export


class Surroundings:
    """The sandbox, a port for the shop, and where its files are saved."""

    def __init__(self, sandbox: Sandbox, listening: socket.socket, folder: Path) -> None:
        self.sandbox = sandbox
        self.listening = listening
        self.folder = folder
        self.shop = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def save(self, page: str) -> None:
        """Save a guide's files: each begins with its name, or is ``shop.py``."""
        for _, _, text in blocks(page, "python"):
            first, _, _ = text.partition("\n")
            file = self.folder / (first[2:] if first.startswith("# ") and first.endswith(".py") else "shop.py")
            file.parent.mkdir(exist_ok=True)
            with file.open("a", encoding="utf-8") as saved:
                saved.write(text)

    async def run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=self.folder)
        assert await process.wait() == 0

    @contextlib.asynccontextmanager
    async def uvicorn(self, app: str) -> AsyncIterator[None]:
        """Run uvicorn as a guide says, but on our port, until it has ended in good order."""
        fd = self.listening.fileno()
        errors = self.folder / "errors.txt"
        with errors.open("wb") as stderr, (self.folder / "access.txt").open("wb") as stdout:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "uvicorn", app, "--fd", str(fd)),
                cwd=self.folder,
                pass_fds=[fd],
                stdout=stdout,
                stderr=stderr,
            )
            try:
                yield
                process.terminate()
                await asyncio.wait_for(process.wait(), 60)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        assert "Application shutdown complete" in errors.read_text()

    async def pay_as_a_buyer_does(self) -> None:
        async with httpx.AsyncClient(base_url=self.shop, trust_env=False, timeout=60) as browser:
            sent = await browser.get("/pay/1043")
            assert sent.status_code in (302, 303)
            back = await self.sandbox.answer_challenge(sent.headers["location"])
            assert back is not None
            assert back.startswith(f"{self.shop}/payments/return/success/")
            assert (await browser.get(back)).text == "Order 1043: approved"
            async with asyncio.timeout(10):
                while (await browser.get("/orders/1043")).text != "paid":  # noqa: ASYNC110  as a buyer does
                    await asyncio.sleep(0.01)
            assert (await browser.get("/pay/1043")).text == "Order 1043: approved"
        assert [charge.charged for charge in self.sandbox.books.charges()] == [3000]
        assert [attempt.status for one in self.sandbox.webhooks.deliveries for attempt in one.attempts] == [200]

    def see_no_token_in_the_access_log(self) -> None:
        access = (self.folder / "access.txt").read_text()
        [delivery] = self.sandbox.webhooks.deliveries
        assert f"{delivery.url.removeprefix(self.shop).rpartition('/')[0]}/*** HTTP/1.1" in access
        assert delivery.url.rpartition("/")[2] not in access


@pytest.fixture
async def surroundings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Surroundings]:
    """The settings are what the quickstart and the guide export, on other ports, which may be taken."""
    sandbox = Sandbox()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ready = Surroundings(sandbox, listening, tmp_path)
        async with serve(sandbox) as url:
            export(monkeypatch, PAYMENTOPTIONS_SANDBOX_URL=url, PAYMENTOPTIONS_PUBLIC_URL=f"{ready.shop}/payments")
            yield ready


@pytest.mark.parametrize("app", ["app", "starlette_app"])
async def test_fastapi_and_starlette(surroundings: Surroundings, app: str):
    surroundings.save("web-fastapi.md")
    if app == "starlette_app":
        with (surroundings.folder / "shop.py").open("a", encoding="utf-8") as saved:
            saved.write("starlette_app.mount('/', app)\n")  # for its pages
    async with surroundings.uvicorn(f"shop:{app}"):
        await surroundings.pay_as_a_buyer_does()
    surroundings.see_no_token_in_the_access_log()


async def test_django(surroundings: Surroundings):
    surroundings.save("web-django.md")
    await surroundings.run("-m", "django", "migrate", "--run-syncdb", "--settings", "shop.settings", "--verbosity=0")
    async with surroundings.uvicorn("shop.asgi:application"):
        await surroundings.pay_as_a_buyer_does()
    surroundings.see_no_token_in_the_access_log()


async def test_aiohttp(surroundings: Surroundings):
    surroundings.save("web-aiohttp.md")
    shop = runpy.run_path(str(surroundings.folder / "shop.py"))
    runner = web.AppRunner(shop["make_app"]())
    await runner.setup()
    try:
        await web.SockSite(runner, surroundings.listening).start()
        await surroundings.pay_as_a_buyer_does()
    finally:
        await runner.cleanup()


def test_every_logger_that_is_masked_is_told_of():
    told = (DOCS / "web.md").read_text("utf-8")
    assert [name for name in LOGGERS if f"`{name}`" not in told] == []


@pytest.mark.parametrize("page", ["web-aiohttp.md", "web-django.md", "web-fastapi.md"])
def test_the_guides_export_what_is_run_here(page: str):
    assert "export PAYMENTOPTIONS_PUBLIC_URL=http://127.0.0.1:8000/payments\n" in [
        text for _, _, text in blocks(page, "sh")
    ]
