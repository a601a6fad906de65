"""Corefy's answers, read tolerantly: empty objects may be ``[]`` or null, a sale's answer flat or nested. Pure.

Only an invoice settles anything, and only where everything agrees: id, reference, mode, amount and what was processed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paymentoptions_async.corefy.statuses import REFUND_STATUSES, STATUSES, new_attempt_may_help
from paymentoptions_async.corefy.values import is_invoice_id
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.gateway_json import NotJson, read_clear, read_masked
from paymentoptions_async.masking import REDACTED
from paymentoptions_async.payment import Decline, Expected, Operation, PaymentStatus, Reading, Refusal
from paymentoptions_async.policy import retry_after
from paymentoptions_async.reply_fields import first_message, object_in, text_of
from paymentoptions_async.values import MaskedCard, Money, Secret
from paymentoptions_async.values.urls import is_safe_url

_OK = 200
_FIRST_ERROR = 300
_CONFLICT = 409
_REFUSALS = {
    **dict.fromkeys((400, 405, 409, 413, 415, 422), Refusal.INVALID_REQUEST),
    401: Refusal.AUTHENTICATION,
    403: Refusal.AUTHENTICATION,
    404: Refusal.NOT_FOUND,
    429: Refusal.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """What the answer to a new invoice lets us do next: the cardgate's bearer, and when it ends (Unix seconds)."""

    invoice_id: str
    bearer: Secret | None
    ends_at: float | None

    def __repr__(self) -> str:
        return f"<Session {self.invoice_id}>"


def read_invoice(http_status: int | None, headers: Mapping[str, str], body: bytes, expected: Expected) -> Reading:
    """Read an invoice, as it was made or asked for. Refusals are UNKNOWN with ``refusal`` set. Raises nothing."""
    try:
        raw, repeats = read_masked(body)
        data = object_in(raw, "data") if raw.__class__ is dict else {}
        if (http_status or _FIRST_ERROR) >= _FIRST_ERROR or not data:
            return _read_refusal(http_status, headers, raw, expected)
        hide_links(data)
        doubts = ["an object repeats a name with another value"] if repeats else []
        if expected.operation is Operation.REFUND:
            return _read_refund(http_status, raw, data, expected, doubts)
        return _read_charge(http_status, raw, data, body, expected=expected, doubts=doubts)
    except NotJson:
        return _nothing(http_status, f"HTTP {http_status}: the body is no readable JSON")
    except Exception as error:  # noqa: BLE001  money may have moved: a fault of ours must not hide the answer
        return _nothing(http_status, f"the answer could not be read ({type(error).__name__})")


def hide_links(data: dict[str, Any]) -> None:
    """Take out of a decoded invoice what leads to the buyer's page, and the URLs that carry our tokens."""
    attributes = object_in(data, "attributes")
    flow = object_in(attributes, "flow_data")
    for place, names in (
        (attributes, ("callback_url", "return_url", "hpp_url")),
        (object_in(attributes, "return_urls"), ("success", "pending", "fail")),
        (flow, ("action",)),
        (object_in(flow, "metadata"), ("sid",)),
    ):
        place.update({name: REDACTED for name in names if place.get(name)})


def read_session(body: bytes) -> Session | None:
    """What an invoice's answer hands over for the cardgate, in clear. None where it is no invoice."""
    try:
        raw, _ = read_masked(body)
        data = object_in(raw, "data") if raw.__class__ is dict else {}
        invoice_id, attributes = text_of(data.get("id")), object_in(data, "attributes")
        created = attributes.get("created")
        bearer = read_clear(body, "data", "attributes", "flow_data", "metadata", "token") or ""
    except NotJson:
        return None
    if not is_invoice_id(invoice_id):
        return None
    begins = float(created) if isinstance(created, (int, Decimal)) else None
    good = _BEARER.fullmatch(bearer) is not None
    return Session(invoice_id, Secret(bearer) if good else None, None if begins is None else begins + BEARER_LIFE)


