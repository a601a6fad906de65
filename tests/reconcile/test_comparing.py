"""What a row comes to: one scenario each, then what is true of all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from paymentoptions_async.reconcile.comparing import compare
from paymentoptions_async.reconcile.database import MEMORY
from paymentoptions_async.reconcile.options import Rules, Selection
from paymentoptions_async.reconcile.threads import Stop, StoppedError
from paymentoptions_async.reconcile.verdicts import PRECEDENCE
from tests.reconcile.comparing_worlds import (
    BEGUN,
    DAY,
    World,
    answer,
    failed,
    findings_of,
    findings_of_each,
    known,
    laid_out,
    row,
)

Expected = tuple[str, list[str], str | None]


def scenario(name: str, world: World, expected: dict[int | str, Expected]) -> Any:
    """A world and what its rows come to: the verdict, the other flags, and the reason."""
    return pytest.param(world, expected, id=name.replace(" ", "-"))


MATCHED: Expected = ("matched", [], None)


def one_row(name: str, ledger: dict[str, Any], told: dict[str, Any] | None, *expected: Any, **about: Any) -> Any:
    """The scenario of a single row."""
    verdict, flags, reason = expected if len(expected) > 1 else MATCHED
    answers = [] if told is None else [told]
    return scenario(name, World([ledger], answers=answers, **about), {ledger["line"]: (verdict, flags, reason)})


def purchase(**about: Any) -> dict[str, Any]:
    return row(2, kind="payment", **about)


HOLD: dict[str, Any] = {"transaction_type": "PRE_AUTH", "status": "authorized"}
NO_MONEY: dict[str, Any] = {"amount": None, "currency": None}
UNTOLD: dict[str, Any] = {"status": None, "confirmed": False, **NO_MONEY}
USD: dict[str, Any] = {"currency": "USD"}
WITHIN_A_CENT: dict[str, Any] = {"rules": Rules(tolerance=Decimal("0.01"))}
AS_MATCHED = (MATCHED,)

UNCHECKED = [
    one_row("not asked", row(2), None, "unchecked", [], "the gateway was not asked"),
    one_row("not answered", row(2), failed(), "unchecked", [], "the gateway did not answer: HTTP 503"),
    one_row(
        "neither id nor reference",
        row(2, None, reference=None),
        None,
        "unchecked",
        [],
        "it has neither transaction id nor reference",
    ),
    one_row(
        "an unknown reference",
        row(2, None, reference="r9"),
        None,
        "unchecked",
        [],
        "it has no transaction id, and the journal knows none for its reference",
    ),
    one_row(
        "a payment whose transaction is not known yet",
        row(2, None),
        None,
        "unchecked",
        [],
        "it has no transaction id, and the journal has not learned one yet",
        known=[known(None, status="unknown", confirmed=False)],
    ),
    one_row("an id from the journal", row(2, None), answer(), *AS_MATCHED, known=[known()]),
    scenario(
        "an answer outweighs a failure",
        World([row(2)], answers=[failed(), answer(), failed()]),
        {2: MATCHED},
    ),
]
STATUSES = [
    one_row("approved", purchase(), answer(), *AS_MATCHED),
    one_row("declined on both sides", row(2, status="declined"), answer(status="expired", **NO_MONEY), *AS_MATCHED),
    one_row(
        "declined at the gateway",
        row(2),
        answer(status="declined", reason="insufficient_funds", **NO_MONEY),
        "status_mismatch",
        [],
        "the gateway has it declined (insufficient_funds), the ledger approved",
    ),
    one_row(
        "approved at the gateway",
        row(2, status="declined"),
        answer(),
        "status_mismatch",
        [],
        "the gateway has it approved, the ledger declined",
    ),
    one_row(
        "pending in the ledger alone",
        row(2, status="pending"),
        answer(),
        "status_mismatch",
        [],
        "the gateway has it approved, the ledger pending",
    ),
    one_row(
        "unknown in the ledger alone",
        row(2, status="unknown"),
        answer(status="declined", **NO_MONEY),
        "status_mismatch",
        [],
        "the gateway has it declined, the ledger unknown",
    ),
    one_row(
        "pending at the gateway and young",
        row(2),
        answer(status="pending", gateway_time=BEGUN - DAY, **NO_MONEY),
        "timing_pending",
        [],
        "open since 2026-11-09 00:00 UTC",
    ),
    one_row(
        "pending as long as is allowed",
        row(2, status="pending"),
        answer(status="action_required", gateway_time=BEGUN - 3 * DAY, **NO_MONEY),
        "timing_pending",
        [],
        "open since 2026-11-07 00:00 UTC",
    ),
    one_row(
        "pending at the gateway for too long by the ledger",
        row(2, at=BEGUN - 3 * DAY - timedelta(microseconds=1)),
        answer(status="pending", **NO_MONEY),
        "stale_pending",
        [],
        "open since 2026-11-06 23:59 UTC",
    ),
    one_row(
        "pending since the journal opened it",
        row(2),
        answer(status="pending", **NO_MONEY),
        "timing_pending",
        [],
        "open since 2026-11-09 00:00 UTC",
        known=[known(status="pending", confirmed=False)],
    ),
    one_row(
        "pending for nobody knows how long",
        row(2),
        answer(status="pending", **NO_MONEY),
        "stale_pending",
        [],
        "open, and nobody says since when",
    ),
    one_row(
        "pending though the ledger gave it up",
        row(2, status="cancelled"),
        answer(status="pending", gateway_time=BEGUN - DAY, **NO_MONEY),
        "status_mismatch",
        ["timing_pending"],
        "the gateway has it pending, the ledger cancelled",
    ),
]
KINDS = [
    one_row("held on both sides", row(2, status="authorized"), answer(**HOLD), *AS_MATCHED),
    one_row("an authorisation that was approved", row(2, kind="authorization"), answer(**HOLD), *AS_MATCHED),
    one_row(
        "held where the ledger was paid",
        row(2),
        answer(**HOLD),
        "status_mismatch",
        [],
        "the gateway has it authorized, the ledger approved",
    ),
    one_row("a purchase that is answered as a hold", row(2), answer(**HOLD), *AS_MATCHED, known=[known()]),
    one_row(
        "paid where the ledger holds",
        row(2, status="authorized"),
        answer(),
        "status_mismatch",
        [],
        "the gateway has it approved, the ledger authorized",
    ),
    one_row(
        "a refund for a payment",
        purchase(),
        answer(transaction_type="REFUND"),
        "status_mismatch",
        [],
        "the gateway calls it a REFUND, the ledger a payment",
    ),
    one_row(
        "a payment for a refund",
        row(2, kind="refund"),
        answer(),
        "status_mismatch",
        [],
        "the gateway calls it a CAPTURE, the ledger a refund",
    ),
    one_row(
        "a sale for a capture",
        row(2, kind="capture"),
        answer(transaction_type="SALE"),
        "status_mismatch",
        [],
        "the gateway calls it a SALE, the ledger a capture",
    ),
    one_row(
        "a void, whatever its amount", row(2, kind="void", amount="0"), answer(transaction_type="VOID"), *AS_MATCHED
    ),
    one_row("a payment by its void", purchase(status="cancelled"), answer(transaction_type="VOID"), *AS_MATCHED),
    scenario(
        "a hold that was voided",
        World(
            [row(2, status="cancelled"), row(3, "t2", kind="void")],
            answers=[answer(**HOLD), answer("t2", transaction_type="VOID")],
        ),
        {2: MATCHED, 3: MATCHED},
    ),
    one_row(
        "a hold whose void the journal has under its own transaction",
        row(2, status="cancelled"),
        answer(**HOLD),
        *AS_MATCHED,
        known=[
            known(operation="authorize", status="authorized"),
            known(ref="r1v", operation="void", parent="r1"),
        ],
    ),
    one_row(
        "a hold that nobody voided",
        row(2, status="cancelled"),
        answer(**HOLD),
        "status_mismatch",
        [],
        "the gateway has it authorized, the ledger cancelled",
    ),
    scenario(
        "a hold that was captured in part and in full",
        World(
            [row(2, amount="900"), row(3, "t2", reference="r2")],
            answers=[
                answer(**HOLD),
                answer("t3", gateway_code="INFO0001", amount="400"),
                answer("t4", gateway_code="INFO0001", amount="500"),
                answer("t2", reference="r2", **HOLD),
                answer("t5", reference="r2", gateway_code="INFO0001", amount="600"),
            ],
        ),
        {2: MATCHED, 3: ("amount_mismatch", [], "the gateway has 600 JPY, the ledger 1000 JPY (-400)")},
    ),
]
AMOUNTS = [
    one_row(
        "more",
        row(2),
        answer(amount="1200"),
        "amount_mismatch",
        [],
        "the gateway has 1200 JPY, the ledger 1000 JPY (+200)",
    ),
    one_row(
        "less than a cent is not lost",
        row(2, amount="9007199254740993.0001", currency="CLF"),
        answer(amount="9007199254740993.0002", currency="CLF"),
        "amount_mismatch",
        [],
        "the gateway has 9007199254740993.0002 CLF, the ledger 9007199254740993.0001 CLF (+0.0001)",
    ),
    one_row(
        "as much as is tolerated",
        row(2, amount="10.50", **USD),
        answer(amount="10.49", **USD),
        "amount_within_tolerance",
        [],
        "the gateway has 10.49 USD, the ledger 10.50 USD (-0.01)",
        **WITHIN_A_CENT,
    ),
    one_row(
        "more than is tolerated",
        row(2, amount="10.50", **USD),
        answer(amount="10.48", **USD),
        "amount_mismatch",
        [],
        "the gateway has 10.48 USD, the ledger 10.50 USD (-0.02)",
        **WITHIN_A_CENT,
    ),
    one_row(
        "more than is tolerated in this currency",
        row(2, amount="10.500", currency="KWD"),
        answer(amount="10.502", currency="KWD"),
        "amount_mismatch",
        [],
        "the gateway has 10.502 KWD, the ledger 10.500 KWD (+0.002)",
        rules=Rules(tolerance=Decimal(1), tolerances={"KWD": Decimal("0.001")}),
    ),
    one_row(
        "another currency",
        row(2),
        answer(amount="10", **USD),
        "currency_mismatch",
        [],
        "the gateway has 10.00 USD, the ledger 1000 JPY",
    ),
    one_row(
        "in part",
        row(2),
        answer(status="partially_approved", amount="800"),
        "amount_mismatch",
        [],
        "the gateway approved only 800 JPY, the ledger has 1000 JPY (-200)",
    ),
    one_row(
        "in part, which no tolerance hides",
        row(2),
        answer(status="partially_approved", amount="999"),
        "amount_mismatch",
        [],
        "the gateway approved only 999 JPY, the ledger has 1000 JPY (-1)",
        rules=Rules(tolerance=Decimal(5)),
    ),
    one_row(
        "in part, as the ledger says",
        row(2, status="partially_approved", amount="800"),
        answer(status="partially_approved", amount="800"),
        *AS_MATCHED,
    ),
    one_row(
        "not of a payment that the ledger has declined",
        row(2, status="declined", amount="5"),
        answer(),
        "status_mismatch",
        [],
        "the gateway has it approved, the ledger declined",
    ),
    one_row(
        "no amount at all",
        row(2),
        answer(**NO_MONEY),
        "unknown",
        [],
        "the gateway does not say how much it approved",
    ),
]
REFUNDS = [
    scenario(
        "by rows of the ledger and by the journal",
        World(
            [row(2, refunded="300"), row(3, "t2", kind="refund", amount="100")],
            known=[known(), known("t3", ref="r1b", operation="refund", amount="200", parent="r1")],
            answers=[
                answer(),
                answer("t2", transaction_type="REFUND", amount="100"),
                answer("t3", transaction_type="REFUND", amount="200"),
            ],
        ),
        {2: MATCHED, 3: MATCHED},
    ),
    scenario(
        "less than the ledger says",
        World(
            [row(2, refunded="300"), row(3, "t2", kind="refund", amount="300")],
            answers=[answer(), answer("t2", transaction_type="REFUND", status="declined", **NO_MONEY)],
        ),
        {
            2: ("refund_mismatch", [], "the gateway gave back 0 JPY, the ledger has 300 JPY (-300)"),
            3: ("status_mismatch", [], "the gateway has it declined, the ledger approved"),
        },
    ),
    scenario(
        "of which one is not answered for",
        World(
            [row(2, refunded="300"), row(3, "t2", kind="refund", amount="300")],
            answers=[answer(), failed("t2")],
        ),
        {
            2: ("unchecked", [], "whether a refund of it went through is not known"),
            3: ("unchecked", [], "the gateway did not answer: HTTP 503"),
        },
    ),
    scenario(
        "of which one contradicts the journal",
        World(
            [row(2, refunded="0")],
            known=[known(), known("t2", ref="r1b", operation="refund", amount="200", parent="r1")],
            answers=[
                answer(),
                answer("t2", transaction_type="REFUND", status="declined", contradicts=True, **NO_MONEY),
            ],
        ),
        {2: ("unchecked", [], "whether a refund of it went through is not known")},
    ),
    scenario(
        "that the ledger does not speak of",
        World([row(2)], answers=[answer(), answer("t2", transaction_type="REFUND", amount="300")]),
        {2: MATCHED},
    ),
    scenario(
        "told by one row of a chain and not by the other",
        World(
            [row(2, kind="authorization", refunded="0"), row(3, "t2", kind="capture", refunded="300")],
            answers=[
                answer(**HOLD),
                answer("t2", gateway_code="INFO0001"),
                answer("t3", transaction_type="REFUND", amount="300"),
            ],
        ),
        {2: MATCHED, 3: MATCHED},
    ),
    one_row(
        "of Corefy by its answer",
        row(2, refunded="300"),
        answer(transaction_type="SALE", gateway_code=None, refunded="250"),
        "refund_mismatch",
        [],
        "the gateway gave back 250 JPY, the ledger has 300 JPY (-50)",
        scope="corefy/live/A1",
    ),
    one_row(
        "of Corefy, none",
        row(2, refunded="0"),
        answer(transaction_type="SALE", gateway_code=None, refunded="0"),
        *AS_MATCHED,
        scope="corefy/live/A1",
    ),
    one_row(
        "of Corefy, which does not say how much",
        row(2, refunded="0"),
        answer(transaction_type="SALE", gateway_code=None, refunded=None),
        "unchecked",
        [],
        "the gateway does not say how much it gave back",
        scope="corefy/live/A1",
    ),
    one_row(
        "of Corefy, declined",
        row(2, status="declined", refunded="0"),
        answer(transaction_type="SALE", gateway_code=None, status="declined", refunded=None, **NO_MONEY),
        *AS_MATCHED,
        scope="corefy/live/A1",
    ),
    one_row(
        "of Corefy, where the journal confirmed the payment",
        row(2, refunded="300"),
        answer(transaction_type="SALE", gateway_code=None, source="journal"),
        *AS_MATCHED,
        scope="corefy/live/A1",
        known=[known(), known("ref_1", ref="r1b", operation="refund", amount="300", parent="r1")],
    ),
]
AT_THE_GATEWAY = [
    one_row(
        "under another reference",
        row(2, reference="r2"),
        answer(),
        "unknown",
        [],
        "the gateway has it under the reference r1, the ledger under r2",
    ),
    one_row(
        "under the reference of the refund itself",
        row(2, reference="b1"),
        answer(),
        *AS_MATCHED,
        known=[known(ref="b1")],
    ),
    one_row("under a masked reference", row(2, reference="520000******1005"), answer(), *AS_MATCHED),
    one_row(
        "not found",
        row(2),
        answer(outcome="not_found", status=None, **NO_MONEY),
        "missing_at_gateway",
        [],
        "the gateway knows no such transaction",
    ),
    one_row(
        "foreign",
        row(2),
        answer(outcome="foreign", status=None, reason="it is of another merchant", **NO_MONEY),
        "unknown",
        [],
        "it is of another merchant",
    ),
    one_row(
        "nothing sure",
        row(2),
        answer(status="unknown", reason="code 85 does not say what happened", **NO_MONEY),
        "unknown",
        [],
        "code 85 does not say what happened",
    ),
    one_row(
        "against the journal",
        row(2),
        answer(status="declined", contradicts=True, **NO_MONEY),
        "unknown",
        ["status_mismatch"],
        "the gateway has it declined, and the journal had it settled otherwise",
    ),
    scenario(
        "charged twice",
        World([row(2), row(3, "t2")], answers=[answer(), answer("t2")]),
        {
            2: ("duplicate_at_gateway", [], "charged more than once under the reference r1"),
            3: ("duplicate_at_gateway", [], "charged more than once under the reference r1"),
        },
    ),
    scenario(
        "tried twice, charged once",
        World([row(2)], answers=[answer(), answer("t2", status="declined", **NO_MONEY)]),
        {2: MATCHED},
    ),
    scenario(
        "held, captured and refunded",
        World(
            [row(2, kind="authorization"), row(3, "t2", kind="capture"), row(4, "t3", kind="refund")],
            answers=[
                answer(**HOLD),
                answer("t2", gateway_code="INFO0001"),
                answer("t3", transaction_type="REFUND"),
            ],
        ),
        {2: MATCHED, 3: MATCHED, 4: MATCHED},
    ),
    scenario(
        "a capture that only the journal tells from a purchase",
        World(
            [row(2, kind="authorization"), row(3, "t2", kind="capture")],
            known=[known(operation="authorize"), known("t2", ref="r1c", operation="capture")],
            answers=[answer(**HOLD), answer("t2", gateway_code=None, source="journal")],
        ),
        {2: MATCHED, 3: MATCHED},
    ),
    scenario(
        "a duplicate that the journal knows",
        World([row(2)], known=[known(), known("t2", role="duplicate", **UNTOLD)], answers=[answer(), failed("t2")]),
        {
            2: ("duplicate_at_gateway", [], "charged more than once under the reference r1"),
            "t2": (
                "missing_in_ledger",
                ["duplicate_at_gateway"],
                "the journal has it as a further charge under the reference",
            ),
        },
    ),
    scenario(
        "a duplicate that took no money in the end",
        World(
            [row(2)],
            known=[known(), known("t2", role="duplicate", **UNTOLD)],
            answers=[answer(), answer("t2", status="declined", **NO_MONEY)],
        ),
        {2: MATCHED},
    ),
    scenario(
        "renewals of a subscription, known and not",
        World(
            [row(2), row(3, "t2"), row(4, "t3"), row(5, "t4")],
            known=[known(operation="subscribe"), known("t2", role="renewal", operation="subscribe", **UNTOLD)],
            answers=[answer(), answer("t2"), answer("t3"), answer("t4")],
        ),
        {2: MATCHED, 3: MATCHED, 4: MATCHED, 5: MATCHED},
    ),
]
IN_THE_LEDGER = [
    scenario(
        "twice and three times",
        World([row(5), row(9), row(7)], answers=[answer()]),
        {
            5: ("matched", ["duplicate_in_ledger"], None),
            7: ("duplicate_in_ledger", [], "line 5 has the same transaction"),
            9: ("duplicate_in_ledger", [], "line 5 has the same transaction"),
        },
    ),
    scenario(
        "twice, and the first is wrong",
        World([row(2, amount="999"), row(3)], answers=[answer()]),
        {
            2: (
                "amount_mismatch",
                ["duplicate_in_ledger"],
                "the gateway has 1000 JPY, the ledger 999 JPY (+1)",
            ),
            3: ("duplicate_in_ledger", [], "line 2 has the same transaction"),
        },
    ),
    scenario(
        "unreadable",
        World(invalid=[{"line": 3, "field": "amount", "reason": "amount: is no number", "cells": "x"}]),
        {3: ("invalid_row", [], "amount: is no number")},
    ),
]


def missing(name: str, known_row: dict[str, Any], told: dict[str, Any] | None, *expected: Any, **about: Any) -> Any:
    """The scenario of a transaction that no row has."""
    found = {known_row["transaction_id"] or known_row["ref"]: expected} if expected else {}
    return scenario(name, World(known=[known_row], answers=[told] if told else [], **about), found)


HAS_IT: Expected = ("missing_in_ledger", [], "the journal has it: 1000 JPY")
MISSING = [
    missing("a payment", known(), answer(), *HAS_IT),
    missing("a payment that nobody answered for", known(), failed(), *HAS_IT),
    missing("a payment that is not to be asked for", known(), None, *HAS_IT),
    missing("a payment that was declined", known(), answer(status="declined", **NO_MONEY)),
    missing("a payment that is not found", known(), answer(outcome="not_found", status=None, **NO_MONEY)),
    missing(
        "a payment that nothing sure is said of",
        known(),
        answer(status="unknown", **NO_MONEY),
        "missing_in_ledger",
        ["unknown"],
        "the journal has it as approved, the gateway says nothing sure",
    ),
    missing(
        "a payment that is another merchant's",
        known(),
        answer(outcome="foreign", status=None, reason="it is of another merchant", **NO_MONEY),
        "missing_in_ledger",
        ["unknown"],
        "the journal has it as approved, the gateway says nothing sure",
    ),
    missing("a payment that is pending", known(status="pending"), answer(status="pending", **NO_MONEY)),
    missing("an authorisation", known(operation="authorize"), answer(**HOLD), *HAS_IT),
    missing("a void", known(operation="void"), answer(transaction_type="VOID")),
    missing("a refund", known(operation="refund"), answer(transaction_type="REFUND"), *HAS_IT),
    missing(
        "what a webhook told of",
        known(role="orphan", operation=None, **UNTOLD),
        answer(),
        "missing_in_ledger",
        [],
        "a webhook told of it, no payment of the journal is its own: 1000 JPY",
    ),
    missing(
        "what a webhook told of, and nobody knows",
        known(role="orphan", operation=None, **UNTOLD),
        answer(outcome="not_found", status=None, **NO_MONEY),
    ),
    missing(
        "a renewal",
        known("t2", role="renewal", operation="subscribe", **UNTOLD),
        answer("t2"),
        "missing_in_ledger",
        [],
        "the journal has it as a renewal of a subscription: 1000 JPY",
    ),
    missing("what a person says happened", known(None, confirmed=False), None, *HAS_IT),
    missing("what a person says was voided", known(None, operation="void", confirmed=False), None),
    missing("a payment without transaction that failed", known(None, status="declined"), None),
    missing("such a one, too late", known(None), None, selection=Selection(until=BEGUN - DAY)),
    scenario(
        "what a person says happened, and a row has under its reference",
        World([row(2, reference=None)], known=[known(None, confirmed=False)], answers=[answer()]),
        {2: MATCHED},
    ),
    scenario(
        "captured, and nobody is sure how much",
        World(
            [row(2)],
            known=[
                known(operation="authorize", status="authorized"),
                known("t2", ref="r1b", operation="capture"),
                known("t3", ref="r1c", operation="capture", amount="500"),
            ],
            answers=[answer(**HOLD), answer("t2", gateway_code="INFO0001"), answer("t3", status="unknown", **NO_MONEY)],
        ),
        {2: ("unknown", [], "the gateway does not say how much it approved")},
    ),
    scenario(
        "what a person says happened, and a webhook told of",
        World(known=[known(None, confirmed=False), known(role="orphan", operation=None, **UNTOLD)], answers=[answer()]),
        {
            "t1": (
                "missing_in_ledger",
                [],
                "a webhook told of it, no payment of the journal is its own: 1000 JPY",
            )
        },
    ),
    scenario(
        "a refund that a person says happened, beside another one",
        World(
            [row(2), row(3, "t2", kind="refund", amount="200")],
            known=[
                known(),
                known("t2", ref="r1b", operation="refund", amount="200"),
                known(None, ref="r1c", operation="refund", amount="300", confirmed=False),
            ],
            answers=[answer(), answer("t2", transaction_type="REFUND", amount="200")],
        ),
        {2: MATCHED, 3: MATCHED, "r1c": ("missing_in_ledger", [], "the journal has it: 300 JPY")},
    ),
    scenario(
        "a refund that a person says happened, and a row has",
        World(
            [row(2), row(3, "t2", kind="refund", amount="300")],
            known=[known(), known(None, ref="r1b", operation="refund", amount="300", confirmed=False)],
            answers=[answer(), answer("t2", transaction_type="REFUND", amount="300")],
        ),
        {2: MATCHED, 3: MATCHED},
    ),
    scenario(
        "a refund that a person says happened, beside its payment",
        World(
            [row(2)],
            known=[known(), known(None, ref="r1b", operation="refund", amount="300", confirmed=False)],
            answers=[answer()],
        ),
        {2: MATCHED, "r1b": ("missing_in_ledger", [], "the journal has it: 300 JPY")},
    ),
    missing("too early", known(), answer(), selection=Selection(since=BEGUN)),
    missing("too late", known(), answer(), selection=Selection(until=BEGUN - DAY)),
    missing("in the window", known(), answer(), *HAS_IT, selection=Selection(since=BEGUN - DAY, until=BEGUN)),
    scenario(
        "its reference is in the ledger",
        World(
            [row(2, None, kind="payment")],
            known=[known(ref="r0"), known("t2", ref="r1x", operation="authorize", status="authorized")],
            answers=[answer(), answer("t2", **HOLD)],
        ),
        {
            2: (
                "unchecked",
                [],
                "it has no transaction id, and the journal knows none for its reference",
            )
        },
    ),
    scenario(
        "a refund that its payment's row accounts for",
        World(
            [row(2, refunded="300")],
            known=[known(), known("t2", ref="r1b", operation="refund", amount="300", parent="r1")],
            answers=[answer(), answer("t2", transaction_type="REFUND", amount="300")],
        ),
        {2: MATCHED},
    ),
    scenario(
        "an authorisation that its capture stands for",
        World(
            [row(2, "t2")],
            known=[known(operation="authorize"), known("t2", ref="r1c", operation="capture", parent="r1")],
            answers=[answer(**HOLD), answer("t2", gateway_code="INFO0001")],
        ),
        {2: MATCHED},
    ),
    scenario(
        "a capture of what the ledger still holds",
        World(
            [row(2, status="authorized")],
            known=[known(operation="authorize"), known("t2", ref="r1c", operation="capture", parent="r1")],
            answers=[answer(**HOLD), answer("t2", gateway_code="INFO0001")],
        ),
        {2: MATCHED, "t2": HAS_IT},
    ),
    scenario(
        "a capture of what the ledger has as paid",
        World(
            [row(2)],
            known=[known(operation="authorize"), known("t2", ref="r1c", operation="capture", parent="r1")],
            answers=[answer(**HOLD), answer("t2", gateway_code="INFO0001")],
        ),
        {2: MATCHED},
    ),
    scenario(
        "an authorisation that was voided",
        World(
            known=[known(operation="authorize"), known("t2", ref="r1v", operation="void", parent="r1")],
            answers=[answer(**HOLD), answer("t2", transaction_type="VOID")],
        ),
        {},
    ),
]


SCENARIOS = [*UNCHECKED, *STATUSES, *KINDS, *AMOUNTS, *REFUNDS, *AT_THE_GATEWAY, *IN_THE_LEDGER, *MISSING]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """The findings of each scenario, compared together where they are compared alike, since that takes its time."""
    alike: dict[str, list[World]] = {}
    for one in SCENARIOS:
        world = one.values[0]
        alike.setdefault(repr((world.scope, world.selection, world.rules)), []).append(world)
    return {
        id(world): found
        for worlds in alike.values()
        for world, found in zip(worlds, findings_of_each(worlds, tmp_path_factory.mktemp("run")), strict=True)
    }


@pytest.mark.parametrize(("world", "expected"), SCENARIOS)
def test_a_row_comes_to(world, expected, outcomes):
    found = outcomes[id(world)]

    told = {(one["transaction_id"] or one["ref"]) if one["line"] is None else one["line"]: one for one in found}
    assert len(told) == len(found)
    assert {key: (one["verdict"], one["flags"], one["reason"]) for key, one in told.items()} == {
        key: (verdict, _in_order([verdict, *flags]), reason) for key, (verdict, flags, reason) in expected.items()
    }


def _in_order(flags: list[str]) -> list[str]:
    return [verdict.value for verdict in PRECEDENCE if verdict in flags]


def test_a_finding_shows_both_sides_and_the_journal(tmp_path):
    told = answer(amount="10.25", gateway_time=BEGUN - 2 * DAY, source="earlier", **USD)
    about = row(7, order_name="order 7", kind="payment", amount="10.00", refunded="3", at=BEGUN - DAY, **USD)
    refund = answer("t2", transaction_type="REFUND", amount="2", **USD)

    [found] = findings_of(World([about], known=[known(status="pending")], answers=[told, refund]), tmp_path)

    assert found == {
        "line": 7,
        "verdict": "amount_mismatch",
        "flags": ["amount_mismatch", "refund_mismatch"],
        "reason": "the gateway has 10.25 USD, the ledger 10.00 USD (+0.25)",
        "transaction_id": "t1",
        "reference": "r1",
        "order_name": "order 7",
        "kind": "payment",
        "at": BEGUN - DAY,
        "ledger_status": "approved",
        "gateway_status": "approved",
        "journal_status": "pending",
        "ledger_amount": Decimal("10.0000"),
        "ledger_currency": "USD",
        "gateway_amount": Decimal("10.2500"),
        "gateway_currency": "USD",
        "difference": Decimal("0.2500"),
        "ledger_refunded": Decimal("3.0000"),
        "gateway_refunded": Decimal("2.0000"),
        "gateway_type": "CAPTURE",
        "gateway_time": BEGUN - 2 * DAY,
        "source": "earlier",
        "ref": "r1",
    }


def test_what_nobody_could_be_asked_for_is_told_by_the_journal(tmp_path):
    [found] = findings_of(World(known=[known(order_name="order 7")], answers=[failed()]), tmp_path)

    shown = ("line", "source", "gateway_status", "gateway_amount", "gateway_currency", "order_name", "kind", "at")
    assert [found[name] for name in shown] == [
        *(None, "journal", "approved", Decimal("1000.0000")),
        *("JPY", "order 7", "payment", BEGUN - DAY),
    ]


def test_nothing_comes_to_nothing(tmp_path):
    assert findings_of(World(), tmp_path) == []


def test_findings_come_by_line_and_then_by_transaction(tmp_path):
    world = World(
        ledger=[row(line, f"t{line}", reference=None) for line in (9, 4, 7, 2)],
        invalid=[{"line": line, "reason": "?", "cells": ""} for line in (8, 3)],
        known=[known(f"k{n}", ref=f"k{n}", reference=f"k{n}") for n in (3, 1, 2)],
    )

    found = findings_of(world, tmp_path)

    assert [one["line"] or one["transaction_id"] for one in found] == [2, 3, 4, 7, 8, 9, "k1", "k2", "k3"]


def test_the_same_run_gives_the_same_file(tmp_path):
    world = World(ledger=[row(n, f"t{n % 700}", reference=f"r{n % 500}") for n in range(2000)])
    world.answers = [answer(f"t{n}", reference=f"r{n}") for n in range(700)]
    files = []
    for place in (tmp_path / "one", tmp_path / "two"):
        with laid_out(world, place) as run:
            compare(run, run.findings, Stop(), rules=world.rules, memory=MEMORY)
            files.append(run.findings.read_bytes())

    assert files[0] == files[1]


def test_other_rules_give_other_findings_of_the_same_run(tmp_path):
    world = World([row(2, amount="1001")], answers=[answer()])
    with laid_out(world, tmp_path / "run") as run:
        compare(run, run.findings, Stop(), rules=Rules(), memory=MEMORY)
        other = tmp_path / "other.parquet"
        compare(run, other, Stop(), rules=Rules(tolerance=Decimal(1)), memory=MEMORY)

        assert [_verdicts(path) for path in (run.findings, other)] == [["amount_mismatch"], ["amount_within_tolerance"]]


def _verdicts(path: Any) -> list[str]:
    found: list[str] = pq.read_table(path).column("verdict").to_pylist()
    return found


def test_pending_is_as_old_as_the_rules_say(tmp_path):
    world = World([row(2)], answers=[answer(status="pending", gateway_time=BEGUN - DAY, **NO_MONEY)])
    later = replace(world, rules=Rules(as_of=BEGUN + 3 * DAY))

    found = [findings_of(one, tmp_path / name)[0]["verdict"] for name, one in (("a", world), ("b", later))]

    assert found == ["timing_pending", "stale_pending"]


def test_refunds_that_differ_are_shown_as_they_were_compared(tmp_path):
    world = World(
        [row(2, kind="authorization", refunded="0"), row(3, "t2", kind="capture", refunded="300")],
        answers=[
            answer(**HOLD),
            answer("t2", gateway_code="INFO0001"),
            answer("t3", transaction_type="REFUND", amount="250"),
        ],
    )

    found = [(one["ledger_refunded"], one["gateway_refunded"]) for one in findings_of(world, tmp_path)]

    assert found == [(Decimal(300), Decimal(250))] * 2


def test_amounts_as_large_as_can_be_kept_add_up(tmp_path):
    most = "999999999999999999999999.9999"
    world = World(
        [row(2, amount=most, refunded=most), row(3, "t2", amount=most, refunded=most), row(4, "t3", kind="refund")],
        answers=[
            answer(amount=most),
            answer("t2", amount=most),
            answer("t3", transaction_type="REFUND", amount=most),
            answer("t4", transaction_type="REFUND", amount=most),
        ],
    )

    assert [one["verdict"] for one in findings_of(world, tmp_path)] == [
        *("duplicate_at_gateway", "duplicate_at_gateway", "amount_mismatch")
    ]


def test_a_stopped_comparison_leaves_no_findings(tmp_path):
    world = World([row(2)], answers=[answer()])
    stop = Stop()
    stop.set()

    with laid_out(world, tmp_path) as run:
        with pytest.raises(StoppedError):
            compare(run, run.findings, stop, rules=Rules(), memory=MEMORY)
        left = [path for path in tmp_path.rglob("*") if path.name not in _LAID_OUT and path.is_file()]

    assert left == []


_LAID_OUT = (
    "run.json",
    "run.lock",
    *(f"{name}.parquet" for name in ("ledger", "invalid", "known", "confirmed", "part-00000001", "part-00000002")),
)


def test_a_comparison_can_be_interrupted_in_the_middle(tmp_path, monkeypatch):
    interrupted = _Interrupted()
    world = World([row(2)], answers=[answer()])

    with laid_out(world, tmp_path) as run, pytest.raises(StoppedError):
        compare(run, run.findings, interrupted, rules=Rules(), memory=MEMORY)

    assert not (tmp_path / "findings.parquet").exists()


class _Interrupted(Stop):
    """Is set when the first batch of findings is there."""

    def check(self) -> None:
        self.checks = getattr(self, "checks", 0) + 1
        if self.checks > 1:
            self.set()
        super().check()


def test_a_file_name_may_hold_a_quote(tmp_path):
    place = tmp_path / "it's [one]"
    assert [one["verdict"] for one in findings_of(World([row(2)], answers=[answer()]), place)] == ["matched"]


def test_the_guide_tells_of_every_verdict_in_its_order():
    guide = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
    first, *_ = guide.split("\n\nA row is compared")

    assert re.findall(r"^\| `([a-z_]+)` \|", first, re.MULTILINE) == list(PRECEDENCE)
