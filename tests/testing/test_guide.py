"""The tests of the guide "Testing your integration" pass where a user would put them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.myst import CodeBlockParser

# What is loaded here already stays the same in all the runs within this process.
from paymentoptions_async.testing import buyer, clients, webhooks  # noqa: F401

pytest_plugins = ["pytester"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
MODES = {"auto": "", "strict": "\npytestmark = pytest.mark.asyncio\n"}
INI = "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\nasyncio_mode = "


def snippets() -> str:
    document = Document.parse(str(PAGE), CodeBlockParser("python", lambda _: None))
    return "\n".join(str(example.parsed) for example in document.examples())


@pytest.mark.parametrize("mode", MODES)
def test_its_tests_pass(pytester: pytest.Pytester, mode: str):
    pytester.makeini(INI + mode)
    pytester.makepyfile(snippets() + MODES[mode])
    written = snippets().count("async def test_")
    assert written > 10
    pytester.runpytest_inprocess("-q", "-p", "no:xdist").assert_outcomes(passed=written)
