"""What a ledger's words mean: statuses, kinds, currencies. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paymentoptions_async.corefy.statuses import STATUSES as INVOICE_STATUSES
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.reconcile.options import Kind
from paymentoptions_async.values import Money

_USUAL_STATUSES = {
    PaymentStatus.APPROVED: (
        "paid captured success successful succeeded ok accepted settled complete completed "
        "refunded partially_refunded partial_refund"
    ),
    PaymentStatus.AUTHORIZED: "authorised authorization authorisation preauth pre_auth preauthorized pre_authorized",
    PaymentStatus.DECLINED: "failed failure fail refused rejected error denied",
    PaymentStatus.PENDING: "processing in_progress open initiated created waiting in_process",
    PaymentStatus.CANCELLED: "canceled voided cancel void reversed",
    PaymentStatus.EXPIRED: "timed_out",
}
_USUAL_KINDS = {
    Kind.PAYMENT: "purchase sale charge pay debit",
    Kind.AUTHORIZATION: "auth authorize authorise authorisation preauth pre_auth preauthorization pre_authorization",
    Kind.CAPTURE: "captured settlement completion",
    Kind.REFUND: "refunded refunds credit partial_refund",
    Kind.VOID: "voided reversal cancellation cancel",
}


def _by_word(usual: Mapping[PaymentStatus, str] | Mapping[Kind, str]) -> dict[str, str]:
    return {word: meaning.value for meaning, words in usual.items() for word in words.split()}


_OUR_STATUSES = {status.value: status.value for status in PaymentStatus}
_COREFY = {word: status.value for word, status in INVOICE_STATUSES.items()}
_STATUSES = _COREFY | _by_word(_USUAL_STATUSES) | _OUR_STATUSES
_COREFY_STATUSES = _STATUSES | _COREFY
_KINDS = _by_word(_USUAL_KINDS) | {kind.value: kind.value for kind in Kind}


def status_of(cell: str, said: Mapping[str, PaymentStatus], *, corefy: bool) -> str | None:
    """Return the status that a word stands for; None for a word that nobody knows. What was said comes first.

    A refunded payment is an approved one. On Corefy its own words come before those that are usual elsewhere.
    """
    own = said.get(cell.strip().casefold())
    return own.value if own is not None else (_COREFY_STATUSES if corefy else _STATUSES).get(_word(cell))


def kind_of(cell: str, said: Mapping[str, Kind]) -> str | None:
    """Return the kind that a word stands for; None for a word that nobody knows. What was said comes first."""
    own = said.get(cell.strip().casefold())
    return own.value if own is not None else _KINDS.get(_word(cell))


def currency_of(cell: str) -> tuple[str, int] | None:
    """Return a currency in capitals and how many decimals it has; None for what is none."""
    code = cell.strip()
    code = code.upper() if code.isascii() else code
    try:
        return code, Money.zero(code).exponent
    except InvalidValue:
        return None


def _word(cell: str) -> str:
    return _GAPS.sub("_", cell.strip().casefold())


_GAPS = re.compile(r"[\s_-]+")
