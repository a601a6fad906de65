"""What the journal's commands show on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from paymentoptions_async.balance import Balance
from paymentoptions_async.cli.journal import texts
from paymentoptions_async.cli.options import write_duration
from paymentoptions_async.evidence import Evidence
from paymentoptions_async.intent import Entry, Notice, Record
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.settlement import Verdict
from paymentoptions_async.settling import Settlement, Urgency
from paymentoptions_async.values import Money

_WIDE = 140
"""Columns from which a payment has room in one line: a reference alone takes 34."""
_UNBOUND = 200
"""Columns where nobody looks, so that a line is not broken for a file or a mail."""

_COLOURS = {
    PaymentStatus.UNKNOWN: "bold red",
    PaymentStatus.PENDING: "yellow",
    PaymentStatus.ACTION_REQUIRED: "cyan",
    PaymentStatus.DECLINED: "red",
}
_TITLES = {
    Urgency.BILLING: "Subscriptions: they keep billing",
    Urgency.UNDECIDED: "Unknown and pending: money may have moved",
    Urgency.WAITING: "Waiting for their buyers: settle --all-abandoned closes old ones",
}
_COUNTED = {
    Urgency.BILLING: "subscriptions",
    Urgency.UNDECIDED: "unknown or pending",
    Urgency.WAITING: "waiting for their buyers",
}


def open_console() -> Console:
    """The terminal; or a page that is wide enough, where there is none."""
    measured = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, emoji=False, width=None if measured else _UNBOUND)


def show_unresolved(
    console: Console, records: Sequence[Record], *, waiting: Collection[str], whose: str | None, now: float
) -> None:
    """List what is not final, the most urgent group first. ``waiting`` has the references whose webhooks wait."""
    groups = {urgency: [r for r in records if Urgency.of(r.payment) is urgency] for urgency in Urgency}
    for urgency, group in groups.items():
        if group:
            console.print(Text(_TITLES[urgency], "bold"))
            console.print(_list(group, waiting, now, one_line=console.width >= _WIDE))
    counts = ", ".join(f"{_COUNTED[urgency]} {len(group)}" for urgency, group in groups.items() if group)
    console.print(Text(f"{len(records)} unresolved of {whose}: {counts}", "bold"))
    console.print("All of one: paymentoptions journal show REF")
    console.print("After a look in the portal: paymentoptions journal settle REF")


@dataclass(frozen=True, slots=True)
class Found:
    """All that the journal has of a payment. ``balance`` is None where nothing can follow it."""

    record: Record
    history: Sequence[Entry]
    notices: Sequence[Notice]
    followers: Sequence[Record]
    balance: Balance | None


def show_record(console: Console, found: Found, *, now: float) -> None:
    """Tell all of a payment but pages, tokens and the gateway's answers."""
    console.print(Text(found.record.ref, "bold"))
    console.print(_facts(_about(found.record, found.notices, now)))
    console.print(Text("History (UTC)", "bold"))
    console.print(_history(found.history))
    if found.notices:
        console.print(Text("Webhooks (UTC)", "bold"))
        console.print(_notices(found.notices))
    if found.followers:
        console.print(Text("What followed", "bold"))
        console.print(_list(found.followers, (), now, one_line=console.width >= _WIDE))
    if found.balance is not None:
        console.print(Text("Balance, by what the journal knows", "bold"))
        console.print(_facts(_amounts(found.balance, found.record.payment.operation)))


def show_settlement(
    console: Console, settlement: Settlement, verdict: Verdict, *, by: str, note: str, now: float
) -> None:
    """Say what will be settled, how, and what follows from it."""
    record = settlement.record
    console.print(Text(record.ref, "bold"))
    console.print(_facts([*_in_short(record, now), *_words(by, note)]))
    for consequence in texts.consequences(settlement, verdict):
        console.print(Padding(Text.assemble("• ", texts.plain(consequence)), (0, 0, 0, 2)))


def show_abandoned(console: Console, records: Sequence[Record], *, by: str, note: str, now: float) -> None:
    """Say what will be settled as abandoned, and what follows from it."""
    console.print(_list(records, (), now, one_line=console.width >= _WIDE))
    console.print(_facts(_words(by, note)))
    console.print(texts.ABANDONED)


