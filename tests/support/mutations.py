"""Bodies that no gateway should send, the same ones for the same seed, and what must hold of whatever is read of them.

`fuzz` is the campaign: answers of every kind, and webhooks through the whole inbox, whose status answers are mutated
too. Whatever comes: a typed result or a documented exception, nothing believed that was not asked for, and no mark of
card data in anything that is kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlencode

from paymentoptions_async.errors import WebhookRejected
from paymentoptions_async.flow import Flow
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.gateway_json import json_default
from paymentoptions_async.intent import Change, Intent
from paymentoptions_async.journal import MemoryJournal, rows
from paymentoptions_async.links import read_link
from paymentoptions_async.notices import read_notice
from paymentoptions_async.payment import Expected, Operation, PaymentStatus, Progress, Reading, Source
from paymentoptions_async.redirects import Purpose
from paymentoptions_async.replies import read_operation, read_status
from paymentoptions_async.settings import Settings
from paymentoptions_async.subscription import Subscription, read_subscriptions
from paymentoptions_async.values import Money
from paymentoptions_async.webhooks import Inbox
from tests.support.reply_samples import (
    ASKED,
    ASKED_STATUS,
    LINK,
    MERCHANT,
    REDIRECT,
    REF,
    TRANSACTION,
    body,
    decline,
    operation_reply,
    status_reply,
)
from tests.support.scripted import answer
from tests.support.status_desk import StatusDesk
from tests.support.virtual_time import VirtualLoop, unix_time

SUBSCRIPTION = {
    "success": True,
    "subscription_details": {
        "id": "0b3ab1c2-9a31-4f6c-8f42-8c4b8ad2ef11",
        "status": "ACTIVE",
        "subscription_plan_details": {"name": "Box", "desc": f"monthly {REF}", "amount": 1000, "ccy": "JPY"},
        "subscription_transaction_details": [{"id": TRANSACTION, "cycle": 1, "amount": 1000, "ccy": "JPY"}],
    },
}
HOSTED = {"url": LINK, "merchant_txn_ref": REF, "merchant_id": MERCHANT, "currency": "JPY", "amount": 1000}
SAMPLES: list[dict[str, Any]] = [
    operation_reply(),
    status_reply(),
    decline(),
    decline(-8003),
    REDIRECT,
    HOSTED,
    SUBSCRIPTION,
    {"message": "Forbidden"},
]
HTTP = [None, 200, 201, 302, 400, 403, 404, 406, 412, 429, 500, 504]
NOTABLE = [0, 8, 10, 578, 5, 94, "0", "00", "true", "false", 10**40, 1e300, -0.0, "\ud800", "\x00", REF, "JPY", LINK]
SECRET = ["4000002500003155", 4000002500003155, "cvc: 123", "4000 0025 0000 3155"]
KNOWN = ["ERR3004", "REFUND", "PRE_AUTH", "CAPTURE", "VOID", "2024-11-25T08:24:36.000Z", 1000, 999, TRANSACTION]
MARKS = ("2500003155", "0000 3155", "cvc: 123", "eyJqdGki")
"""What would show of the secrets of `SECRET` and `LINK`."""

ASKED_PAGE = replace(ASKED, operation=Operation.HOSTED_PAGE)


# Bodies ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it comes. One that was damaged byte by byte may hold card numbers that are none any more."""

    content: bytes
    damaged: bool
    http_status: int | None
    content_type: str


def make_body(random: Random) -> Body:
    """Draw one body, its HTTP status and its content type."""
    kind = random.choices(("mutated", "damaged", "half", "bytes", "form"), (50, 25, 5, 5, 15))[0]
    sample = random.choice(SAMPLES)
    content_type = random.choice(("application/json", "", "text/xml", "application/x-www-form-urlencoded"))
    if kind == "mutated":
        text = json.dumps(mutated(random), ensure_ascii=random.random() < 0.5)
        content = text.encode("utf-8", "surrogatepass")
    elif kind == "damaged":
        content = damaged(random, body(sample))
    elif kind == "half":
        content = body(sample)[: random.randrange(len(body(sample)))]
    elif kind == "bytes":
        content = random.randbytes(random.randrange(200))
    else:
        fields = {str(name): str(_value(random)) for name in random.sample(["id", "card", "cvc", "a", "success"], 3)}
        content, content_type = urlencode(fields, errors="replace").encode(), "application/x-www-form-urlencoded"
    return Body(content, kind != "mutated", random.choice(HTTP), content_type)


