"""The gateway's JSON: numbers exact, and masked while it is decoded, so that nothing in clear is ever built from it."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from paymentoptions_async.masking import REDACTED, looks_like_pan, mask_pan, mask_text, mask_unreadable


class NotJson(ValueError):
    """The body can't be read as JSON."""


def read_masked(body: bytes) -> tuple[Any, bool]:
    """Decode a body, masked; tell also whether an object repeats a name with another value (the last one is kept).

    Numbers with a point become `Decimal`; NaN, infinities and absurdly long numbers become texts. Lone surrogates and
    NUL, which databases refuse, are replaced. Raises `NotJson` for whatever can't be decoded, and nothing else.
    """
    try:
        body = body.removeprefix(codecs.BOM_UTF8)
        text = body.decode()
        try:
            value, repeats = (_HARMLESS if _is_harmless(body) else _STRICT).decode(text), False
        except _RepeatedNameError:
            value, repeats = _LENIENT.decode(text), True
        if value.__class__ is not dict:
            value = _masked_value(value)
        if "\\u" in text:
            value = _storable(value)
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from None
    return value, repeats


def read_clear(body: bytes, *path: str) -> str | None:
    """Read one text of a body as it is: what masking took out and the caller needs. None where there is no text.

    The body must have passed `read_masked`.
    """
    value = json.loads(body.decode("utf-8-sig"), parse_int=_nothing, parse_float=_nothing)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _nothing(_: str) -> None:
    """Read no number: the longest take long, and none is asked for."""


def excerpt(body: bytes, limit: int = 500) -> str:
    """Return the beginning of a body that is no readable JSON, as masked text of at most ``limit`` characters."""
    text = body[:_EXCERPT_FROM].decode("utf-8", "replace").replace("\x00", "")
    if len(body) > _EXCERPT_FROM:
        text = text.rstrip("0123456789 -")  # the cut may have gone through a card number
    return mask_unreadable(text)[:limit]


def json_default(value: object) -> object:
    """Serve `json.dumps` for what `read_masked` returns: a Decimal as the number equal to it, or as its digits."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} does not belong into JSON")
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


_EXCERPT_FROM = 65_536

_PLAIN_NAMES = frozenset(
    """
    success status_code statusCode is_live transaction_type
    gateway_response version type message code error errors
    merchant_details legal_name mid merchant_id merchant_email merchant_txn_ref
    billing_details billing_address shipping_address country email phone_number phone address1 address2 city state
    postal_code device_details visited_ip merchant_ip customer_ip time_zone
    payment_details amount response_code responseDescription auth_code currency payment_method scheme card name
    exp_month exp_year expiry_month expiry_year additional_data payment_data_source number
    transaction_details id ref timestamp
    risk-details risk_details risk_score
    url redirect_url return_url return_url_details webhook_url success_url decline_url cancel_url
    """.split()  # noqa: SIM905  a list of 70 lines would hide the rest
)
"""Documented names, whose values are masked for what they contain. All other names are looked at."""

# Names without case, blanks, hyphens and underscores.
_REMOVED = re.compile(
    r"(card)?(cv[cvn]2?(code|number|value)?|csc|securitycode|verificationcode)|pin(block)?|track[12]?(data)?"
)
_HIDDEN = re.compile(r"token|secret|passw|authorization|apikey|cookie|credential|privatekey|stored?paymentmethodid")
_CARD_NUMBER = re.compile(r"(card|account|primaryaccount)?(number|no)|(masked|card)?pan")
_DIGIT = re.compile(r"[0-9]")
_PUNCTUATION = re.compile(r"[\W_]+")

_all_plain = _PLAIN_NAMES.issuperset
_SHORTEST = 7
"""Nothing shorter is masked: ``cvc:100``."""
_SHORTEST_PAN, _SHOWN_DIGITS = 12, 10


def _is_harmless(body: bytes) -> bool:
    """Tell by one look at the bytes that no text or number in them is one that `mask_text` would change.

    An ordinary status answer is harmless but for names, and looking at its texts one by one would take as long as
    decoding it. A run of 12 digits, an ``=`` or ``>``, an escape, or a colon that neither follows a name nor stands in
    a time of day makes it suspicious; so do the first letters of tokens.
    """
    squeezed = body.translate(_SQUEEZED, b" -\t\r\n")
    return not (
        b"000000000000" in squeezed
        or b"=" in body
        or b">" in body
        or b"\\" in body
        or squeezed.count(b":") != squeezed.count(b'":') + 2 * squeezed.count(b"00:00:00")
        or b"eyj" in squeezed
        or b"basic" in squeezed
        or b"bearer" in squeezed
    )


_SQUEEZED = bytes.maketrans(b"123456789" + ascii_uppercase.encode(), b"000000000" + ascii_lowercase.encode())


def _harmless_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Mask one object of a harmless body: only names may call for it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_conflicts(found, pairs)
    if not _all_plain(found):
        return _masked_by_name(found)
    if "number" in found:
        found["number"] = _masked_number(found["number"])
    return found


def _strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Mask one object; the objects in it are masked already."""
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_conflicts(found, pairs)
    if not _all_plain(found):
        return _masked_by_name(found)
    for name, value in pairs:
        if value.__class__ is str:
            if (length := len(value)) >= _SHORTEST and (length >= _SHORTEST_PAN or ":" in value or "=" in value):
                found[name] = mask_text(value)
        elif value.__class__ is list:
            found[name] = _masked_value(value)
    if "number" in found:
        found["number"] = _masked_number(found["number"])
    return found


