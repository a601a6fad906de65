from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.gateway_json import read_masked
from paymentoptions_async.intent import Entry, Intent, Notice, NoticeState, Record
from paymentoptions_async.journal import rows
from paymentoptions_async.payment import Decline, Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.values import MaskedCard, Money
from tests.support.reply_samples import body, operation_reply

# Any text at all: NUL and lone surrogates too, which no database takes as they are.
words = some.text(max_size=20)
maybe = words | some.none()
finite = some.floats(allow_nan=False, allow_infinity=False)
numbers = some.decimals(allow_nan=False, allow_infinity=False) | some.from_regex(
    r"\A-?[0-9]{1,30}(\.[0-9]{1,20})?(E[+-]?[0-9]{1,3})?\Z"
).map(Decimal)
moneys = some.builds(
    lambda digits, currency: Money.from_wire(Decimal(digits).scaleb(-Money.zero(currency).exponent), currency),
    some.integers(0, 10**20),
    some.sampled_from(["JPY", "USD", "KWD", "CLF"]),
)
zones = some.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=3, minutes=30))])
times = some.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones)  # noqa: DTZ001  zones are theirs
tuples = some.lists(words, max_size=3).map(tuple)
json_values = some.recursive(
    some.none() | some.booleans() | some.integers(-(10**40), 10**40) | numbers | words,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)
raws = some.dictionaries(words, json_values, max_size=6)
cards = some.builds(MaskedCard, words, words, maybe, maybe, maybe)
declines = some.builds(Decline, words, some.integers() | some.none(), maybe, some.booleans(), maybe)
evidence = some.builds(
    Evidence,
    some.sampled_from(Left),
    some.sampled_from(Stage),
    maybe,
    some.integers(100, 599) | some.none(),
    maybe,
    finite,
    some.integers(1, 9),
)
operations = some.sampled_from([operation for operation in Operation if operation is not Operation.STATUS])
intents = some.builds(
    Intent,
    gateway=words,
    environment=words,
    merchant_id=words,
    operation=operations,
    idempotency_key=words,
    ref=words,
    amount=moneys | some.none(),
    currency=maybe,
    parent=maybe,
    charge_ref=maybe,
    insist=some.booleans(),
    instrument=maybe,
    order=maybe,
    supersedes=maybe,
    has_3d_secure=some.booleans(),
    signing_key=maybe,
    named_first=some.booleans(),
)
payments = some.builds(
    Payment,
    ref=words,
    operation=operations,
    status=some.sampled_from(PaymentStatus),
    progress=some.sampled_from(Progress),
    environment=words,
    merchant_id=words,
    amount=moneys | some.none(),
    approved_amount=moneys | some.none(),
    charged_back=moneys | some.none(),
    idempotency_key=maybe,
    order=maybe,
    parent=maybe,
    transaction_id=maybe,
    transaction_type=maybe,
    auth_code=maybe,
    response_code=some.integers() | some.none(),
    gateway_code=maybe,
    decline=declines | some.none(),
    card=cards | some.none(),
    redirect_url=maybe,
    redirect_form=some.dictionaries(words, words) | some.none(),
    stored_payment_method_id=maybe,
    subscription_id=maybe,
    has_3d_secure=some.booleans(),
    gateway_time=times | some.none(),
    opened_at=times | some.none(),
    source=some.sampled_from(Source),
    doubts=tuples,
    contradicted=some.booleans(),
    duplicate_charges=tuples,
    renewals=tuples,
    raw=raws | some.none(),
)
records = some.builds(
    Record,
    intent=intents,
    payment=payments,
    owner=words,
    deadline=finite,
    opened_at=finite,
    changed_at=finite,
    version=some.integers(1),
)
entries = some.builds(
    Entry,
    version=some.integers(1),
    at=finite,
    source=some.sampled_from(Source),
    status=some.sampled_from(PaymentStatus),
    progress=some.sampled_from(Progress),
    event=words,
    evidence=evidence | some.none(),
    doubts=tuples,
    by=maybe,
    note=maybe,
)
notices = some.builds(
    Notice,
    ref=words,
    digest=words,
    transaction_ids=tuples,
    body=raws,
    scope=words,
    known=some.booleans(),
    state=some.sampled_from(NoticeState),
    received_at=finite,
    outcome=words,
)