def mutated(random: Random) -> Any:
    """A sample with a few members replaced, removed or renamed."""
    reply = deepcopy(random.choice(SAMPLES))
    for _ in range(random.randint(1, 3)):
        places = [path for path in paths(reply) if path]
        if not places:
            break
        *way, name = random.choice(places)
        place: Any = reply
        for step in way:
            place = place[step]
        match random.randrange(5):
            case 0:
                del place[name]
            case 1:
                place[str(random.choice([*SECRET, *KNOWN, "number", "cvc", "token"]))] = place.pop(name)
            case _:
                place[name] = _value(random)
    return reply


def damaged(random: Random, content: bytes) -> bytes:
    """Bytes with some replaced, removed, doubled or slipped in."""
    text = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if not text:
            break
        at = random.randrange(len(text))
        text[at : at + random.randrange(4)] = random.choice((random.randbytes(random.randrange(4)), text[at : at + 40]))
    return bytes(text)


def paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where something stands in JSON-like data, the data itself first."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))


def _value(random: Random, depth: int = 0) -> Any:
    kind = random.randrange(10)
    if kind == 0 and depth < 3:
        return [_value(random, depth + 1) for _ in range(random.randrange(3))]
    if kind == 1 and depth < 3:
        return {_text(random): _value(random, depth + 1) for _ in range(random.randrange(3))}
    plain = (None, True, False, random.randint(-(2**63), 2**63), random.uniform(-1e6, 1e6), _text(random))
    return random.choice((random.choice(plain), random.choice(NOTABLE), random.choice(SECRET), random.choice(KNOWN)))


def _text(random: Random) -> str:
    letters = "aZ0 \t\n\"\\/'<>&%=:;é—\u0000\u202e日\ud83d\ude00"
    return "".join(random.choice(letters) for _ in range(random.randrange(11)))


# What must hold -------------------------------------------------------------------------------------------------------


def check(reading: Reading) -> None:
    """A typed result, in agreement with itself, that any journal can keep, and approves only what was asked for."""
    assert isinstance(reading, Reading)
    assert not any(doubt.startswith("the answer could not be read") for doubt in reading.doubts), reading.doubts
    if reading.status is PaymentStatus.APPROVED:
        assert reading.approved_amount == Money("1000", "JPY")
        assert reading.response_code in (0, 8)
        assert (reading.doubts, reading.foreign) == ((), None)
        _check_approval(reading.raw)
    if reading.status is PaymentStatus.UNKNOWN:
        assert reading.doubts
    assert (reading.decline is not None) == (reading.status is PaymentStatus.DECLINED)
    assert (reading.redirect_url is not None) == (reading.status is PaymentStatus.ACTION_REQUIRED)
    kept = json.dumps(reading.raw, default=json_default, ensure_ascii=False)
    kept.encode()  # it can be stored
    assert "\\u0000" not in kept.replace("\\\\", "")


def _check_approval(raw: Any) -> None:
    """An approval says itself that it is one, whose it is, and of what; looked at without the code under test."""
    assert str(raw["success"]).lower() == "true"
    assert str(raw.get("is_live", False)).lower() in ("false", "none")
    assert raw["merchant_details"]["mid"] == MERCHANT
    places = [place for place in (raw["merchant_details"], raw.get("transaction_details")) if isinstance(place, dict)]
    references = [place.get("merchant_txn_ref") for place in places]
    assert all(found == REF for found in references if isinstance(found, str | int) and found not in ("", True, False))
    kind = raw.get("transaction_type")
    assert kind in ("CAPTURE", "PRE_AUTH", "") or not isinstance(kind, str | int) or isinstance(kind, bool)
    assert not raw.get("redirect_url")


def check_masked(reading: Reading) -> None:
    """`check`, and no mark of a secret in what is shown or kept."""
    check(reading)
    kept = json.dumps(reading.raw, default=json_default)
    shown = (kept, repr(reading.doubts), repr(reading), str(reading.message), repr(reading.card), repr(reading.decline))
    check_shown(*shown)


def check_shown(*texts: str) -> None:
    """No mark of a secret in any of the texts."""
    for text in texts:
        for mark in MARKS:
            assert mark not in text, mark


# The campaign ---------------------------------------------------------------------------------------------------------


def fuzz(seed: int, count: int) -> Counter[str]:
    """Read ``count`` bodies in every way there is, and return how often what came out.

    The same seed gives the same bodies, whatever the count. Raises AssertionError, which names the body by seed and
    number, where one of them breaks a promise.
    """
    found: Counter[str] = Counter()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner, _logged() as lines:
        for first in range(0, count, _ROUND):
            runner.run(_round(seed, range(first, min(first + _ROUND, count)), found))
            check_shown(*lines)
            lines.clear()
    return found


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What is logged meanwhile, here and nowhere else: every other webhook can't be confirmed, and says so."""
    log, lines = logging.getLogger("paymentoptions_async"), _Lines()
    before, log.propagate = (log.level, log.propagate), False
    log.addHandler(lines)
    log.setLevel(logging.DEBUG)
    try:
        yield lines.kept
    finally:
        log.removeHandler(lines)
        log.setLevel(before[0])
        log.propagate = before[1]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(self.format(record))


