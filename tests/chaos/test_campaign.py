"""A short campaign in each journal, and proof that one would notice a broken promise.

The long ones, and all the promises that can be broken: ``make chaos``, and ``make chaos ARGS=--mutants``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgres import require_postgres

ROOT = Path(__file__).parents[2]


def campaign(*options: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it replaces the product's patience."""
    command = [sys.executable, "-m", "tests.chaos", "--fuzz", "0", "--keep", str(directory), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("journal", ["sqlite", "postgres"])
def test_no_promise_is_broken_in_bad_weather(journal: str, tmp_path: Path):
    if journal == "postgres":
        require_postgres()
    payments = {"sqlite": "260", "postgres": "150"}[journal]
    done = campaign("--journal", journal, "--payments", payments, "--workers", "2", "--seed", "7", directory=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No promise was broken." in done.stdout
    by_invoices = re.search(r"of these by Corefy's invoices +(\d+)", done.stdout)
    assert by_invoices is not None
    assert int(by_invoices[1]) >= 5


@pytest.mark.parametrize(
    ("mutant", "harm"),
    [
        ("send-before-write", "unknown to the journal"),
        ("balances-not-reserved", "balance exceeded"),
    ],
)
def test_a_broken_promise_is_noticed(mutant: str, harm: str, tmp_path: Path):
    """The others need longer campaigns, and so have a command of their own."""
    done = campaign("--mutant", mutant, "--payments", "150", "--workers", "2", "--seed", "7", directory=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert harm in done.stdout
