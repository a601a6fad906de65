"""Reading what the gateway answers. Bytes in, a `Reading` out, and never anything else, whatever the bytes are.

An approval is believed only where everything agrees: success, code, amount, currency, merchant, environment, reference
and kind of transaction. Whatever contradicts itself or what was asked for is UNKNOWN, with the doubts in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.evidence import Evidence
from paymentoptions_async.gateway_json import NotJson, excerpt, read_clear, read_masked
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Decline, Expected, Operation, PaymentStatus, Reading, Refusal
from paymentoptions_async.response_codes import Outcome, ResponseClass, classify, classify_rule
from paymentoptions_async.values import MaskedCard, Money
from paymentoptions_async.values.urls import is_safe_url


def read_operation(
    http_status: int | None,
    headers: Mapping[str, str],
    body: bytes,
    expected: Expected,
    *,
    now: float | None = None,
) -> Reading:
    """Read the direct answer to an operation. Refused requests are CANCELLED with ``refusal`` set.

    ``expected.ref`` is what the answer's ``merchant_txn_ref`` must be, where it has one; ``now``, in Unix seconds,
    is needed only for a Retry-After that is a date. The body must be whole: see `read_failure`. Raises nothing.
    """
    return _read(http_status, headers, body, expected, now, is_status=False)


def read_status(
    http_status: int | None,
    headers: Mapping[str, str],
    body: bytes,
    expected: Expected,
    *,
    now: float | None = None,
) -> Reading:
    """Read the answer to a status query. Refusals are UNKNOWN with ``refusal`` set: a 404 never settles anything.

    The transaction must be the one of ``expected.transaction_id``. Otherwise as `read_operation`.
    """
    return _read(http_status, headers, body, expected, now, is_status=True)


def read_failure(evidence: Evidence) -> Reading:
    """Read that no whole answer came: CANCELLED where it is proven that nothing was sent, else UNKNOWN."""
    status = PaymentStatus.CANCELLED if evidence.not_sent else PaymentStatus.UNKNOWN
    return Reading(status=status, doubts=(str(evidence),), http_status=evidence.http_status)


def _read(
    http_status: int | None,
    headers: Mapping[str, str],
    body: bytes,
    expected: Expected,
    now: float | None,
    *,
    is_status: bool,
) -> Reading:
    try:
        raw, repeats = read_masked(body)
        if raw.__class__ is not dict:
            return _unreadable(http_status, headers, body, now, "is JSON, but no object")
        doubts = ["an object repeats a name with another value"] if repeats else []
        if raw.get("redirect_url") and not _approves(raw):
            return _read_redirect(http_status, raw, body, expected, doubts)
        if _is_envelope(raw):
            return _read_envelope(http_status, raw, body, expected, doubts, is_status=is_status)
        return _read_bare(http_status, headers, raw, doubts, now, is_status=is_status)
    except NotJson:
        return _unreadable(http_status, headers, body, now, "is empty" if not body.strip() else "is no readable JSON")
    except Exception as error:  # noqa: BLE001  money may have moved: a fault of ours must not hide the answer
        return Reading(
            status=PaymentStatus.UNKNOWN,
            doubts=(f"the answer could not be read ({type(error).__name__})",),
            http_status=http_status,
            raw={"unreadable": excerpt(body)},
        )


# A payment, as approvals, declines and status answers tell it ---------------------------------------------------------


def _read_envelope(
    http_status: int | None,
    raw: dict[str, Any],
    body: bytes,
    expected: Expected,
    doubts: list[str],
    *,
    is_status: bool,
) -> Reading:
    details, gateway = _object(raw, "payment_details"), _object(raw, "gateway_response")
    transaction, merchant = _object(raw, "transaction_details"), _object(raw, "merchant_details")
    success = _flag(raw.get("success"))
    if raw.get("success") is None and http_status in _DECLINING_STATUSES:
        success = False
    code, gateway_code = _code(details.get("response_code"), doubts), _text(gateway.get("code"))
    outcome = _outcome(success, code, gateway_code, doubts)
    transaction_id, kind = _text(transaction.get("id")), _text(raw.get("transaction_type"))
    ref = _reference(merchant, transaction, doubts)
    amount = _amount(details, expected)
    foreign = _foreign(raw.get("is_live"), merchant.get("mid"), expected, doubts)
    _check_identity(ref, merchant.get("mid"), expected, doubts)
    _check_transaction(kind, transaction_id, expected, doubts, is_status=is_status)
    status = _status_of(outcome, amount, merchant, transaction_id, expected, doubts, is_status=is_status)
    if raw.get("redirect_url"):
        doubts.append("it approves, and yet sends the buyer to another page")
    if doubts:
        status = PaymentStatus.UNKNOWN
    if expected.operation is Operation.AUTHORIZE and status is PaymentStatus.AUTHORIZED and kind == "CAPTURE":
        doubts.append("the gateway calls this authorisation a CAPTURE")
    message = _message(gateway.get("message"))
    return Reading(
        status=status,
        doubts=tuple(doubts),
        foreign=foreign,
        message=message,
        transaction_id=transaction_id,
        transaction_type=kind,
        merchant_txn_ref=ref,
        approved_amount=amount if success and status is not PaymentStatus.PENDING else None,
        auth_code=_text(details.get("auth_code")),
        response_code=code,
        gateway_code=gateway_code,
        decline=_decline(outcome, code, message) if outcome is not None and status is PaymentStatus.DECLINED else None,
        card=_card(details),
        stored_payment_method_id=_stored_id(transaction, body),
        gateway_time=_time(transaction.get("timestamp")),
        http_status=http_status,
        raw=raw,
    )


_DECLINING_STATUSES = (406, 412)
"""Not acceptable, precondition failed: the vendor's portal keeps them as failed transactions (inferred)."""


