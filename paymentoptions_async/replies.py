"""Reading what the gateway answers. Bytes in, a `Reading` out, and never anything else, whatever the bytes are.

An approval is believed only where everything agrees: success, code, amount, currency, merchant, environment, reference
and kind of transaction. Whatever contradicts itself or what was asked for is UNKNOWN, with the doubts in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paymentoptions_async.evidence import Evidence
from paymentoptions_async.gateway_json import NotJson, excerpt, read_clear, read_with_text
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Decline, Expected, Operation, PaymentStatus, Reading, Refusal
from paymentoptions_async.reply_fields import (
    amount_in,
    card_in,
    code_of,
    first_message,
    flag,
    object_in,
    reference_in,
    retry_after,
    stored_id_in,
    text_of,
    time_of,
    transaction_id_of,
)
from paymentoptions_async.response_codes import Outcome, ResponseClass, classify, classify_rule
from paymentoptions_async.values import Money
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
        raw, repeats, text = read_with_text(body)
        if raw.__class__ is not dict:
            return _unreadable(http_status, headers, body, now, "is JSON, but no object")
        doubts = ["an object repeats a name with another value"] if repeats else []
        if raw.get("redirect_url") and not _approves(raw):
            return _read_redirect(http_status, raw, body, expected, doubts)
        if _is_envelope(http_status, raw):
            reading = _read_envelope(http_status, raw, body, expected, doubts, is_status=is_status)
            reading.raw_text = text if is_status else None
            return reading
        return _read_bare(http_status, headers, raw, doubts, now, is_status=is_status)
    except NotJson:
        return _unreadable(http_status, headers, body, now, "is empty" if not body.strip() else "is no readable JSON")
    except Exception as error:  # noqa: BLE001  money may have moved: a fault of ours must not hide the answer
        return Reading(
            status=PaymentStatus.UNKNOWN,
            doubts=(f"the answer could not be read ({type(error).__name__})",),
            http_status=http_status,
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
    details, gateway = object_in(raw, "payment_details"), object_in(raw, "gateway_response")
    transaction, merchant = object_in(raw, "transaction_details"), object_in(raw, "merchant_details")
    success = flag(raw.get("success"))
    if raw.get("success") is None and http_status in _DECLINING_STATUSES:
        success = False
    code, gateway_code = code_of(_code_in(http_status, raw), doubts), text_of(gateway.get("code"))
    outcome = _outcome(success, code, gateway_code, doubts=doubts)
    transaction_id, kind = transaction_id_of(transaction.get("id")), text_of(raw.get("transaction_type"))
    ref, mid = reference_in(merchant, transaction, doubts), merchant.get("mid")
    amount = amount_in(details, expected)
    foreign = _foreign(raw.get("is_live"), mid, expected, doubts)
    _check_identity(ref, mid, expected, doubts)
    _check_transaction(kind, transaction_id, expected, doubts, is_status=is_status)
    status = _status_of(outcome, amount, kind, expected, doubts)
    takes_money = status.took_money
    if takes_money and not mid:
        doubts.append("it approves without naming the merchant")
    if raw.get("redirect_url"):
        doubts.append("it approves, and yet sends the buyer to another page")
    if doubts:
        status = PaymentStatus.UNKNOWN
    if expected.operation is Operation.AUTHORIZE and status is PaymentStatus.AUTHORIZED and kind == "CAPTURE":
        doubts.append("the gateway calls this authorisation a CAPTURE")
    message = first_message(gateway.get("message"))
    is_subscribing = expected.operation is Operation.SUBSCRIBE
    return Reading(
        status=status,
        doubts=tuple(doubts),
        foreign=foreign,
        message=message,
        transaction_id=transaction_id,
        transaction_type=kind,
        merchant_txn_ref=ref,
        approved_amount=amount if takes_money else None,
        auth_code=text_of(details.get("auth_code")),
        response_code=code,
        gateway_code=gateway_code,
        decline=_decline(outcome, code, message) if outcome is not None and status is PaymentStatus.DECLINED else None,
        card=card_in(details),
        stored_payment_method_id=stored_id_in(transaction, body),
        subscription_id=text_of(object_in(raw, "subscription_details").get("id")) if is_subscribing else None,
        gateway_time=time_of(transaction.get("timestamp")),
        http_status=http_status,
        raw=raw,
    )


_DECLINING_STATUSES = (406, 412)
"""Not acceptable, precondition failed: the vendor's portal keeps them as failed transactions (inferred)."""


