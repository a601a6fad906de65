"""The gateway's JSON: numbers exact, and masked while it is decoded, so that nothing in clear is ever built from it."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal, InvalidOperation
from enum import Enum, auto
from json import JSONDecoder
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from paymentoptions_async.masking import (
    REDACTED,
    looks_like_pan,
    mask_pan,
    mask_text,
    mask_unreadable,
    without_cut_number,
)


class NotJson(ValueError):
    """The body can't be read as JSON."""


def read_masked(body: bytes) -> tuple[Any, bool]:
    """Decode a body, masked; tell also whether an object repeats a name with another value (the last one is kept).

    Numbers with a point become `Decimal`; NaN, infinities and absurdly long numbers become texts. Lone surrogates and
    NUL, which databases refuse, are replaced. Raises `NotJson` for whatever can't be decoded, and nothing else.
    """
    value, repeats, _ = read_with_text(body)
    return value, repeats


def read_with_text(body: bytes) -> tuple[Any, bool, str | None]:
    """Decode a body as `read_masked` does, and return its own text too where that is the JSON of what is returned.

    None where it is not: where anything was masked, replaced or repeated, where it is no object, or may be nested so
    deeply that not everybody can read it.
    """
    try:
        body = body.removeprefix(codecs.BOM_UTF8)
        text = body.decode().strip(_BLANKS)
        squeezed = body.translate(_SQUEEZED, _SEPARATORS)
        if _may_be_harmless(body, squeezed):
            value, is_harmless, is_unchanged = _read_harmless(text, squeezed)
            if is_harmless:
                return value, False, text if is_unchanged else None
        return *_read_suspicious(text), None
    except (ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from None


def _read_suspicious(text: str) -> tuple[Any, bool]:
    """Decode a body, looking at each text in it."""
    try:
        value, repeats = _STRICT.decode(text), False
    except _RepeatedNameError:
        value, repeats = _LENIENT.decode(text), True
    if value.__class__ is not dict:
        value = _masked_value(value)
    return _storable(value) if "\\u" in text else value, repeats


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
    text = _unescaped(body[:_EXCERPT_FROM].decode("utf-8", "replace")).replace("\x00", "")
    if len(body) > _EXCERPT_FROM:
        text = without_cut_number(text)
    return mask_unreadable(text)[:limit]


def _unescaped(text: str) -> str:
    """Write out the escapes of JSON that was cut: their digits would run into those of a card number."""
    signs = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    return signs.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_default(value: object) -> object:
    """Serve `json.dumps` for what `read_masked` returns: a Decimal as the number equal to it, or as its digits."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} does not belong into JSON")
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


_EXCERPT_FROM = 65_536
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")

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
_DIGIT = re.compile(r"\d")
_PUNCTUATION = re.compile(r"[\W_]+")

_all_plain = _PLAIN_NAMES.issuperset
_SHORTEST = 7
"""Nothing shorter is masked: ``cvc:100``."""
_SHORTEST_PAN, _SHOWN_DIGITS = 12, 10


def _may_be_harmless(body: bytes, squeezed: bytes) -> bool:
    """Tell by one look at the bytes that `mask_text` would change no text or number in them, colons apart.

    An ordinary status answer is harmless but for names, and looking at its texts one by one would take as long as
    decoding it. A run of 12 digits, an ``=`` or ``>``, or an escape makes it suspicious; so do the first letters of
    tokens. What colons say is known when it is decoded: see `_HarmlessReader.knows_every_colon`.
    """
    return not (
        b"000000000000" in squeezed
        or b"=" in squeezed
        or b"eyj" in squeezed
        or b"beer" in squeezed
        or not (body.isascii() or _has_no_foreign_digit(body))
    )


_BLANKS = " \t\r\n"
_SEPARATORS = b" -.\t\r\n" + bytes(range(128, 256))
"""Left out, so that nothing stands between the digits of a card number: also what is not ASCII."""
_ASCII = bytes(range(128))
_SQUEEZED = bytes.maketrans(
    b"123456789>\\" + ascii_uppercase.encode() + b"asi",
    b"000000000==" + ascii_lowercase.translate({ord("a"): "e", ord("s"): "e", ord("i"): "r"}).encode() + b"eer",
)
"""One sign for all of a kind, so that one search finds them: ``beer`` is how ``Basic`` and ``Bearer`` begin."""


def _has_no_foreign_digit(body: bytes) -> bool:
    return not any(map(str.isdecimal, body.translate(None, _ASCII).decode()))


def _read_harmless(text: str, squeezed: bytes) -> tuple[Any, bool, bool]:
    """Decode a body that may be harmless. Tell whether it is, and whether nothing in it was changed."""
    try:
        reader = _IDLE.pop()
    except IndexError:
        reader = _HarmlessReader()
    try:
        value = reader.read(text)
        is_harmless = value.__class__ is dict and reader.knows_every_colon(squeezed)
        return value, is_harmless, is_harmless and reader.is_unchanged(text)
    finally:
        _IDLE.append(reader)


class _HarmlessReader:
    """Decodes one body after the other, and knows of the last one how many names are left, and if it changed anything.

    It keeps nothing else of a body.
    """

    __slots__ = ("_changed", "_decode", "_names")

    def __init__(self) -> None:
        decoder = JSONDecoder(object_hook=self._object, parse_float=self._decimal, parse_constant=self._constant)
        self._decode = decoder.raw_decode

    def read(self, text: str) -> Any:
        """Decode a body, masked by names alone."""
        self._names, self._changed = 0, False
        value, end = self._decode(text)
        if end != len(text):
            raise ValueError
        return value

    def knows_every_colon(self, squeezed: bytes) -> bool:
        """True if each colon follows a name that is still there, or stands in a time of day.

        So no text has another one, as names of secrets and links have, and no object repeated a name: there would be
        more colons than that. No escape hides one.
        """
        return squeezed.count(b":") == self._names + 2 * squeezed.count(b"00:00:00")

    def is_unchanged(self, text: str) -> bool:
        """True if what was decoded is what stands there, and not nested deeply."""
        lists = text.count("[") if "[" in text else 0
        return not self._changed and self._names + lists <= _DEEPEST

    def _object(self, found: dict[str, Any]) -> dict[str, Any]:
        """Mask one object: only names may call for it."""
        self._names += len(found)
        if not _all_plain(found):
            masked = _masked_by_name(found)
            self._changed |= masked != found
            return masked
        if "number" in found:
            number = found["number"]
            found["number"] = masked = _masked_number(number)
            self._changed |= masked != number
        return found

    def _decimal(self, digits: str) -> Decimal | str:
        value = _decimal(digits)
        self._changed |= value.__class__ is not Decimal
        return value

    def _constant(self, name: str) -> str:
        self._changed = True
        return name


_IDLE: list[_HarmlessReader] = []
"""One for each thread that ever read at the same time as others: making one takes as long as reading a small body."""
_DEEPEST = 199
"""Names and lists in a body: as long as there are no more, no journal's JSON would be cut short for its depth."""


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
    masked = ".".join(map(mask_text, digits.split(".")))  # here the point is one: it joins no groups
    if masked != digits:
        return masked
    if _SHORTEST_PAN <= value.adjusted() + 1 <= _LONGEST_NUMBER and looks_like_pan(f"{abs(value):.0f}"):
        return mask_pan(f"{value:.0f}")
    return value


_LONGEST_NUMBER = 50


def _too_long(digits: str) -> str:
    return f"[number of {len(digits)} characters]"


_STRICT = JSONDecoder(object_pairs_hook=_strict_object, parse_int=_int, parse_float=_decimal, parse_constant=str)
_LENIENT = JSONDecoder(object_pairs_hook=_lenient_object, parse_int=_int, parse_float=_decimal, parse_constant=str)


def _storable(value: Any) -> Any:
    """Replace lone surrogates and NUL, which only escapes can bring in."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value