def _is_envelope(raw: dict[str, Any]) -> bool:
    return (
        _object(raw, "payment_details").get("response_code") is not None
        or _object(raw, "transaction_details").get("id") is not None
    )


def _approves(raw: dict[str, Any]) -> bool:
    """True if it may be read as an approval."""
    code = _code(_object(raw, "payment_details").get("response_code"), [])
    return (
        code is not None and classify(code).outcome in (Outcome.APPROVED, Outcome.PARTIAL) and bool(raw.get("success"))
    )


def _outcome(
    success: bool | None, code: int | None, gateway_code: str | None, doubts: list[str]
) -> ResponseClass | None:
    """Return what success and codes say together, None where they don't fit together."""
    rule = classify_rule(gateway_code) if gateway_code is not None else None
    found = classify(code) if code is not None else rule
    if found is None:
        doubts.append("it has no response code")
        return None
    outcome = found.outcome
    if outcome is Outcome.PENDING:
        return found
    if success is None:
        doubts.append("it does not say whether it succeeded")
    elif outcome is Outcome.APPROVED or outcome is Outcome.PARTIAL:
        if success is False:
            doubts.append(f"it failed with the approving code {code}")
        elif gateway_code is not None and gateway_code.upper().startswith("ERR"):
            doubts.append(f"it succeeded with the gateway's error {gateway_code}")
    elif outcome is not Outcome.DECLINED:
        doubts.append(f"code {code} ({found.reason}) does not say what happened")
    elif success:
        doubts.append(f"it succeeded with the declining code {code} ({found.reason})")
    return rule if rule is not None and found.reason == "risk_rule" else found


def _status_of(
    outcome: ResponseClass | None,
    amount: Money | None,
    merchant: dict[str, Any],
    transaction_id: str | None,
    expected: Expected,
    doubts: list[str],
    *,
    is_status: bool,
) -> PaymentStatus:
    """Return the status that the outcome stands for if nothing is in doubt; add what is missing to believe it."""
    if outcome is None:
        return PaymentStatus.UNKNOWN
    asked = expected.amount
    if outcome.outcome is Outcome.DECLINED:
        if asked is not None and amount is not None and amount.is_positive and amount != asked:
            doubts.append(f"it declines {amount}, but {asked} was asked for")
        return PaymentStatus.DECLINED
    if outcome.outcome is Outcome.PENDING:
        return PaymentStatus.PENDING
    if not merchant.get("mid"):
        doubts.append("it approves without naming the merchant")
    if is_status and transaction_id is None:
        doubts.append("it approves without a transaction id")
    if asked is not None and amount is None:
        doubts.append("it approves without a readable amount and currency")
    if outcome.outcome is Outcome.PARTIAL:
        if amount is None or not amount.is_positive or (asked is not None and not _is_part(amount, asked)):
            doubts.append(f"it approves {amount} in part, but {asked} was asked for")
        return PaymentStatus.PARTIALLY_APPROVED
    if asked is not None and amount is not None and amount != asked:
        doubts.append(f"it approves {amount}, but {asked} was asked for")
    return PaymentStatus.AUTHORIZED if expected.operation is Operation.AUTHORIZE else PaymentStatus.APPROVED


def _is_part(amount: Money, asked: Money) -> bool:
    return amount.currency == asked.currency and amount <= asked


def _foreign(live: object, mid: object, expected: Expected, doubts: list[str]) -> str | None:
    """Say whose the answer is, if it is not ours."""
    found = None
    is_live = _flag(live)
    if is_live is None and live is not None:
        doubts.append("it does not say readably whether it is live")
    elif is_live is not None and is_live is not expected.live:
        found = "it is of the live environment" if is_live else "it is of a test environment"
    elif mid is not None and not _same(mid, expected.merchant_id):
        found = "it is of another merchant"
    if found is not None:
        doubts.append(found)
    return found


