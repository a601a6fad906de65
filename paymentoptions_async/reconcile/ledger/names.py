"""Which column of a ledger holds what: as it is said, or else by the usual names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from paymentoptions_async.masking import mask_unreadable
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable
from paymentoptions_async.reconcile.options import COLUMN_NAMES, Columns

USUAL: Mapping[str, tuple[str, ...]] = {
    "transaction_id": (
        "transactionid txnid transid trxid gatewayid gatewaytransactionid gatewaytxnid paymentinvoiceid cpiid pspid",
        "paymentid invoiceid",
        "uuid",
        "id",
    ),
    "reference": (
        "merchanttxnref merchantreference merchantref referenceid txnref transactionreference paymentreference",
        "reference ref",
    ),
    "order": ("order orderid orderno ordernumber ordername orderref orderreference", "invoice invoiceno invoicenumber"),
    "kind": ("kind transactionkind transactiontype txntype trxtype", "type", "operation"),
    "status": ("status transactionstatus txnstatus paymentstatus", "state paymentstate", "result outcome"),
    "amount": (
        "amount transactionamount txnamount paymentamount grossamount amountgross",
        "gross",
        "total totalamount",
    ),
    "currency": ("currency currencycode currencyiso transactioncurrency paymentcurrency", "ccy cur curr"),
    "refunded": ("refunded refundedamount amountrefunded totalrefunded refundedtotal", "refundamount"),
    "at": (
        "at paidat paymentdate paymenttime transactiondate transactiontime transactionat txndate txntime processedat",
        "timestamp datetime",
        "createdat created createdon creationdate creationtime",
        "date",
        "time",
    ),
}
"""For each of our names, the usual ones: those that come first are surer. Case, blanks and punctuation don't count."""
assert tuple(USUAL) == COLUMN_NAMES

_MOST_SHOWN = 40


def find_columns(header: Sequence[str], columns: Columns) -> dict[str, int]:
    """Return the position of each column that there is, by our names; raises `LedgerUnreadable`."""
    named = {name: _find_named(header, name, wanted) for name, wanted in columns.named().items()}
    free = [position for position in range(len(header)) if position not in named.values()]
    usual = {name: _find_usual(header, free, name) for name in COLUMN_NAMES if name not in named}
    found = named | {name: position for name, position in usual.items() if position is not None}
    _check_enough(header, found, columns)
    return {name: found[name] for name in COLUMN_NAMES if name in found}


def _find_named(header: Sequence[str], name: str, wanted: str) -> int:
    for same in (str, _stripped, _squeezed):
        matching = [position for position, title in enumerate(header) if same(title) == same(wanted)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise LedgerUnreadable(f"ledger: {len(matching)} columns are named {wanted!r}, so {name} can't be told")
    raise LedgerUnreadable(f"ledger: there is no column {wanted!r} for {name}; there are: {_shown(header)}")


def _find_usual(header: Sequence[str], free: Sequence[int], name: str) -> int | None:
    for tier in USUAL[name]:
        names = tier.split()
        matching = [position for position in free if _squeezed(header[position]) in names]
        if len(matching) > 1:
            titles = _shown([header[position] for position in matching])
            raise LedgerUnreadable(
                f"ledger: several columns may be the {name}: {titles}; say which with --column {name}=NAME, "
                f"or Columns({name}=…)"
            )
        if matching:
            return matching[0]
    return None


def _check_enough(header: Sequence[str], found: Mapping[str, int], columns: Columns) -> None:
    lacking = []
    if "transaction_id" not in found and "reference" not in found:
        lacking.append("transaction_id or reference")
    if "amount" not in found:
        lacking.append("amount")
    if "currency" not in found and columns.one_currency is None:
        lacking.append("currency (or one for all rows: --currency CODE, one_currency)")
    if lacking:
        raise LedgerUnreadable(
            f"ledger: no column is known to hold: {', '.join(lacking)}; name it with --column NAME=COLUMN, or "
            f"Columns(…); there are: {_shown(header)}"
        )


def _stripped(title: str) -> str:
    return title.strip().casefold()


def _squeezed(title: str) -> str:
    return _NEITHER.sub("", title.casefold())


_NEITHER = re.compile(r"[\W_]+")


def _shown(header: Sequence[str]) -> str:
    """Column names, or, where there is no header, a row that may hold anything."""
    titles = ", ".join(repr(mask_unreadable(title[:200])[:60]) for title in header[:_MOST_SHOWN])
    more = len(header) - _MOST_SHOWN
    return f"{titles} and {more} more" if more > 0 else titles or "none"
