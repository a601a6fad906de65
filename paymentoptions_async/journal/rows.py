"""How a durable journal keeps what it keeps: columns that queries need, and the whole as JSON text. Pure.

What is written reads back equal: amounts and Decimals with every digit and their exponent, times in UTC, tuples as
tuples. Fields at their default are left out. Nothing is read that this version does not know: a field or a word of a
newer version, or a damaged row, is `JournalUnavailable`, because what is read decides whether a card is charged.

The texts are ASCII, so that any database takes them, and are kept as text: a binary JSON type may rewrite numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Entry, Intent, Notice, NoticeState, Record
from paymentoptions_async.journal.exact_json import read_json, write_json
from paymentoptions_async.payment import Decline, Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.values import MaskedCard, Money

T = TypeVar("T")
Value = str | float | bool | None
"""What a column holds."""
Row = tuple[Value, ...]

INTENT_COLUMNS = ("ref", "scope", "order_name", "parent", "operation", "family", "intent")
"""What a record is about. Written when it is admitted, and again when it is admitted again."""

STATE_COLUMNS = (
    "status",
    "progress",
    "transaction_id",
    "owner",
    "deadline",
    "opened_at",
    "changed_at",
    "version",
    "is_open",
    "payment",
)
"""What is known of a record. Written with every change. ``is_open``: its outcome is not final, as it was written."""

RECORD_COLUMNS = ("intent", "payment", "owner", "deadline", "opened_at", "changed_at", "version")
"""What `read_record` needs, in this order."""

ENTRY_COLUMNS = ("version", "at", "source", "status", "progress", "event", "evidence", "doubts", "told_by", "note")
NOTICE_COLUMNS = ("ref", "digest", "scope", "state", "known", "received_at", "outcome", "transaction_ids", "body")


def intent_row(intent: Intent) -> Row:
    """The values of `INTENT_COLUMNS`."""
    operation = intent.operation
    return (
        intent.ref,
        intent.scope,
        intent.order,
        intent.parent,
        operation.value,
        operation.family.value,
        write_intent(intent),
    )


def state_row(record: Record) -> Row:
    """The values of `STATE_COLUMNS`."""
    payment = record.payment
    return (
        payment.status.value,
        payment.progress.value,
        payment.transaction_id,
        record.owner,
        record.deadline,
        record.opened_at,
        record.changed_at,
        record.version,
        not payment.is_final,
        write_payment(payment),
    )


def read_record(row: Sequence[Any]) -> Record:
    """The record of the values of `RECORD_COLUMNS`, as it was written (see `transitions.as_of`)."""
    intent, payment, owner, deadline, opened_at, changed_at, version = row
    return Record(
        intent=read_intent(intent),
        payment=read_payment(payment),
        owner=owner,
        deadline=deadline,
        opened_at=opened_at,
        changed_at=changed_at,
        version=version,
    )


def transaction_ids(payment: Payment) -> tuple[str, ...]:
    """The ids of all gateway transactions that a payment is known to have, each once."""
    own = (payment.transaction_id,) if payment.transaction_id is not None else ()
    if not payment.duplicate_charges and not payment.renewals:
        return own
    return tuple(dict.fromkeys((*own, *payment.duplicate_charges, *payment.renewals)))


def entry_row(entry: Entry) -> Row:
    """The values of `ENTRY_COLUMNS`."""
    return (
        entry.version,
        entry.at,
        entry.source.value,
        entry.status.value,
        entry.progress.value,
        entry.event,
        None if entry.evidence is None else write_json(_EVIDENCE.dissolve(entry.evidence)),
        write_json(entry.doubts) if entry.doubts else None,
        entry.by,
        entry.note,
    )


def read_entry(row: Sequence[Any]) -> Entry:
    """The line of history of the values of `ENTRY_COLUMNS`."""
    version, at, source, status, progress, event, evidence, doubts, by, note = row
    return Entry(
        version=version,
        at=at,
        source=_word(Source, source, "a line of history"),
        status=_word(PaymentStatus, status, "a line of history"),
        progress=_word(Progress, progress, "a line of history"),
        event=event,
        evidence=None if evidence is None else _EVIDENCE.read(evidence),
        doubts=() if doubts is None else tuple(_read(doubts, "a line of history")),
        by=by,
        note=note,
    )


def notice_row(notice: Notice) -> Row:
    """The values of `NOTICE_COLUMNS`."""
    return (
        notice.ref,
        notice.digest,
        notice.scope,
        notice.state.value,
        notice.known,
        notice.received_at,
        notice.outcome,
        write_json(notice.transaction_ids),
        write_json(notice.body),
    )


def read_notice(row: Sequence[Any]) -> Notice:
    """The webhook of the values of `NOTICE_COLUMNS`."""
    ref, digest, scope, state, known, received_at, outcome, ids, body = row
    return Notice(
        ref=ref,
        digest=digest,
        scope=scope,
        state=_word(NoticeState, state, "a webhook"),
        known=bool(known),
        received_at=received_at,
        outcome=outcome,
        transaction_ids=tuple(_read(ids, "a webhook")),
        body=_read(body, "a webhook"),
    )


def write_intent(intent: Intent) -> str:
    """An intent as JSON text."""
    return write_json(_INTENT.dissolve(intent))


def read_intent(text: str) -> Intent:
    """The intent of what `write_intent` wrote."""
    return _INTENT.read(text)


def write_payment(payment: Payment) -> str:
    """A payment as JSON text, with the page the buyer goes to and the token of a stored card."""
    return write_json(_PAYMENT.dissolve(payment))


def read_payment(text: str) -> Payment:
    """The payment of what `write_payment` wrote."""
    return _PAYMENT.read(text)


@dataclass(frozen=True, slots=True)
class _Form:
    """How the values of a field are made into JSON, and made of it again."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class _Layout(Generic[T]):
    """The fields of a dataclass: which defaults are left out, and which need a form of their own."""

    def __init__(self, kind: type[T], called: str, /, **forms: _Form) -> None:
        self._kind = kind
        self._called = called
        plan = [(f.name, f.default if f.default is not MISSING else _NEVER) for f in fields(kind)]  # type: ignore[arg-type]
        self._plan = [(name, default, forms[name].write if name in forms else None) for name, default in plan]
        self._readers = {name: form.read for name, form in forms.items()}
        assert self._readers.keys() <= {name for name, _ in plan}
        self._slots = [(name, default, kind.__dict__[name].__set__) for name, default in plan]
        assert not hasattr(kind, "__post_init__"), "nobody would call it"

    def dissolve(self, value: T) -> dict[str, Any]:
        """The fields that are not at their default."""
        found: dict[str, Any] = {}
        for name, default, write in self._plan:
            field = getattr(value, name)
            if field is not default:
                found[name] = field if write is None else write(field)
        return found

    def read(self, text: str) -> T:
        """Make the value again of its JSON text."""
        found = _read(text, self._called)
        try:
            return self.compose(found)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(self._called, error) from None

    def compose(self, found: dict[str, Any]) -> T:
        """Make the value again of its fields.

        Filling its slots takes half as long as calling a frozen dataclass, and a run reads a record for each question.
        """
        readers = self._readers
        for name in found.keys() & readers.keys():
            found[name] = readers[name](found[name])
        value = object.__new__(self._kind)
        for name, default, fill in self._slots:
            fill(value, found.pop(name) if default is _NEVER else found.pop(name, default))
        if found:
            raise TypeError("a field that this version does not know")
        return value

    def form(self) -> _Form:
        """The form of a field that holds one of these."""
        return _Form(self.dissolve, self.compose)