def _is_envelope(http_status: int | None, raw: dict[str, Any]) -> bool:
    """True if there is a payment in it: a code, a transaction, or the risk rule that kept one from being made."""
    return (
        _code_in(http_status, raw) is not None
        or object_in(raw, "transaction_details").get("id") is not None
        or classify_rule(text_of(object_in(raw, "gateway_response").get("code")) or "") is not None
    )


def _code_in(http_status: int | None, raw: dict[str, Any]) -> object:
    code = object_in(raw, "payment_details").get("response_code")
    return raw.get("response_code") if code is None and http_status in _DECLINING_STATUSES else code


def _approves(raw: dict[str, Any]) -> bool:
    """True if it may be read as an approval."""
    code = code_of(object_in(raw, "payment_details").get("response_code"), [])
    return code is not None and classify(code).outcome in _TAKES_MONEY and bool(raw.get("success"))


_TAKES_MONEY = (Outcome.APPROVED, Outcome.PARTIAL)


def _outcome(
    success: bool | None,  # noqa: FBT001  one of three answers, not a switch
    code: int | None,
    gateway_code: str | None,
    *,
    doubts: list[str],
) -> ResponseClass | None:
    """Return what success and codes say, None without a code. Add a doubt where they contradict each other."""
    rule = classify_rule(gateway_code) if gateway_code is not None else None
    found = classify(code) if code is not None else rule
    if found is None:
        doubts.append("it has no response code")
        return None
    outcome, named = found.outcome, f"code {code}" if code is not None else "a risk rule"
    if outcome is Outcome.PENDING:
        return found
    if success is None:
        doubts.append("it does not say whether it succeeded")
    elif outcome in _TAKES_MONEY:
        if not success:
            doubts.append(f"it failed with the approving {named}")
        elif gateway_code is not None and gateway_code.upper().startswith(("ERR", "VAL")):
            doubts.append(f"it succeeded with the gateway's error {gateway_code[:20]}")
    elif outcome is not Outcome.DECLINED:
        doubts.append(f"{named} ({found.reason}) does not say what happened")
    elif success:
        doubts.append(f"it succeeded with the declining {named} ({found.reason})")
    return rule if rule is not None and found.reason in ("risk_rule", "unlisted") else found


def _status_of(
    outcome: ResponseClass | None, amount: Money | None, kind: str | None, expected: Expected, doubts: list[str]
) -> PaymentStatus:
    """Return what the outcome stands for if nothing is in doubt. Add a doubt where the amount is not what was asked."""
    asked = expected.amount
    if outcome is None:
        return PaymentStatus.UNKNOWN
    if outcome.outcome is Outcome.PENDING:
        return PaymentStatus.PENDING
    if outcome.outcome is Outcome.DECLINED:
        if asked is not None and amount is not None and amount.is_positive and amount != asked:
            doubts.append(f"it declines {amount}, but {asked} was asked for")
        return PaymentStatus.DECLINED
    if outcome.outcome is Outcome.PARTIAL:
        if amount is None or not amount.is_positive or (asked is not None and not _is_part(amount, asked)):
            doubts.append(f"it approves {amount or 'no readable amount'} in part, but {asked} was asked for")
        return PaymentStatus.PARTIALLY_APPROVED
    if outcome.outcome is not Outcome.APPROVED:
        return PaymentStatus.UNKNOWN
    _check_whole(amount, expected, doubts)
    if expected.operation is Operation.AUTHORIZE or (expected.operation is Operation.STATUS and kind == "PRE_AUTH"):
        return PaymentStatus.AUTHORIZED
    return PaymentStatus.APPROVED


