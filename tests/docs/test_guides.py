"""Every snippet of the guides runs, prints what stands below it, and calls nobody but the sandbox."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
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


@pytest.mark.parametrize("page", [page for page in PAGES if page != "quickstart.md" and blocks(page, "python")])
async def test_the_snippets_of_a_guide_run_one_after_the_other(page: str, surroundings: dict[str, Any]):
    await run(page, surroundings)


async def test_the_quickstart_runs_with_the_settings_that_it_exports(monkeypatch: pytest.MonkeyPatch):
    [(_, _, exports)] = [block for block in blocks("quickstart.md", "sh") if "export " in block[2]]
    async with serve(Sandbox()) as url:
        for name, value in re.findall(r"^export (\w+)=(\S+)$", exports, re.MULTILINE):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PAYMENTOPTIONS_SANDBOX_URL", url)
        monkeypatch.setenv("PAYMENTOPTIONS_PUBLIC_URL", "http://127.0.0.1:9")  # discard: webhooks find nobody
        await run("quickstart.md", {"__name__": "quickstart"})


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "json")])
def test_the_fault_plans_are_plans(page: str):
    for _, _, text in blocks(page, "json"):
        plan = FaultPlan()
        plan.load(json.loads(text))
        assert plan.rules