PAYMENT = Payment(ref="PO1", operation=Operation.PURCHASE, status=PaymentStatus.APPROVED)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types, and Decimals of the same exponent."""
    if isinstance(one, dict):
        return one == other and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return one == other and type(one) is type(other) and all(map(same, one, other))
    if isinstance(one, Decimal):
        return isinstance(other, Decimal) and one.as_tuple() == other.as_tuple()
    if isinstance(one, Money):
        return same(one.amount, other.amount) and one.currency == other.currency
    if isinstance(one, datetime):
        return one == other and other.tzinfo is UTC
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other) and type(one) is type(other)


def read_back(record: Record) -> Record:
    written = dict(zip(rows.INTENT_COLUMNS, rows.intent_row(record.intent), strict=True))
    written |= dict(zip(rows.STATE_COLUMNS, rows.state_row(record), strict=True))
    assert all(value is None or type(value) in (str, int, float, bool) for value in written.values())
    assert written["intent"].isascii()
    assert written["payment"].isascii()
    return rows.read_record([written[name] for name in rows.RECORD_COLUMNS])


@given(records)
def test_a_record_reads_back_as_it_was_written(record: Record) -> None:
    assert same(record, read_back(record))


@given(entries)
def test_a_line_of_history_reads_back_as_it_was_written(entry: Entry) -> None:
    row = rows.entry_row(entry)
    assert len(row) == len(rows.ENTRY_COLUMNS)
    assert same(entry, rows.read_entry(row))


@given(notices)
def test_a_webhook_reads_back_as_it_was_written(notice: Notice) -> None:
    row = rows.notice_row(notice)
    assert len(row) == len(rows.NOTICE_COLUMNS)
    assert same(notice, rows.read_notice(row))


def test_the_properties_try_every_field() -> None:
    """A new field must not be forgotten: its strategy would leave it at its default."""
    for kind, made in ((Intent, intents), (Payment, payments), (Record, records), (Entry, entries), (Notice, notices)):
        assert {f.name for f in fields(kind)} == set(made.wrapped_strategy.kwargs), kind
    assert len(fields(Evidence)) == 7
    assert len(fields(Decline)) == 5
    assert len(fields(MaskedCard)) == 5


def test_an_answer_of_the_gateway_comes_back_equal() -> None:
    raw, _ = read_masked(body(operation_reply({"payment_details.amount": 10.50})))
    assert raw["payment_details"]["amount"] == Decimal("10.5")
    payment = replace(PAYMENT, raw=raw, stored_payment_method_id="token", redirect_url="https://gateway.example/3ds")
    assert same(rows.read_payment(rows.write_payment(payment)), payment)


@pytest.mark.parametrize("literal", ["10.50", "0.00", "-0.0", "1E+2", "1.5e-7", "100000000000000000000.01", "1.0E1"])
def test_numbers_keep_every_digit(literal: str) -> None:
    raw = json.loads(f'{{"amount": {literal}}}', parse_float=Decimal)
    assert same(rows.read_payment(rows.write_payment(replace(PAYMENT, raw=raw))).raw, raw)


def test_texts_that_look_like_numbers_stay_texts() -> None:
    raw = {"amount": "10.50", "code": "1E5", "note": '"10.50"', "null": "null"}
    assert same(rows.read_payment(rows.write_payment(replace(PAYMENT, raw=raw))).raw, raw)


def test_an_amount_is_read_though_its_currency_was_withdrawn() -> None:
    text = rows.write_payment(replace(PAYMENT, amount=Money("10.50", "EUR"))).replace("EUR", "XXA")
    amount = rows.read_payment(text).amount
    assert amount is not None
    assert (amount.amount, amount.currency) == (Decimal("10.50"), "XXA")


def test_what_is_nested_absurdly_deep_is_cut_short() -> None:
    nested: Any = "bottom"
    for _ in range(900):
        nested = [{"deeper": nested}]
    text = rows.write_payment(replace(PAYMENT, raw={"nested": nested}))
    assert "[nested too deeply]" in text
    assert rows.read_payment(text).raw is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"ref":"PO1","operation":"purchase","status":"approved","invented":1}',
        '{"ref":"PO1","operation":"purchase","status":"half_approved"}',
        '{"ref":"PO1","operation":"purchase"}',
        '{"ref":"PO1","operation":"purchase","status":"approved","amount":"10 50 USD"}',
        '{"ref":"PO1","operation":"purchase","status":"approved","gateway_time":"yesterday"}',
        '{"ref":"PO1","operation":"purchase","status":"approved","card":{"number":"1"}}',
        '{"ref":"PO1","operation":"purchase","status":"appro',
        "[]",
        "null",
    ],
)
def test_what_this_version_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(JournalUnavailable, match="a newer version of this package wrote it, or the journal is damaged"):
        rows.read_payment(text)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan"), float("inf"), {1}, object()])
def test_what_is_no_json_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        rows.write_payment(replace(PAYMENT, raw={"value": value}))


def test_ids_of_all_transactions_are_listed_once() -> None:
    payment = replace(PAYMENT, transaction_id="a", duplicate_charges=("b", "a"), renewals=("c", "b"))
    assert rows.transaction_ids(payment) == ("a", "b", "c")
    assert rows.transaction_ids(PAYMENT) == ()
