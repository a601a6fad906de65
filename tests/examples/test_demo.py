from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_API_KEY,
    COREFY_CARDS,
    COREFY_TEST_SECRET,
    X_API_KEY,
    Books,
)

DEMO = str(Path(__file__).resolve().parents[2] / "examples" / "demo.py")


async def run_demo() -> int:
    code = await runpy.run_path(DEMO)["main"]()
    assert isinstance(code, int)
    return code


async def test_the_demo_goes_as_promised_and_shows_no_secret(capsys: pytest.CaptureFixture[str]):
    assert await run_demo() == 0
    shown = capsys.readouterr().out
    assert "All as promised." in shown
    assert "ACTION_REQUIRED" in shown
    assert "OutcomeUnknown" in shown
    assert "the invoice was known before the charge" in shown
    keys = {API_KEY, X_API_KEY, COREFY_API_KEY, COREFY_TEST_SECRET}
    secrets = keys | {card.number for card in CARDS} | {card.number for card in COREFY_CARDS}
    assert {secret for secret in secrets if secret in shown} == set()


async def test_the_demo_fails_when_the_bank_took_more_than_was_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    taken = Books.charges
    monkeypatch.setattr(Books, "charges", lambda self, ref=None: taken(self, ref) * 2)
    assert await run_demo() == 1
    shown = capsys.readouterr().out
    assert "BROKEN" in shown
    assert "All as promised." not in shown
