from __future__ import annotations

import math
from random import Random

import pytest

from paymentoptions_async.reconcile.report.words import of_sample
from paymentoptions_async.reconcile.sampling import Sample, upper_bound


@pytest.mark.parametrize(
    ("found", "drawn", "bound"),
    [(0, 1, 0.95), (0, 1000, 1 - 0.05 ** (1 / 1000)), (1, 2, math.sqrt(0.95)), (5, 100, 0.1022533), (2, 2, 1.0)],
)
def test_the_bound_is_clopper_and_pearsons(found: int, drawn: int, bound: float) -> None:
    assert upper_bound(found, drawn) == pytest.approx(bound, abs=5e-7)


def test_the_bound_holds_about_as_often_as_it_says() -> None:
    random, share, tries = Random(1), 0.03, 2000
    held = sum(share <= upper_bound(sum(random.random() < share for _ in range(200)), 200) for _ in range(tries))
    assert 0.94 <= held / tries <= 0.99


def test_very_many_are_no_trouble() -> None:
    assert upper_bound(30_000, 1_000_000) == pytest.approx(0.03028, abs=5e-5)


def test_what_was_not_compared_says_nothing() -> None:
    assert Sample(rows=10, drawn=4, compared=0, differences=0).rows_at_most == 10


def test_all_rows_are_no_sample() -> None:
    every = Sample(rows=40, drawn=40, compared=40, differences=3)
    assert (every.at_most, every.rows_at_most) == (3 / 40, 3)
    assert "confidence" not in of_sample(every)


def test_it_is_said_in_words() -> None:
    said = of_sample(Sample(rows=1_000_000, drawn=1000, compared=990, differences=0))
    assert said.startswith("1,000 of 1,000,000 rows were drawn at random, and 990 of them compared: 0 differ.")
    assert "with 95% confidence, at most 0.302% of all rows do (3,022;" in said
