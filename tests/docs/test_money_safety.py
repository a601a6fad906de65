"""The page of promises names tests that there are, for each of its promises."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT.joinpath("docs", "money-safety.md").read_text("utf-8")
PROMISES = re.findall(r"^\| (\d) \| (.+) \|$", PAGE, re.MULTILINE)


def files_of(text: str) -> set[str]:
    return set(re.findall(r"`(tests/[\w/]+\.py)`", text))


def test_each_of_the_eight_promises_has_its_tests():
    assert [number for number, _ in PROMISES] == list("12345678")
    assert [number for number, row in PROMISES if not files_of(row)] == []


def test_every_test_that_it_names_exists_and_holds_tests():
    named = files_of(PAGE)
    assert len(named) > len(PROMISES)
    assert {name for name in named if not re.search(r"^(?:async )?def test_", text_of(name), re.MULTILINE)} == set()


def text_of(name: str) -> str:
    file = ROOT / name
    return file.read_text("utf-8") if file.exists() else ""


def test_the_campaign_can_be_run_as_it_says():
    assert "`make chaos`" in PAGE
    assert re.search(r"^chaos:", ROOT.joinpath("Makefile").read_text("utf-8"), re.MULTILINE)