def at(seconds: float) -> str:
    """An instant of the journal's clock, UTC, to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class _Fact:
    name: str
    text: Text | str | None
    style: str = ""


def _facts(facts: Iterable[_Fact]) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for fact in facts:
        if fact.text:
            table.add_row(fact.name, fact.text if isinstance(fact.text, Text) else _text(fact.text, fact.style))
    return _indented(table)


def _about(record: Record, notices: Sequence[Notice], now: float) -> Iterator[_Fact]:
    payment, intent = record.payment, record.intent
    yield from _in_short(record, now)
    if not payment.is_final:
        waits = any(notice.state == "waiting" for notice in notices)
        yield _Fact("Settled by", texts.settled_by(record, webhook_waits=waits))
        yield _Fact("In the portal", texts.where_in_portal(intent))
    yield _Fact("Duplicates", " ".join(payment.duplicate_charges), "bold red")
    yield _Fact("Renewals", " ".join(payment.renewals))
    yield _Fact("Follows", intent.parent)
    yield _Fact("Supersedes", intent.supersedes)
    yield _Fact("Transaction", payment.transaction_id or "not known")
    yield _Fact("Subscription", payment.subscription_id)
    yield _Fact("Response code", _code(payment))
    yield _Fact("Card", _card(payment))
    yield _Fact("Merchant", f"{intent.environment} {intent.merchant_id}")
    yield _Fact("Last change", f"{at(record.changed_at)} UTC, told by {_WHO[payment.source]}")


def _in_short(record: Record, now: float) -> Iterator[_Fact]:
    payment, intent = record.payment, record.intent
    yield _Fact("Payment", texts.what(intent))
    yield _Fact("Status", _status(payment))
    if payment.progress is Progress.SENDING and payment.status is PaymentStatus.PENDING:
        yield _Fact("Deadline", f"{at(record.deadline)} UTC, then it is unknown")
    if not payment.is_final:
        yield _Fact("Why", texts.why_open(record))
    yield _Fact("Declined", _decline(payment))
    yield _Fact("Order", intent.order)
    yield _Fact("Key", intent.idempotency_key)
    yield _Fact("Opened", f"{at(record.opened_at)} UTC, {write_duration(now - record.opened_at)} ago")


def _words(by: str, note: str) -> Iterator[_Fact]:
    yield _Fact("By", by)
    yield _Fact("Note", note)


def _amounts(balance: Balance, operation: Operation) -> Iterator[_Fact]:
    if operation is Operation.AUTHORIZE:
        yield _Fact("Authorised", str(balance.authorized))
        yield _Fact("Voided", "yes" if balance.voided else "may be" if balance.voiding else "no")
    yield _Fact("Captured", _with_unsure(balance.captured, balance.capturing))
    yield _Fact("Refunded", _with_unsure(balance.refunded, balance.refunding))
    if balance.charged_back.is_positive:
        yield _Fact("Charged back", str(balance.charged_back))
    if operation is Operation.AUTHORIZE:
        yield _Fact("May be captured", str(balance.capturable))
    else:
        yield _Fact("May be refunded", str(balance.refundable))


def _with_unsure(sure: Money, unsure: Money) -> str:
    return f"{sure}, and {unsure} more may be" if unsure.is_positive else str(sure)


def _list(records: Sequence[Record], waiting: Collection[str], now: float, *, one_line: bool) -> Padding:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("AGE", justify="right", no_wrap=True)
    table.add_column("STATUS", no_wrap=True)
    if not one_line:
        table.add_column("PAYMENT", overflow="fold")
        for record in records:
            table.add_row(*_beginning(record, now), _in_lines(record, waiting))
        return _indented(table)
    table.add_column("REF", no_wrap=True)
    table.add_column("OPERATION", no_wrap=True)
    table.add_column("AMOUNT", no_wrap=True, justify="right")
    table.add_column("ORDER", overflow="fold", min_width=len("ORDER"))
    told = [_open_text(record, waiting) for record in records]
    table.add_column("WHY, AND WHAT SETTLES IT" if any(told) else "", overflow="fold")
    for record, text in zip(records, told, strict=True):
        table.add_row(*_beginning(record, now), *_in_columns(record), text)
    return _indented(table)


def _beginning(record: Record, now: float) -> tuple[str, Text]:
    return write_duration(now - record.opened_at), _status(record.payment)


def _in_columns(record: Record) -> Iterator[Text]:
    intent = record.intent
    yield _text(record.ref)
    yield _text(intent.operation)
    yield _text(intent.amount or "")
    yield _text(intent.order or "")


def _in_lines(record: Record, waiting: Collection[str]) -> Text:
    intent = record.intent
    order = f", order {intent.order}" if intent.order is not None else ""
    parent = f", of {intent.parent}" if intent.parent is not None else ""
    lines = [_text(record.ref), _text(texts.what(intent) + order + parent)]
    told = _open_text(record, waiting)
    return Text("\n").join([*lines, told] if told else lines)


def _open_text(record: Record, waiting: Collection[str]) -> Text:
    only_waits = record.payment.status is PaymentStatus.ACTION_REQUIRED and record.payment.decline is None
    if record.payment.is_final or (only_waits and record.ref not in waiting):
        return Text()  # the heading says it
    why = texts.why_open(record)
    by = texts.settled_by(record, webhook_waits=record.ref in waiting)
    return Text.assemble(texts.plain(why), ("\n→ ", "dim"), (texts.plain(by), "dim"))


def _history(entries: Sequence[Entry]) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in entries:
        table.add_row(str(entry.version), at(entry.at), _entry(entry))
    return _indented(table)


_WHO = {
    Source.CALLER: "the application",
    Source.REPLY: "the gateway's answer",
    Source.STATUS: "a status query",
    Source.TRANSPORT: "the transport",
    Source.CLOCK: "the clock",
    Source.PERSON: "a person",
}


def _entry(entry: Entry) -> Text:
    who = entry.by if entry.by is not None else _WHO[entry.source]
    line = Text.assemble((texts.plain(entry.event), "bold"), ": ", _word(entry.status), ", told by ", texts.plain(who))
    note = [f"“{entry.note}”"] if entry.note is not None else []
    details = [*note, *entry.doubts, *(_evidence(entry.evidence) if entry.evidence is not None else ())]
    return Text("\n").join([line, *(_text(detail, "dim") for detail in dict.fromkeys(details))])


def _evidence(evidence: Evidence) -> Iterator[str]:
    yield str(evidence) if evidence.failure is not None else f"HTTP {evidence.http_status}"
    if evidence.request_id is not None:
        yield f"request id {evidence.request_id}"


def _notices(notices: Sequence[Notice]) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for notice in notices:
        outcome = f"{notice.state}: {notice.outcome}" if notice.outcome else str(notice.state)
        named = [_text(f"names {one}", "dim") for one in notice.transaction_ids]
        table.add_row(at(notice.received_at), Text("\n").join([_text(outcome), *named]))
    return _indented(table)


def _status(payment: Payment) -> Text:
    word = _word(payment.status)
    if payment.status is PaymentStatus.PARTIALLY_APPROVED:
        word.append(f" ({payment.approved_amount})")
    if payment.duplicate_charges:
        word.append(" + duplicate", "bold red")
    return word


def _word(status: PaymentStatus) -> Text:
    return Text(status.value, _COLOURS.get(status, ""))


def _decline(payment: Payment) -> str | None:
    decline = payment.decline
    if decline is None:
        return None
    code = decline.code if decline.code is not None else decline.rule
    return f"{decline.reason} ({code})" + (f": {decline.message}" if decline.message else "")


def _code(payment: Payment) -> str | None:
    codes = [str(code) for code in (payment.response_code, payment.gateway_code) if code is not None]
    return ", ".join(codes) or None


def _card(payment: Payment) -> str | None:
    card = payment.card
    if card is None:
        return None
    expiry = f" {card.expiry_month}/{card.expiry_year}" if card.expiry_month and card.expiry_year else ""
    return f"{card}{expiry}" + (f" {card.scheme}" if card.scheme else "")


def _text(value: object, style: str = "") -> Text:
    return Text(texts.plain(value), style)


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 1, 2), expand=False)
