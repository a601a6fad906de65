"""Answers to status queries of a catalogue, written from templates: ten times as fast as each by itself."""

from __future__ import annotations

from typing import Protocol

from paymentoptions_async.sandbox import replies
from paymentoptions_async.sandbox.books import Transaction
from paymentoptions_async.sandbox.settings import Settings

from .entries import Entry, Times, in_words
from .transactions import FIRST_REF, auth_code_of, card_of


class Source(Protocol):
    """A catalogue."""

    def lookup(self, transaction_id: str) -> Entry | None:
        """Return what the gateway knows by an id."""
        ...

    def reference_of(self, entry: Entry) -> str:
        """Return the merchant's reference."""
        ...

    def transaction(self, entry: Entry, settings: Settings) -> Transaction:
        """Return a transaction as the books would have it."""
        ...


class Bodies:
    """Writes what `replies.status` would: the template of each sort of transaction is an answer of its own."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self._templates: dict[tuple[str, str, str, bool], str] = {}
        self._time_of = Times()
        self._unknown = replies.refusal(404, "Transaction not found.", "NOT_FOUND", settings).content()
        self._failure = replies.front_door(500, "Internal server error").content()

    def answer(self, transaction_id: str) -> tuple[int, bytes]:
        """Return the HTTP status and the body."""
        entry = self._source.lookup(transaction_id)
        if entry is None:
            return 404, self._unknown
        if entry.planted == "unanswered":
            return 500, self._failure
        sort = (entry.kind, entry.outcome, card_of(entry), entry.planted == "foreign")
        template = self._templates.get(sort)
        if template is None:
            template = self._templates[sort] = self._template(entry)
        text = template % {
            "id": transaction_id,
            "ref": FIRST_REF + entry.number,
            "reference": self._source.reference_of(entry),
            "amount": in_words(entry.minor, entry.currency),
            "currency": entry.currency,
            "auth_code": auth_code_of(entry),
            "at": self._time_of(entry.at),
        }
        return 200, text.encode()

    def _template(self, entry: Entry) -> str:
        """Write the answer about one transaction, and leave open what differs in others of its sort."""
        made = self._source.transaction(entry, self._settings)
        text = replies.status(made, self._settings).content().decode().replace("%", "%%")
        for written, left_open in (
            (f'"id":"{made.id}"', '"id":"%(id)s"'),
            (f'"ref":{made.ref}', '"ref":%(ref)d'),
            (f'"merchant_txn_ref":"{made.merchant_txn_ref}"', '"merchant_txn_ref":"%(reference)s"'),
            (f'"amount":{made.approved:f}', '"amount":%(amount)s'),
            (f'"currency":"{made.order.currency}"', '"currency":"%(currency)s"'),
            (f'"timestamp":"{replies.timestamp(made.created)}"', '"timestamp":"%(at)s"'),
        ):
            assert text.count(written) == 1, written
            text = text.replace(written, left_open)
        return text.replace(f'"auth_code":"{made.auth_code}"', '"auth_code":"%(auth_code)s"')
