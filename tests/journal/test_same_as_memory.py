"""Every journal does what the one in memory does: the same random calls, the same answers."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from paymentoptions_async.errors import PaymentOptionsError
from paymentoptions_async.intent import Change, Intent, NoticeState, PaymentEvent, Record
from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.payment import Operation, PaymentStatus
from paymentoptions_async.values import Money
from tests.journal.conftest import Store
from tests.journal.making import LEASE, becomes, make_intent, make_notice, not_sent, nothing

STEPS = 80
SCOPES = [make_intent(merchant=merchant).scope for merchant in ("JP00000001", "JP00000002")]
TRANSACTIONS = [f"ab8444e7-fec0-40dd-994d-{n:012}" for n in range(12)]
STATUSES = list(PaymentStatus)

Call = Callable[[Journal], Awaitable[Any]]


class Chance:
    """Makes up calls over few keys, orders and transactions, so that they meet."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.intents: list[Intent] = []
        self.events: list[str] = []

    def call(self) -> tuple[str, Call]:
        makers = [self.admit] * 4 + [self.change] * 5 + [self.look] * 4 + [self.notice] * 2 + [self.event] * 3
        return self.random.choice(makers)()

    def admit(self) -> tuple[str, Call]:
        pick = self.pick
        owner = f"owner {self.random.randrange(3)}"
        if self.intents and pick([True, False, False]):
            again = replace(pick(self.intents), order=pick([None, "A", "B"]), supersedes=None)
            return f"admit again {again}", lambda journal: journal.admit(again, owner=owner, lease=LEASE)
        merchant = pick(["JP00000001"] * 6 + ["JP00000002"])
        operation = pick([Operation.PURCHASE] * 3 + [Operation.AUTHORIZE, Operation.CAPTURE, Operation.REFUND])
        operation = pick([operation] * 5 + [Operation.VOID, Operation.HOSTED_PAGE])
        about: dict[str, Any] = {"operation": operation, "amount": Money(pick(["1000"] * 3 + ["300"]), "JPY")}
        if operation.follows:
            about["parent"] = pick([self.ref(), self.ref(), pick(TRANSACTIONS)])
            about["insist"] = pick([True, False])
        else:
            about["order"] = pick([None, None, "A", "B"])
            about["supersedes"] = pick([None, None, self.ref()]) if about["order"] else None
        intent = make_intent(f"{self.random.randrange(12)}", merchant=merchant, **about)
        self.intents.append(intent)
        return f"admit {intent}", lambda journal: journal.admit(intent, owner=owner, lease=LEASE)

    def change(self) -> tuple[str, Call]:
        pick = self.pick
        status, ref = pick([*STATUSES, PaymentStatus.APPROVED, PaymentStatus.APPROVED]), self.ref()
        about: dict[str, Any] = {"transaction_id": pick([None, pick(TRANSACTIONS)])}
        about["renewals"] = tuple(self.random.sample(TRANSACTIONS, pick([0, 0, 2])))
        event = pick(["answered", "confirmed", "contradiction"])
        raw = pick([None, {"payment_details": {"amount": 1000}}])
        decide = pick([becomes(status, event=event, raw=raw, **about)] * 4 + [not_sent, nothing, _mistaken])
        return f"change {ref} {status} {about}", lambda journal: journal.change(ref, decide)

    def look(self) -> tuple[str, Call]:
        pick = self.pick
        ref, transaction_id, scope, seconds = self.ref(), pick(TRANSACTIONS), pick(SCOPES), pick([0.0, 30.0])
        looks: dict[str, Call] = {
            "get": lambda journal: journal.get(ref),
            "find": lambda journal: journal.find(transaction_id),
            "about": lambda journal: journal.about(transaction_id, ref),
            "followers": lambda journal: _as_set(journal.followers(ref)),
            "followers by id": lambda journal: _as_set(journal.followers(transaction_id)),
            "history": lambda journal: journal.history(ref),
            "unresolved": lambda journal: journal.unresolved(scope, older_than=seconds),
            "records": lambda journal: journal.records(scope, after=ref, limit=3),
            "notices": lambda journal: journal.notices(ref),
            "waiting notices": lambda journal: journal.waiting_notices(scope, limit=2),
            "orphans": lambda journal: journal.orphans(scope, after=(ref, ""), limit=2),
            "changed": lambda journal: journal.changed(ref, after=99, timeout=0),
        }
        name = pick(list(looks))
        return f"{name} {ref} {transaction_id} {scope} {seconds}", looks[name]

    def notice(self) -> tuple[str, Call]:
        pick = self.pick
        about = {"scope": pick(SCOPES), "known": pick([True, False]), "body": {"n": self.random.randrange(9)}}
        notice = make_notice(self.ref(), pick("abc"), **about)
        if pick([True, False]):
            return f"note {notice}", lambda journal: journal.note(notice)
        state = pick(list(NoticeState))
        return f"close {notice}", lambda journal: journal.close_notice(notice, state, "done")

    def event(self) -> tuple[str, Call]:
        pick = self.pick
        scope, owner, limit = pick(SCOPES), f"owner {self.random.randrange(2)}", pick([1, 5])
        event_id = pick(self.events) if self.events else f"{self.ref()}:2"
        calls: dict[str, Call] = {
            "keep": lambda journal: journal.keep_events(SCOPES[0]),
            "claim": lambda journal: journal.claim_events(scope, owner=owner, lease=20, limit=limit),
            "close": lambda journal: journal.close_event(event_id, owner=owner),
            "put back": lambda journal: journal.put_back_event(event_id, owner=owner, delay=10),
        }
        name = pick(["keep", "claim", "claim", "claim", "close", "close", "put back"])
        return f"{name} {scope} {owner} {limit} {event_id}", calls[name]

    def pick(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def ref(self) -> str:
        return self.random.choice(self.intents).ref if self.intents and self.random.random() < 0.95 else "POUNKNOWN"


def _mistaken(record: Record) -> Change:
    raise ValueError("a mistake")


async def _as_set(found: Awaitable[Any]) -> frozenset[Record]:
    return frozenset(replace(record, payment=replace(record.payment, raw=None)) for record in await found)


async def outcome(call: Call, journal: Journal) -> Any:
    """What a call returns, or what it raises; which of several attempts an order's refusal names may differ."""
    try:
        answer = await call(journal)
    except PaymentOptionsError as error:
        return type(error), error.ref
    except (KeyError, ValueError) as error:
        return type(error)
    return list(answer) if isinstance(answer, (list, tuple)) else answer


@pytest.mark.parametrize("seed", range(12))
async def test_the_same_calls_have_the_same_answers(store: Store, seed: int) -> None:
    plain = MemoryJournal(clock=store.clock)
    journals = [store.journal, store.another()]
    chance = Chance(seed)
    for step in range(STEPS):
        said, call = chance.call()
        found = await outcome(call, journals[step % 2])
        expected = await outcome(call, plain)
        assert found == expected, f"seed {seed}, step {step}: {said}"
        if isinstance(expected, list):
            chance.events += [event.id for event in expected if isinstance(event, PaymentEvent)]
        if chance.random.random() < 0.2:
            store.clock.advance(chance.random.choice([0.5, 10, LEASE]))
    for intent in chance.intents:
        assert await journals[0].get(intent.ref) == await plain.get(intent.ref)
        assert await journals[1].history(intent.ref) == await plain.history(intent.ref)