def _check_whole(amount: Money | None, expected: Expected, doubts: list[str]) -> None:
    """Doubt an approval of another amount, or of another currency where the amount was left open."""
    asked: Money | str | None = expected.amount
    if asked is not None:
        same = amount is asked or amount == asked
    else:
        asked = expected.currency
        same = asked is None or (amount is not None and amount.currency == asked)
    if not same:
        doubts.append(f"it approves {amount or 'no readable amount and currency'}, but {asked} was asked for")


def _is_part(amount: Money, asked: Money) -> bool:
    return amount.currency == asked.currency and amount <= asked


def _foreign(live: object, mid: object, expected: Expected, doubts: list[str]) -> str | None:
    """Say whose the answer is, if it is not ours."""
    found = None
    is_live = flag(live)
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
    if is_status and asked is not None:
        if transaction_id is None:
            doubts.append("it has no transaction id")
        elif transaction_id.lower() != asked.lower():
            doubts.append("it is about another transaction")
    allowed = KINDS.get(expected.operation)
    if allowed is None:
        return
    if kind is None:
        if expected.strict:
            doubts.append("it does not say what kind of transaction it is")
    elif kind.upper() not in allowed:
        doubts.append(f"a transaction of type {kind[:20]} does not answer for {expected.operation}")


_CHARGES = frozenset({"CAPTURE", "PRE_AUTH", "PURCHASE", "SALE", "AUTHORIZATION", "AUTHORISATION"})
KINDS = {
    Operation.PURCHASE: _CHARGES,
    Operation.PURCHASE_WITH_TOKEN: _CHARGES,
    Operation.AUTHORIZE: _CHARGES,
    Operation.SUBSCRIBE: _CHARGES,
    Operation.HOSTED_PAGE: _CHARGES,
    Operation.CHECKOUT: _CHARGES,
    Operation.CAPTURE: frozenset({"CAPTURE"}),
    Operation.REFUND: frozenset({"REFUND"}),
    Operation.VOID: frozenset({"VOID", "VOIDAUTHORISATION", "VOIDAUTHORIZATION"}),
}
"""What the gateway calls the transaction of each operation, in capitals.

The vendor's samples answer purchases with PRE_AUTH and CAPTURE alike; the spelt-out ones are of its portal.
"""


def _decline(outcome: ResponseClass, code: int | None, message: str | None) -> Decline:
    return Decline(outcome.reason, code, outcome.rule, outcome.new_attempt_may_help, message)


# A page for the buyer -------------------------------------------------------------------------------------------------


def _read_redirect(
    http_status: int | None, raw: dict[str, Any], body: bytes, expected: Expected, doubts: list[str]
) -> Reading:
    """Read a 3-D Secure start: ACTION_REQUIRED whatever ``success`` says, if the link is one to follow."""
    merchant, transaction = object_in(raw, "merchant_details"), object_in(raw, "transaction_details")
    ref = reference_in(merchant, transaction, doubts)
    foreign = _foreign(raw.get("is_live"), merchant.get("mid"), expected, doubts)
    _check_identity(ref, merchant.get("mid"), expected, doubts)
    url = read_clear(body, "redirect_url")
    if url is None or not is_safe_url(url):
        doubts.append("its redirect_url is no https URL")
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else PaymentStatus.ACTION_REQUIRED,
        doubts=tuple(doubts),
        foreign=foreign,
        message=first_message(object_in(raw, "gateway_response").get("message")),
        transaction_id=transaction_id_of(transaction.get("id")),
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
    gateway = object_in(raw, "gateway_response")
    if flag(raw.get("success")) is not False and raw.get("success") is not None:
        doubts.append("it has no payment in it, and yet speaks of success")
    if doubts:
        refusal = None
    if refusal is None or is_status:
        doubts.append(f"HTTP {http_status} {'without a payment in it' if refusal is None else 'refuses the question'}")
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else PaymentStatus.CANCELLED,
        doubts=tuple(doubts),
        refusal=refusal,
        retry_after=retry_after(headers, now),
        message=first_message(*(place.get(name) for place in (gateway, raw) for name in ("message", "error"))),
        gateway_code=text_of(gateway.get("code")),
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
        retry_after=retry_after(headers, now),
        http_status=http_status,
        raw={"unreadable": excerpt(body)},
    )