_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer may hold (RFC 6750, 2.1), so that a header can carry it."""


BEARER_LIFE = 3600.0
"""Seconds for which a bearer is good (decoded from two independent samples)."""


def read_sale(http_status: int | None, headers: Mapping[str, str], body: bytes, expected: Expected) -> Reading:
    """Read the answer to a sale, flat or below ``data.attributes``. It settles nothing but the way to the buyer's bank.

    ACTION_REQUIRED where the buyer must be sent on; PENDING where it was taken on; CANCELLED with ``refusal`` where the
    request itself was refused; UNKNOWN for all else.
    """
    try:
        raw, _ = read_masked(body)
    except NotJson:
        return _nothing(http_status, f"HTTP {http_status}: the body is no readable JSON")
    if raw.__class__ is not dict:
        return _nothing(http_status, f"HTTP {http_status}: the body is no object")
    place = _sale_in(raw)
    status = text_of(place.get("status"))
    if status is None or (http_status or _FIRST_ERROR) >= _FIRST_ERROR:
        return _read_refused_sale(http_status, headers, raw, expected)
    handed = object_in(place, "auth_payload")
    if handed:
        return _read_hand_off(http_status, raw, body, expected, nested=place is not raw)
    known = status in ("processed", "process_pending", "process_failed", "created", "processing")
    return Reading(
        status=PaymentStatus.PENDING if known else PaymentStatus.UNKNOWN,
        doubts=() if known else (f"its status is {status[:40]!r}",),
        transaction_id=expected.transaction_id,
        gateway_code=text_of(place.get("resolution")),
        http_status=http_status,
        raw=raw,
    )


def _read_refused_sale(
    http_status: int | None, headers: Mapping[str, str], raw: dict[str, Any], expected: Expected
) -> Reading:
    """A sale that was refused. Its keys are the invoice's bearer, not ours."""
    reading = _read_refusal(http_status, headers, raw, expected, cancelled=True)
    if reading.refusal is not Refusal.AUTHENTICATION:
        return reading
    why = "the cardgate takes the invoice's bearer no more; nothing was charged, use a new key"
    return replace(reading, refusal=Refusal.INVALID_REQUEST, message=why)


def find_reference(http_status: int | None, body: bytes, ref: str) -> str | None:
    """The id of the one invoice of a list that has a reference; None where there is none, or more than one."""
    found = {
        text_of(data.get("id"))
        for data in _listed(http_status, body)
        if text_of(object_in(data, "attributes").get("reference_id")) == ref
    }
    [invoice_id] = found if len(found) == 1 else [None]
    return invoice_id if is_invoice_id(invoice_id) else None


def read_list(http_status: int | None, body: bytes, expected: Expected) -> list[Reading]:
    """Read the invoices of a list, those of the other mode left out. Pages and tokens are not read."""
    readings = [
        _read_charge(http_status, {"data": data}, data, b"{}", expected=expected, doubts=[])
        for data in _listed(http_status, body)
    ]
    return [reading for reading in readings if reading.foreign is None]


def amount_of(reading: Reading) -> Money | None:
    """What an invoice was made for."""
    attributes = object_in(object_in(dict(reading.raw or {}), "data"), "attributes")
    return _money(attributes.get("amount"), text_of(attributes.get("currency")) or "")


def is_list(http_status: int | None, body: bytes) -> bool:
    """Tell whether an answer is a list at all; an empty one is."""
    try:
        raw, _ = read_masked(body)
    except NotJson:
        return False
    return http_status == _OK and isinstance(raw, dict) and isinstance(raw.get("data"), list)


def _listed(http_status: int | None, body: bytes) -> list[dict[str, Any]]:
    if not is_list(http_status, body):
        return []
    raw, _ = read_masked(body)
    found = [data for data in raw["data"] if isinstance(data, dict)]
    for data in found:
        hide_links(data)
    return found


def is_being_paid(reading: Reading) -> bool:
    """Tell whether an invoice has a payment under way, or one that waits for a moderator.

    Newer answers name an ``active-payment``; that there is none before the first try is inferred.
    """
    data = object_in(dict(reading.raw or {}), "data")
    active = object_in(object_in(data, "relationships"), "active-payment")
    return bool(object_in(active, "data")) or is_blocked(reading)


def is_blocked(reading: Reading) -> bool:
    """Tell whether an invoice waits for a moderator."""
    data = object_in(dict(reading.raw or {}), "data")
    return object_in(data, "attributes").get("moderation_required") is True


def refunded_total(body: bytes, currency: str) -> Money | None:
    """What an invoice says was refunded of it in all; None where it does not say."""
    try:
        raw, _ = read_masked(body)
    except NotJson:
        return None
    attributes = object_in(object_in(raw, "data"), "attributes") if raw.__class__ is dict else {}
    return _money(attributes.get("refunded_amount"), currency)


# An invoice -----------------------------------------------------------------------------------------------------------


