"""Applications, receivers of webhooks, resolvers and the command line on one journal, whose servers come and go.

A longer trial: ``HOSTS_ROUNDS=20 make test ARGS="tests/hosts/test_trial.py -s -n 0"``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.hosts import trial
from tests.support.postgres import require_postgres

ROUNDS = int(os.environ.get("HOSTS_ROUNDS", "1"))


def test_many_hosts_on_one_journal_lose_nothing_and_send_nothing_twice(tmp_path: Path) -> None:
    require_postgres()
    outcome = asyncio.run(trial.run(tmp_path, rounds=ROUNDS))
    sys.stdout.write(outcome.report() + "\n")
    assert not outcome.harms, "\n".join(map(str, outcome.harms[:20]))
    assert len(outcome.handled_by()) == 2, "the handlers are shared"
    assert len(outcome.case.ledger.transactions) > 50
    # In a longer trial the primary is away for longer than anybody waits, and the command line says so.
    assert set(outcome.codes) <= ({0, 1} if ROUNDS == 1 else {0, 1, 2}), outcome.commands