def _check_identity(ref: str | None, mid: object, expected: Expected, doubts: list[str]) -> None:
    if expected.ref is not None and ref is not None and not _same(ref, expected.ref):
        doubts.append("its reference is another one")
    if expected.strict:
        if expected.ref is not None and ref is None:
            doubts.append("it has no reference")
        if not mid:
            doubts.append("it does not name the merchant")


def _same(found: object, asked: str) -> bool:
    """Compare with what was asked for, as masking would have left it."""
    return found == asked or str(found) == asked or found == mask_text(asked)


def _check_transaction(
    kind: str | None, transaction_id: str | None, expected: Expected, doubts: list[str], *, is_status: bool
) -> None:
    asked = expected.transaction_id
    if is_status and asked is not None and transaction_id is not None and transaction_id.lower() != asked.lower():
        doubts.append("it is about another transaction")
    allowed = _KINDS.get(expected.operation)
    if allowed is None:
        return
    if kind is None:
        if expected.strict:
            doubts.append("it does not say what kind of transaction it is")
    elif kind.upper() not in allowed:
        doubts.append(f"a transaction of type {kind[:20]} does not answer for {expected.operation}")


_CHARGES = frozenset({"CAPTURE", "PRE_AUTH", "PURCHASE", "SALE", "AUTHORIZATION", "AUTHORISATION"})
_KINDS = {
    Operation.PURCHASE: _CHARGES,
    Operation.PURCHASE_WITH_TOKEN: _CHARGES,
    Operation.AUTHORIZE: _CHARGES,
    Operation.SUBSCRIBE: _CHARGES,
    Operation.HOSTED_PAGE: _CHARGES,
    Operation.CAPTURE: frozenset({"CAPTURE"}),
    Operation.REFUND: frozenset({"REFUND"}),
    Operation.VOID: frozenset({"VOID", "VOIDAUTHORISATION", "VOIDAUTHORIZATION"}),
}
"""The vendor's samples answer purchases with PRE_AUTH and CAPTURE alike; the spelt-out ones are of its portal."""


def _decline(outcome: ResponseClass, code: int | None, message: str | None) -> Decline:
    return Decline(outcome.reason, code, outcome.rule, outcome.new_attempt_may_help, message)


# A page for the buyer ---------------------------------------------------------------------------------------------------


def _read_redirect(
    http_status: int | None, raw: dict[str, Any], body: bytes, expected: Expected, doubts: list[str]
) -> Reading:
    """Read a 3-D Secure start: ACTION_REQUIRED whatever ``success`` says, if the link is one to follow."""
    merchant, transaction = _object(raw, "merchant_details"), _object(raw, "transaction_details")
    ref = _reference(merchant, transaction, doubts)
    foreign = _foreign(raw.get("is_live"), merchant.get("mid"), expected, doubts)
    _check_identity(ref, merchant.get("mid"), expected, doubts)
    url = read_clear(body, "redirect_url")
    if url is None or not is_safe_url(url):
        doubts.append("its redirect_url is no https URL")
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else PaymentStatus.ACTION_REQUIRED,
        doubts=tuple(doubts),
        foreign=foreign,
        message=_message(_object(raw, "gateway_response").get("message")),
        transaction_id=_text(transaction.get("id")),
        merchant_txn_ref=ref,
        redirect_url=None if doubts else url,
        http_status=http_status,
        raw=raw,
    )


# Neither: refusals, and what can't be read ----------------------------------------------------------------------------


def _read_bare(
    http_status: int | None,
    headers: Mapping[str, str],
    raw: dict[str, Any],
    doubts: list[str],
    now: float | None,
    *,
    is_status: bool,
) -> Reading:
    """Read an object without a payment: a refusal of the request, by its HTTP status, or nothing that settles."""
    refusal = _REFUSALS.get(http_status or 0)
    if refusal is Refusal.NOT_FOUND and not is_status:
        refusal = Refusal.INVALID_REQUEST
    gateway = _object(raw, "gateway_response")
    message = _message(*(place.get(name) for place in (gateway, raw) for name in ("message", "error")))
    gateway_code = _text(gateway.get("code"))
    success, status, decline, code = _flag(raw.get("success")), PaymentStatus.UNKNOWN, None, None
    if success or (success is None and raw.get("success") is not None):
        doubts.append("it is no payment, and yet speaks of success")
        refusal = None
    elif not doubts and (success is False or http_status in _DECLINING_STATUSES):
        code = _code(raw.get("response_code") if http_status in _DECLINING_STATUSES else None, doubts)
        known = classify(code) if code is not None else classify_rule(gateway_code or "")
        if known is not None and known.outcome is Outcome.DECLINED and not doubts:
            status, decline, refusal = PaymentStatus.DECLINED, _decline(known, code, message), None
        elif known is not None:
            refusal = None
    if refusal is not None and not is_status and not doubts:
        status = PaymentStatus.CANCELLED
    if status is PaymentStatus.UNKNOWN:
        doubts.append(f"HTTP {http_status} {'refuses the request' if refusal else 'without a payment in it'}")
    return Reading(
        status=status,
        doubts=tuple(doubts),
        refusal=refusal,
        retry_after=_retry_after(headers, now),
        message=message,
        response_code=code,
        gateway_code=gateway_code,
        decline=decline,
        http_status=http_status,
        raw=raw,
    )


