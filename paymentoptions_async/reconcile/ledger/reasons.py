"""Why a row can't be used, in words that say what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from paymentoptions_async.masking import mask_unreadable
from paymentoptions_async.reconcile.ledger.batches import INEXACT
from paymentoptions_async.reconcile.ledger.words import currency_of
from paymentoptions_async.reconcile.options import Columns
from paymentoptions_async.reconcile.schemas import WHOLE_DIGITS

_LONGEST_WORD = 60


def explain(fault: str, cells: Mapping[str, str | None], columns: Columns, *, corefy: bool) -> tuple[str | None, str]:
    """Return which column is to blame, in our names, and the reason. ``cells`` are the row's, by our names."""
    match fault:
        case "transaction_id":
            known = "cpi_ and letters and digits" if corefy else "a UUID of 36 characters, as the gateway gives it"
            return "transaction_id", f"transaction_id: needs {known}"
        case "nameless":
            return None, "has neither a transaction_id nor a reference, so nobody can be asked for it"
        case "kind":
            word = _word(cells, "kind")
            return "kind", f"kind: {word!r} is not known; say what it means with --kind {word!r}=KIND (kinds=)"
        case "status":
            return "status", _status(cells)
        case "currency":
            return "currency", _currency(cells)
        case "at":
            return "at", "at: needs a date or time of ISO 8601 (2024-01-31, 2024-01-31T12:00:00Z), or Unix seconds"
        case _:
            name, _, trouble = fault.partition("_")
            return name, f"{name}: {_amount(trouble, cells, name, columns)}"


def _status(cells: Mapping[str, str | None]) -> str:
    word = _word(cells, "status")
    if not word:
        return "status: is empty; every row needs one where the ledger has such a column"
    return f"status: {word!r} is not known; say what it means with --status {word!r}=STATUS (statuses=)"


def _currency(cells: Mapping[str, str | None]) -> str:
    word = _word(cells, "currency")
    if not word:
        return "currency: is empty; where all rows have one, say it with --currency CODE (one_currency=)"
    return f"currency: {word!r} is none of ISO 4217's currencies that have minor units; USD, JPY, KWD are some"


def _amount(trouble: str, cells: Mapping[str, str | None], name: str, columns: Columns) -> str:
    cell = cells.get(name) or ""
    match trouble:
        case "empty":
            return "is empty"
        case "shape":
            return _shape(cell, columns)
        case "decimals":
            code, exponent = currency_of(cells.get("currency") or columns.one_currency or "") or ("it", 0)
            decimals = f"{exponent} decimals" if exponent else "no decimals"
            return f"has more digits after the point; {code} has {decimals} (ISO 4217)"
        case "long":
            return f"is too large to be an amount of money; {WHOLE_DIGITS} digits before the point are the most"
        case _:
            assert trouble == "negative", trouble
            refund = "; only a refund may be written so" if name == "amount" else ""
            return f"is negative{refund}; amounts are zero or more"


def _shape(cell: str, columns: Columns) -> str:
    if mask_unreadable(cell) != cell:
        return "reads as a card number, and not as an amount"
    if INEXACT in cell:
        return "is a floating-point number that is no exact amount; give it as decimal or text (CAST in a query)"
    if columns.minor_units:
        return "needs an integer of minor units (cents): digits alone"
    if columns.decimal_comma:
        return "needs digits with at most one comma: no points or blanks between thousands, no currency"
    comma = "; if the comma is the decimal one, say so with --decimal-comma (decimal_comma=)" if "," in cell else ""
    return f"needs digits with at most one point: no separators of thousands, no currency{comma}"


def _word(cells: Mapping[str, str | None], name: str) -> str:
    word = mask_unreadable((cells.get(name) or "").strip())
    return word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}…"