def _read_charge(
    http_status: int | None,
    raw: dict[str, Any],
    data: dict[str, Any],
    body: bytes,
    *,
    expected: Expected,
    doubts: list[str],
) -> Reading:
    attributes = object_in(data, "attributes")
    invoice_id, ref = text_of(data.get("id")), text_of(attributes.get("reference_id"))
    foreign = _foreign(attributes.get("test_mode"), expected, doubts)
    _check_identity(invoice_id, ref, expected, doubts)
    said = text_of(attributes.get("status"))
    status = STATUSES.get(said or "", PaymentStatus.UNKNOWN)
    if status is PaymentStatus.UNKNOWN:
        doubts.append(f"its status is {(said or '')[:40]!r}")
    if attributes.get("moderation_required") is True and status.is_final:
        status = PaymentStatus.PENDING  # blocked until someone at the gateway has looked at it
    currency = text_of(attributes.get("currency")) or ""
    approved = _money(attributes.get("processed_amount"), currency) if status.took_money else None
    status = _held_against(status, approved, attributes, currency=currency, expected=expected, doubts=doubts)
    page = None
    blocked = attributes.get("moderation_required") is True
    if status is PaymentStatus.PENDING and not blocked and expected.operation is Operation.CHECKOUT:
        page = read_clear(body, "data", "attributes", "flow_data", "action") or read_clear(
            body, "data", "attributes", "hpp_url"
        )
        if page is not None and is_safe_url(page):
            status = PaymentStatus.ACTION_REQUIRED
    payload, resolution = object_in(attributes, "payload"), text_of(attributes.get("resolution"))
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else status,
        doubts=tuple(doubts),
        foreign=foreign,
        message=first_message(attributes.get("resolution_message"), resolution),
        transaction_id=invoice_id,
        transaction_type="SALE",
        merchant_txn_ref=ref,
        approved_amount=approved,
        refunded=_refunded(attributes, approved, currency),
        charged_back=_charged_back(attributes, approved, currency),
        auth_code=text_of(attributes.get("approval_code")),
        gateway_code=resolution,
        decline=_decline(resolution, attributes) if status is PaymentStatus.DECLINED and not doubts else None,
        card=_card(object_in(payload, "payment_card")),
        redirect_url=page if status is PaymentStatus.ACTION_REQUIRED and not doubts else None,
        stored_payment_method_id=read_clear(body, "data", "attributes", "payload", "token"),
        gateway_time=_time(attributes.get("processed") or attributes.get("updated")),
        http_status=http_status,
        raw=raw,
    )


def _held_against(
    status: PaymentStatus,
    approved: Money | None,
    attributes: dict[str, Any],
    *,
    currency: str,
    expected: Expected,
    doubts: list[str],
) -> PaymentStatus:
    """Hold the amounts against what was asked for: what was processed may be less, and is never taken on trust."""
    asked, amount = expected.amount, _money(attributes.get("amount"), currency)
    if asked is not None and amount != asked:
        doubts.append(f"it is for {amount or 'no readable amount'}, but {asked} was asked for")
    if not status.took_money:
        return status
    if approved is None or not approved.is_positive:
        doubts.append("it was processed, but does not say how much")
        return status
    whole = asked or amount
    if whole is None or approved.currency != whole.currency or approved > whole:
        doubts.append(f"it processed {approved}, but {whole} was asked for")
        return status
    return PaymentStatus.PARTIALLY_APPROVED if approved < whole else PaymentStatus.APPROVED


def _refunded(attributes: dict[str, Any], approved: Money | None, currency: str) -> Money | None:
    """What was given back of it in all; all of it where the invoice says so, and not how much.

    That an amount of null means nothing, where nothing speaks of a refund, is inferred.
    """
    if approved is None:
        return None
    said, told = attributes.get("status"), attributes.get("refunded_amount")
    if told is not None:
        return _money(told, currency)
    if said == "refunded":
        return approved
    return None if said == "partially_refunded" else Money.zero(currency)


def _charged_back(attributes: dict[str, Any], approved: Money | None, currency: str) -> Money | None:
    """What the buyer's bank took back; all of it where the invoice says that it did, and not how much."""
    if approved is None:
        return None
    told = _money(attributes.get("charged_back_amount"), currency)
    return approved if told is None and attributes.get("status") == "charged_back" else told


