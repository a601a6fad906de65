"""The SQL that compares is held against a plain Python one, on worlds made at random."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymentoptions_async.reconcile.verdicts import Verdict
from tests.reconcile.comparing_oracle import judge
from tests.reconcile.comparing_worlds import World, findings_of, random_world, resolved_ids


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_agrees_with_the_plain_one_on_small_worlds(random):
    _hold_against_each_other(random_world(random, families=5))


@pytest.mark.parametrize(("seed", "scope"), [(1, "paymentoptions"), (5, "corefy")])
def test_agrees_with_the_plain_one_on_many_rows(seed, scope):
    world = random_world(Random(seed), families=20_000)
    assert world.scope.startswith(scope)
    assert len(world.ledger) > 25_000

    verdicts = _hold_against_each_other(world)

    assert set(verdicts) == set(Verdict)
    assert min(verdicts.values()) > 5


def _hold_against_each_other(world: World) -> Counter[Verdict]:
    with TemporaryDirectory() as place:
        found = findings_of(world, Path(place) / "run")
        expected = judge(world, resolved_ids(world, Path(place) / "again"))

    got = {(one["transaction_id"] or one["ref"]) if one["line"] is None else one["line"]: one for one in found}
    assert len(got) == len(found)
    assert got.keys() == expected.keys()
    wrong = [
        (key, (one["verdict"], one["flags"]), expected[key])
        for key, one in got.items()
        if (one["verdict"], one["flags"]) != expected[key]
    ]
    assert not wrong, _explain(world, wrong)
    return Counter(Verdict(one["verdict"]) for one in found)


def _explain(world: World, wrong: list[tuple[Any, Any, Any]]) -> str:
    key, got, expected = wrong[0]
    rows = [row for row in world.ledger if key in (row["line"], row["transaction_id"])]
    names = [key, *(row["transaction_id"] or row["reference"] for row in rows)]
    family = str(names[-1]).split(".")[0]
    about = [one for rows in (world.ledger, world.answers, world.known) for one in rows if f"'{family}." in str(one)]
    return "\n".join([f"{len(wrong)} differ: {key} is {got}, should be {expected}", *map(str, about)])