_REFUSALS = {
    **dict.fromkeys((400, 405, 406, 412, 413, 415, 422), Refusal.INVALID_REQUEST),
    401: Refusal.AUTHENTICATION,
    403: Refusal.AUTHENTICATION,
    404: Refusal.NOT_FOUND,
    429: Refusal.RATE_LIMITED,
}


def _unreadable(
    http_status: int | None, headers: Mapping[str, str], body: bytes, now: float | None, why: str
) -> Reading:
    said = f"HTTP {http_status}: " if http_status is not None else ""
    return Reading(
        status=PaymentStatus.UNKNOWN,
        doubts=(f"{said}the body {why}",),
        retry_after=_retry_after(headers, now),
        http_status=http_status,
        raw={"unreadable": excerpt(body)},
    )


def _retry_after(headers: Mapping[str, str], now: float | None) -> float | None:
    """Read Retry-After in seconds (RFC 9110); a date needs ``now``."""
    value = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    if not value or now is None:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


# Single fields ----------------------------------------------------------------------------------------------------------


def _object(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return value if value.__class__ is dict else _NOTHING


_NOTHING: dict[str, Any] = {}


def _flag(value: object) -> bool | None:
    """A boolean, also as its exact text; None for all else."""
    if value is True or value == "true":
        return True
    return False if value is False or value == "false" else None


def _text(value: object) -> str | None:
    if value.__class__ is int:
        return str(value)
    return value if isinstance(value, str) and value else None


def _message(*values: object) -> str | None:
    """The first text among several, in the gateway's language."""
    return next((value[:_LONGEST_MESSAGE] for value in values if isinstance(value, str) and value), None)


_LONGEST_MESSAGE = 500
_CODE = re.compile(r"-?[0-9]{1,6}")


def _code(value: Any, doubts: list[str]) -> int | None:
    """An acquirer's code: a whole number, also as digits or with a point."""
    if value is None:
        return None
    if value.__class__ is int and abs(value) < _LARGEST_CODE:
        return value
    if isinstance(value, Decimal) and abs(value) < _LARGEST_CODE and value == int(value):
        return int(value)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    doubts.append("its response code is not readable")
    return None


_LARGEST_CODE = 1_000_000


def _amount(details: dict[str, Any], expected: Expected) -> Money | None:
    amount, currency, asked = details.get("amount"), details.get("currency"), expected.amount
    if amount is None or currency is None:
        return None
    if asked is not None and currency == asked.currency and amount.__class__ is int and amount == asked.amount:
        return asked
    try:
        return Money.from_wire(amount, currency)
    except InvalidValue:
        return None


def _reference(merchant: dict[str, Any], transaction: dict[str, Any], doubts: list[str]) -> str | None:
    first, second = _text(merchant.get("merchant_txn_ref")), _text(transaction.get("merchant_txn_ref"))
    if first is not None and second is not None and first != second:
        doubts.append("it names two references")
    return first or second


def _stored_id(transaction: dict[str, Any], body: bytes) -> str | None:
    if not transaction.get("stored_payment_method_id"):
        return None
    return read_clear(body, "transaction_details", "stored_payment_method_id") or None


_SHOWN_CARD = re.compile(r"([0-9]{6})[^0-9]+([0-9]{4})")


def _card(details: dict[str, Any]) -> MaskedCard | None:
    card = details.get("card")
    if card.__class__ is not dict:
        return None
    shown = _SHOWN_CARD.fullmatch(str(card.get("number")))
    if shown is None:
        return None
    first6, last4 = shown.groups()
    month, year, scheme = _text(card.get("exp_month")), _text(card.get("exp_year")), _text(details.get("scheme"))
    return MaskedCard(first6, last4, month, year, scheme)


def _time(value: object) -> datetime | None:
    """A date-time in UTC; one without a zone is UTC already (vendor's samples). A bad one is None."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        from dateutil.parser import isoparse

        try:
            found = isoparse(value)
        except (ValueError, OverflowError):
            return None
    if found.tzinfo is UTC:
        return found
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