def _foreign(test_mode: object, expected: Expected, doubts: list[str]) -> str | None:
    """Say whose the invoice is, if it is not of our mode."""
    if not isinstance(test_mode, bool):
        if expected.strict:
            doubts.append("it does not say whether it is a test")
        return None
    if test_mode is not expected.live:
        return None
    found = "it is of the live mode" if not test_mode else "it is of the test mode"
    doubts.append(found)
    return found


def _check_identity(invoice_id: str | None, ref: str | None, expected: Expected, doubts: list[str]) -> None:
    if invoice_id is None:
        doubts.append("it has no id")
    elif expected.transaction_id is not None and invoice_id != expected.transaction_id:
        doubts.append("it is another invoice")
    if expected.ref is not None and ref != expected.ref:
        doubts.append("its reference is another one")


def _decline(resolution: str | None, attributes: dict[str, Any]) -> Decline:
    reason = resolution if resolution not in (None, "ok") else "unlisted"
    assert reason is not None
    return Decline(
        reason=reason[:60],
        new_attempt_may_help=new_attempt_may_help(reason),
        message=first_message(attributes.get("resolution_message")),
    )


# A refund -------------------------------------------------------------------------------------------------------------


def _read_refund(
    http_status: int | None, raw: dict[str, Any], data: dict[str, Any], expected: Expected, doubts: list[str]
) -> Reading:
    """A refund's own resource, or the invoice, which tells of its refunds in a list if at all."""
    if text_of(data.get("type")) in ("refund", "refunds"):
        return _read_one_refund(http_status, raw, data, expected, doubts)
    attributes = object_in(data, "attributes")
    _foreign(attributes.get("test_mode"), expected, doubts)
    if expected.ref is not None and text_of(attributes.get("reference_id")) != expected.ref:
        doubts.append("its reference is another one")
    listed = attributes.get("refunds")
    for one in listed if isinstance(listed, list) else []:
        found = one if isinstance(one, dict) else {}
        details = object_in(found, "attributes") or found
        if expected.own_ref is not None and text_of(details.get("reference_id")) == expected.own_ref:
            return _read_one_refund(http_status, raw, {**found, "attributes": details}, expected, doubts)
    told = _REFUNDING if expected.strict else {**_REFUNDING, **_REFUNDED}
    status = told.get(text_of(attributes.get("status")) or "")
    if status is None:
        doubts.append("the invoice does not tell of this refund")
    total, asked = _money(attributes.get("refunded_amount"), text_of(attributes.get("currency")) or ""), expected.amount
    if status is PaymentStatus.APPROVED and total is not None and asked is not None and not _covers(total, asked):
        doubts.append(f"it gave back {total} in all, but {asked} was asked for")
    return Reading(
        status=PaymentStatus.UNKNOWN if status is None or doubts else status,
        doubts=tuple(doubts),
        transaction_type="REFUND",
        merchant_txn_ref=expected.ref,
        approved_amount=expected.amount if status is PaymentStatus.APPROVED and not doubts else None,
        http_status=http_status,
        raw=raw,
    )


def _covers(total: Money, asked: Money) -> bool:
    return total.currency == asked.currency and total >= asked


_REFUNDING = dict.fromkeys(("refunding", "refund_pending", "refund_error"), PaymentStatus.PENDING)
_REFUNDED = dict.fromkeys(("refunded", "partially_refunded"), PaymentStatus.APPROVED)
"""Of this very refund only where it is the direct answer to it; the invoice may have others (inferred)."""


def _read_one_refund(
    http_status: int | None, raw: dict[str, Any], data: dict[str, Any], expected: Expected, doubts: list[str]
) -> Reading:
    attributes = object_in(data, "attributes")
    said, own = text_of(attributes.get("status")), text_of(attributes.get("reference_id"))
    status = REFUND_STATUSES.get(said or "", PaymentStatus.UNKNOWN)
    if status is PaymentStatus.UNKNOWN:
        doubts.append(f"its status is {(said or '')[:40]!r}")
    if expected.own_ref is not None and own != expected.own_ref:
        doubts.append("its reference is another one")
    asked = expected.amount
    amount = _money(attributes.get("amount"), text_of(attributes.get("currency")) or (asked.currency if asked else ""))
    if asked is not None and amount != asked:
        doubts.append(f"it gives back {amount or 'no readable amount'}, but {asked} was asked for")
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else status,
        doubts=tuple(doubts),
        transaction_id=text_of(data.get("id")),
        transaction_type="REFUND",
        merchant_txn_ref=expected.ref,
        own_ref=own,
        approved_amount=amount if status.took_money and not doubts else None,
        decline=Decline(said or "unlisted") if status is PaymentStatus.DECLINED and not doubts else None,
        http_status=http_status,
        raw=raw,
    )


