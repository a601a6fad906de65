"""Every snippet of the guides runs, prints what stands below it, and calls nobody but the sandbox."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from sybil import Document
from sybil.example import Example
from sybil.parsers.myst import CodeBlockParser

from paymentoptions_async.sandbox import FaultPlan, Sandbox, serve

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))


def blocks(page: str, *languages: str) -> list[tuple[int, str, str]]:
    """Line, language and text of a page's blocks, in their order, those in comments included."""
    return sorted(
        (example.line, language, str(example.parsed))
        for language in languages
        for example in Document.parse(str(DOCS / page), CodeBlockParser(language, left_to_run)).examples()
    )


def left_to_run(example: Example) -> str:
    raise AssertionError(f"{example.path}:{example.line}: sybil finds the blocks, and `run` runs them")


async def run(page: str, names: dict[str, Any]) -> None:
    """Run a page's Python from top to bottom, and hold what it prints against the ``output`` below it."""
    printed = io.StringIO()
    for line, language, text in blocks(page, "python", "output"):
        if language == "output":
            assert printed.getvalue() == text, f"{page}:{line}: prints something else"
            printed = io.StringIO()
            continue
        assert not printed.getvalue(), f"{page}:{line}: what the snippet above prints is not shown"
        code = compile("\n" * line + text, f"docs/{page}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with contextlib.redirect_stdout(printed):
            if code.co_flags & inspect.CO_COROUTINE:
                async with asyncio.timeout(10):  # a guide waits for minutes; here what it waits for has happened
                    await eval(code, names)  # noqa: S307  the guides are ours
            else:
                await asyncio.to_thread(exec, code, names)  # programs bring an event loop of their own
    assert not printed.getvalue(), f"{page}: what the last snippet prints is not shown"


SERVED = ("quickstart.md", "web-aiohttp.md", "web-django.md", "web-fastapi.md")
"""Whole applications, run as such: below, and in tests/web."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in SERVED and blocks(page, "python")])
async def test_the_snippets_of_a_guide_run_one_after_the_other(page: str, surroundings: dict[str, Any]):
    await run(page, surroundings)


async def test_the_quickstart_runs_with_the_settings_that_it_exports(monkeypatch: pytest.MonkeyPatch):
    sandbox = Sandbox()
    names: dict[str, Any] = {"__name__": "quickstart"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        shop = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with serve(sandbox) as url:
            export(monkeypatch, PAYMENTOPTIONS_SANDBOX_URL=url, PAYMENTOPTIONS_PUBLIC_URL=shop)
            await run("quickstart.md", names)
            assert [charge.charged for charge in sandbox.books.charges()] == [1000]
            async with (
                opened(names["make_app"](), listening),
                httpx.AsyncClient(base_url=shop, trust_env=False) as browser,
            ):
                sent = await browser.get("/pay/1043")
                assert sent.status_code == 303
                back = await sandbox.answer_challenge(sent.headers["location"])
                assert back is not None
                assert (await browser.get(back)).text == "Order 1043: approved"
                assert (await browser.get("/pay/1043")).text == "Order 1043: approved"
                assert (await browser.get("/return/success/nobody/token")).status_code == 404
    assert [charge.charged for charge in sandbox.books.charges()] == [1000, 3000]


def export(monkeypatch: pytest.MonkeyPatch, **instead: str) -> None:
    """Set what the quickstart exports, and other addresses than it names, which may be taken."""
    [exports] = [text for _, _, text in blocks("quickstart.md", "sh") if "export " in text]
    for name, value in {**dict(re.findall(r"^export (\w+)=(\S+)$", exports, re.MULTILINE)), **instead}.items():
        monkeypatch.setenv(name, value)


@contextlib.asynccontextmanager
async def opened(app: web.Application, listening: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")])
def test_the_fault_plans_are_plans(page: str):
    for _, _, text in blocks(page, "json"):
        plan = FaultPlan()
        plan.load(json.loads(text))
        assert plan.rules