_NEVER = object()


def _words(kind: type[StrEnum]) -> _Form:
    return _Form(lambda word: word.value, {word.value: word for word in kind}.__getitem__)


def _write_money(money: Money) -> str:
    return f"{money.amount} {money.currency}"


def _read_money(text: str) -> Money:
    """As it was kept, unchecked: an amount of a currency that ISO 4217 has withdrawn since is still one."""
    amount, currency = text.split(" ")
    money = object.__new__(Money)
    object.__setattr__(money, "amount", Decimal(amount))
    object.__setattr__(money, "currency", currency)
    return money


def _write_time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


_MONEY = _Form(_write_money, _read_money)
_TIME = _Form(_write_time, datetime.fromisoformat)
_TUPLE = _Form(list, tuple)
_DECLINE = _Layout(Decline, "a decline")
_CARD = _Layout(MaskedCard, "a card")
_EVIDENCE = _Layout(Evidence, "evidence", left=_words(Left), stage=_words(Stage), elapsed=_Form(float, float))
_INTENT = _Layout(Intent, "an intent", operation=_words(Operation), amount=_MONEY)
_PAYMENT = _Layout(
    Payment,
    "a payment",
    operation=_words(Operation),
    status=_words(PaymentStatus),
    progress=_words(Progress),
    source=_words(Source),
    amount=_MONEY,
    approved_amount=_MONEY,
    charged_back=_MONEY,
    decline=_DECLINE.form(),
    card=_CARD.form(),
    gateway_time=_TIME,
    opened_at=_TIME,
    doubts=_TUPLE,
    duplicate_charges=_TUPLE,
    renewals=_TUPLE,
)


def _word(kind: type[T], value: Any, called: str) -> T:
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError as error:
        raise _unreadable(called, error) from None


def _read(text: str, called: str) -> Any:
    try:
        return read_json(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise _unreadable(called, error) from None


def _unreadable(called: str, error: Exception) -> JournalUnavailable:
    return JournalUnavailable(
        f"the journal holds {called} that can't be read ({type(error).__name__}): a newer version of this package "
        "wrote it, or the journal is damaged"
    )