_ROUND = 20
"""Bodies that go through one inbox."""


async def _round(seed: int, numbers: range, found: Counter[str]) -> None:
    shop = _Shop()
    await shop.open()
    for number in numbers:
        random = Random(f"{seed}:{number}")
        one = make_body(random)
        try:
            _read(one, found)
            await shop.receive(one, make_body(random), found)
        except Exception as error:
            raise AssertionError(f"body {number} of seed {seed}: {type(error).__name__}: {error}") from error
    await shop.check()


def _read(one: Body, found: Counter[str]) -> None:
    """Read a body as each kind of answer."""
    checked = check if one.damaged else check_masked
    for name, read in (
        ("operation", partial(read_operation, expected=ASKED)),
        ("status", partial(read_status, expected=ASKED_STATUS)),
        ("link", partial(read_link, expected=ASKED_PAGE)),
    ):
        reading = read(one.http_status, {}, one.content)
        checked(reading)
        found[f"{name} {reading.status.value}"] += 1
    subscriptions = read_subscriptions(one.content)
    assert subscriptions is None or all(isinstance(each, Subscription) for each in subscriptions)
    if subscriptions and not one.damaged:
        check_shown(repr(subscriptions))
    found["subscriptions" if subscriptions else "no subscriptions"] += 1


class _Shop:
    """A payment that waits for its buyer, and the inbox of its merchant."""

    def __init__(self) -> None:
        self.desk = StatusDesk()
        self.settings = Settings.check(
            merchant_id=MERCHANT,
            environment="sandbox",
            sandbox_url="http://127.0.0.1:1",
            signing_secrets="0123456789abcdef",
            public_url="https://shop.example/pay",
            proxy=None,
        )
        self.journal = MemoryJournal(clock=unix_time)
        self.gateway = CardGateway(self.settings)
        self.flow = Flow(journal=self.journal, wire=self.desk, gateway=self.gateway, random=Random(1))
        self.intent = Intent(
            gateway=NAME,
            environment="sandbox",
            merchant_id=MERCHANT,
            operation=Operation.PURCHASE,
            idempotency_key="1",
            ref=REF,
            amount=Money("1000", "JPY"),
        )
        self.inbox = Inbox(self.flow, self.settings.signer, scope=self.intent.scope, clock=unix_time, random=Random(1))
        self.token = self.settings.signer.token(REF, Purpose.WEBHOOK)
        self.approvals = 0

    async def open(self) -> None:
        waiting = replace(self.intent.opened(), status=PaymentStatus.ACTION_REQUIRED, progress=Progress.ANSWERED)
        await self.journal.admit(self.intent, owner="gone", lease=45.0)
        await self.journal.change(REF, lambda _: Change(waiting, Source.REPLY, "answered"))

    async def receive(self, webhook: Body, told: Body, found: Counter[str]) -> None:
        """Let a webhook come, whose status query is answered with another body."""
        notice = read_notice(REF, webhook.content, content_type=webhook.content_type)
        assert rows.read_notice(rows.notice_row(notice)) == notice
        if not webhook.damaged:
            check_shown(repr(notice), json.dumps(notice.body, default=json_default))
        reply = answer(told.content, told.http_status or 200)
        self.desk.books = dict.fromkeys((*notice.transaction_ids, TRANSACTION), reply)
        self.approvals += self._approves(reply, notice.transaction_ids)
        headers = {"Content-Type": webhook.content_type}
        try:
            await self.inbox.receive(REF, self.token, headers=headers, body=webhook.content)
        except WebhookRejected:
            found["webhook rejected"] += 1
        await self.flow.drain()
        record = await self.journal.get(REF)
        assert record is not None
        found[f"payment {record.payment.status.value}"] += 1
        assert rows.read_payment(rows.write_payment(record.payment)) == record.payment
        if record.payment.status.took_money:
            assert self.approvals, "nobody approved it"
            assert record.payment.approved_amount is not None
            assert record.payment.approved_amount <= Money("1000", "JPY")

    def _approves(self, reply: Any, ids: tuple[str, ...]) -> bool:
        expected = Expected(Operation.PURCHASE, MERCHANT, live=False, ref=REF, amount=Money("1000", "JPY"), strict=True)
        asked = [replace(expected, transaction_id=one) for one in (*ids, TRANSACTION)]
        return any(read_status(reply.status, {}, reply.body, one).status.took_money for one in asked)

    async def check(self) -> None:
        """Whatever came, the record is whole."""
        [record] = await self.journal.records(self.intent.scope)
        assert len(await self.journal.history(REF)) == record.version
