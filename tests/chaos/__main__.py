"""``python -m tests.chaos``: charge a bank in bad weather, and hold its books against the journal."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.campaign import Outcome, Plan, run
from tests.chaos.database import database
from tests.chaos.mutants import MUTANTS
from tests.chaos.report import report, table, verdict
from tests.support.mutations import fuzz

MUTANT_SEEDS = 3
MUTANT_PAYMENTS = 600


def main() -> int:
    """Run what was asked for; 1 where a promise was broken, or a broken one was not noticed."""
    options = _options()
    if options.mutants:
        return _all_mutants(options)
    outcome = _campaign(options, options.seed, options.payments, options.mutant)
    _print(report(outcome))
    return bool(outcome.harms) | _fuzz(options)


def _fuzz(options: argparse.Namespace) -> bool:
    """Read mutated bodies in every way there is; True where one of them broke a promise."""
    if not options.fuzz:
        return False
    try:
        found = fuzz(options.seed, options.fuzz)
    except AssertionError as error:
        _print(f"A MUTATED BODY BROKE A PROMISE (seed {options.seed}): {error}\n")
        return True
    _print("".join(table(f"{options.fuzz:,} mutated bodies were read as", found)))
    return False


def _campaign(options: argparse.Namespace, seed: int, payments: int, mutant: str | None) -> Outcome:
    """Run one; its files are kept where something is wrong, and where that was asked for."""
    kept = options.keep or Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    kept.mkdir(parents=True, exist_ok=True)
    plan = Plan(seed=seed, payments=payments, workers=options.workers, directory=kept, mutant=mutant)
    with database(options.journal, kept) as journal:
        outcome = asyncio.run(run(plan, journal))
    if options.keep is None and (mutant or not outcome.harms):
        shutil.rmtree(kept)
    return outcome


def _all_mutants(options: argparse.Namespace) -> int:
    """Break each promise in turn: the campaign must find it, with one of a few seeds."""
    missed = []
    for name, (_, sentence) in MUTANTS.items():
        for seed in range(options.seed, options.seed + MUTANT_SEEDS):
            outcome = _campaign(options, seed, min(options.payments, MUTANT_PAYMENTS), name)
            if outcome.harms:
                break
        else:
            missed.append(name)
        _print(f"{name} ({sentence})\n  {verdict(outcome)}\n")
        for promise in sorted({harm.promise for harm in outcome.harms}):
            found = [harm for harm in outcome.harms if harm.promise == promise]
            _print(f"  {len(found):>4} times: {found[0]}\n")
    _print(f"NOT NOTICED: {', '.join(missed)}\n" if missed else "Each broken promise was noticed.\n")
    return bool(missed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--journal", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--payments", type=int, default=20_000, help="how many are asked for, at least")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="fixes workload and fault plan")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--fuzz", type=int, default=100_000, help="how many mutated bodies are read besides")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break this promise on purpose")
    parser.add_argument("--mutants", action="store_true", help="break each promise in turn, and say what was found")
    parser.add_argument("--keep", type=Path, help="keep logs and journal here")
    return parser.parse_args()


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