# A sale ---------------------------------------------------------------------------------------------------------------


def _sale_in(raw: dict[str, Any]) -> dict[str, Any]:
    nested = object_in(object_in(raw, "data"), "attributes")
    return nested if nested and "status" not in raw else raw


def _read_hand_off(
    http_status: int | None, raw: dict[str, Any], body: bytes, expected: Expected, *, nested: bool
) -> Reading:
    """The buyer's browser goes to the bank's page, with these parameters as they are (3-D Secure)."""
    above = ("data", "attributes", "auth_payload") if nested else ("auth_payload",)
    payload = object_in(_sale_in(raw), "auth_payload")
    url, method = read_clear(body, *above, "action"), (text_of(payload.get("method")) or "POST").upper()
    names = object_in(payload, "params")
    form = {name: read_clear(body, *above, "params", name) for name in names}
    good = url is not None and is_safe_url(url) and method in ("GET", "POST")
    readable = all(value is not None for value in form.values())
    if not good or not readable:
        return _nothing(http_status, "it sends the buyer on, but not readably where")
    return Reading(
        status=PaymentStatus.ACTION_REQUIRED,
        transaction_id=expected.transaction_id,
        redirect_url=url,
        redirect_form={name: value for name, value in form.items() if value is not None} if method == "POST" else None,
        http_status=http_status,
        raw={"auth_payload": REDACTED},  # its parameters open the buyer's challenge
    )


# Refusals, and what can't be read -------------------------------------------------------------------------------------


def _read_refusal(
    http_status: int | None, headers: Mapping[str, str], raw: object, expected: Expected, *, cancelled: bool = False
) -> Reading:
    """A request that was refused, by its HTTP status and a body in one of the two known forms."""
    said = raw if isinstance(raw, dict) else {}
    refusal = _REFUSALS.get(http_status or 0) if isinstance(raw, dict) and raw else None
    message = _message(said)
    may_be_duplicate = refusal in (Refusal.INVALID_REQUEST, Refusal.RATE_LIMITED)
    if may_be_duplicate and (http_status == _CONFLICT or _speaks_of_duplicate(said)):
        if expected.operation is Operation.REFUND:
            return replace(_nothing(http_status, "a refund under its reference was sent before"), raw=said)
        refusal = Refusal.DUPLICATE
    refused = refusal is not None and (cancelled or not expected.strict)
    return Reading(
        status=PaymentStatus.CANCELLED if refused else PaymentStatus.UNKNOWN,
        doubts=() if refused else (f"HTTP {http_status} without an invoice in it",),
        refusal=refusal,
        retry_after=retry_after(headers),
        message=message,
        http_status=http_status,
        raw=said or None,
    )


def _message(raw: dict[str, Any]) -> str | None:
    errors = raw.get("errors")
    first = next((error for error in errors if isinstance(error, dict)), {}) if isinstance(errors, list) else {}
    return first_message(first.get("detail"), first.get("title"), object_in(raw, "error").get("message"))


def _speaks_of_duplicate(raw: dict[str, Any]) -> bool:
    """A reference that was used before is refused, not replayed; how it is said is not documented (inferred).

    Our references are always there and well-formed, so there is nothing else to be said of one.
    """
    errors = raw.get("errors")
    return any(
        "duplicat" in text or text.endswith("/reference_id")
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, dict)
        for text in map(
            str.lower,
            map(
                str,
                (error.get("code"), error.get("title"), error.get("detail"), object_in(error, "source").get("pointer")),
            ),
        )
    )


def _nothing(http_status: int | None, doubt: str) -> Reading:
    return Reading(status=PaymentStatus.UNKNOWN, doubts=(doubt,), http_status=http_status)


# Single fields --------------------------------------------------------------------------------------------------------


def _money(value: object, currency: str) -> Money | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    try:
        return Money.from_wire(value, currency)
    except InvalidValue:
        return None


def _card(card: dict[str, Any]) -> MaskedCard | None:
    first, last = text_of(card.get("first")), text_of(card.get("last"))
    if first is None or last is None:
        return None
    return MaskedCard(first[:6], last[-4:], text_of(card.get("expiry_month")), text_of(card.get("expiry_year")))


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC) if isinstance(value, (int, Decimal)) else None
    except (OverflowError, OSError, ValueError):
        return None