def _lenient_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return _masked_by_name(dict(pairs))


def _masked_by_name(found: dict[str, Any]) -> dict[str, Any]:
    masked: dict[str, Any] = {}
    for name, value in found.items():
        kind = _KINDS.get(name) or _kind_of(name)
        if kind is _Kind.REMOVED:
            continue
        shown = name if name in _KINDS else mask_text(name)
        if kind is _Kind.HIDDEN:
            masked[shown] = value if value is None or value == "" or isinstance(value, bool) else REDACTED
        elif kind is _Kind.CARD_NUMBER:
            masked[shown] = _masked_number(_masked_value(value))
        else:
            masked[shown] = _masked_value(value)
    return masked


class _Kind(Enum):
    PLAIN = auto()
    CARD_NUMBER = auto()
    HIDDEN = auto()
    REMOVED = auto()


def _kind_of(name: str) -> _Kind:
    plain = _PUNCTUATION.sub("", name).lower()
    if _REMOVED.fullmatch(plain):
        return _Kind.REMOVED
    if _HIDDEN.search(plain):
        return _Kind.HIDDEN
    return _Kind.CARD_NUMBER if _CARD_NUMBER.fullmatch(plain) else _Kind.PLAIN


_KINDS = {name: _kind_of(name) for name in (*_PLAIN_NAMES, "stored_payment_method_id", "store_payment_method")}
"""What documented names are; others are looked at each time, because a cache of them could hold card numbers."""


def _masked_value(value: Any) -> Any:
    """Mask a text or list; objects and numbers were masked when they were decoded."""
    kind = value.__class__
    if kind is str:
        return mask_text(value)
    if kind is list:
        return [_masked_value(item) for item in value]
    return value


def _masked_number(value: Any) -> Any:
    """Mask the value of a card number's field, Luhn-valid or not. What is masked already stays as it is."""
    text = str(value) if value.__class__ in (int, Decimal) else value
    if (
        text.__class__ is str
        and len(text) - text.count("*") > _SHOWN_DIGITS
        and len(_DIGIT.findall(text)) > _SHOWN_DIGITS
    ):
        return mask_pan(text)
    return value


def _refuse_conflicts(found: dict[str, Any], pairs: list[tuple[str, Any]]) -> None:
    for name, value in pairs:
        if found[name].__class__ is not value.__class__ or found[name] != value:
            raise _RepeatedNameError


class _RepeatedNameError(Exception):
    pass


def _int(digits: str) -> int | str:
    if len(digits) < _SHORTEST_PAN:
        return int(digits)
    if looks_like_pan(digits.lstrip("-")):
        return mask_pan(digits)
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _too_long(digits)


def _decimal(digits: str) -> Decimal | str:
    if len(digits) > _LONGEST_NUMBER:
        return _too_long(digits)
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return _too_long(digits)
    masked = mask_text(digits)
    if masked != digits:
        return masked
    if _SHORTEST_PAN <= value.adjusted() + 1 <= _LONGEST_NUMBER and looks_like_pan(f"{abs(value):.0f}"):
        return mask_pan(f"{value:.0f}")
    return value


_LONGEST_NUMBER = 50


def _too_long(digits: str) -> str:
    return f"[number of {len(digits)} characters]"


_HARMLESS = json.JSONDecoder(object_pairs_hook=_harmless_object, parse_float=_decimal, parse_constant=str)
_STRICT = json.JSONDecoder(object_pairs_hook=_strict_object, parse_int=_int, parse_float=_decimal, parse_constant=str)
_LENIENT = json.JSONDecoder(object_pairs_hook=_lenient_object, parse_int=_int, parse_float=_decimal, parse_constant=str)


def _storable(value: Any) -> Any:
    """Replace lone surrogates and NUL, which only escapes can bring in."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value
