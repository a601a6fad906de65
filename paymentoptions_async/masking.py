"""Card numbers, codes, keys, tokens and private links are taken out of whatever comes back or may be kept.

Card numbers keep their first 6 and last 4 digits (PCI DSS 3.4.1); links keep their origin; everything else that is
secret becomes ``[redacted]``. Text in, text out; `gateway_json` applies it while it reads answers.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_UUID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_RUN = r"\d(?:[ -]?\d){11,}"
_UUID_OR_RUN = re.compile(rf"({_UUID})|{_RUN}", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_URL = re.compile(r"(https?:\\?/\\?/)([^\s/?#\"'<>\\]*)([/?#\\][^\s\"'<>]*)?", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}", re.ASCII)
_NAMED = re.compile(
    r"((?:\b|_)(?:cvc|cvv|csc|cvn)2?(?:_?(?:code|number))?|security[ _-]?code|x-api-key|api[ _-]?key|authorization"
    r"|passw(?:or)?d|secret|token|stored?_payment_method_id)"
    r"([\"']?\s*[:=>]\s*[\"']?)((?:(?:basic|bearer)\s+)?[^\s\"',;&<>{}()]+)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b([Bb]asic|[Bb]earer|BASIC|BEARER)\s+[\w.~+/=-]{8,}", re.ASCII)

# The most frequent text with a colon, and none of the kind that is masked.
_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?", re.ASCII)

has_many_digits = re.compile(r"[0-9][0-9 -]{11}").search
"""Quickly rule out texts without a card number."""

_MIN_PAN, _MAX_PAN = 12, 19


def luhn_valid(digits: str) -> bool:
    """Tell whether a run of ASCII digits ends in the right check digit (ISO/IEC 7812-1)."""
    values = digits.encode().translate(_DIGIT_VALUES)
    return (sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED))) % 10 == 0


_DIGIT_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def looks_like_pan(digits: str) -> bool:
    """Tell whether bare digits read as a card number: 12 to 19, an issuer's first digits, and Luhn-valid.

    Cards start with 22 to 27, 3 to 6, 8 or 9; so clocks and counters (``1732…``, ``2024…``) are none.
    """
    if not _MIN_PAN <= len(digits) <= _MAX_PAN:
        return False
    first = digits[0]
    return (first in "345689" or (first == "2" and digits[1] in "234567")) and luhn_valid(digits)


def mask_pan(text: str) -> str:
    """Keep the first 6 and last 4 digits, whatever stands between them."""
    digits = text if text.isascii() and text.isdecimal() else "".join(_GROUP.findall(text))
    return f"{digits[:6]}{'*' * max(len(digits) - 10, 0)}{digits[-4:]}"


def mask_text(text: str) -> str:
    """Mask card numbers, codes, keys, tokens and the private parts of links in free text. UUIDs stay whole.

    Masked text stays as it is when it is masked again.
    """
    if has_many_digits(text):  # first, because a name before a card number would hide its first group alone
        if text.isascii() and text.isdecimal():  # the usual case: a card number in its field
            return mask_pan(text) if looks_like_pan(text) else text
        text = _UUID_OR_RUN.sub(_mask_run, text)
    if ":" in text or "=" in text or ">" in text:
        if _CLOCK.fullmatch(text):
            return text
        text = _URL.sub(_mask_url, text)
        text = _NAMED.sub(rf"\1\2{REDACTED}", text)
    if "eyJ" in text:
        text = _JWT.sub(REDACTED, text)
    if "asic" in text or "earer" in text or "ASIC" in text or "EARER" in text:
        text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return text


def mask_numbers(text: str) -> str:
    """Mask card numbers, and nothing else."""
    return _UUID_OR_RUN.sub(_mask_run, text) if has_many_digits(text) else text


def mask_unreadable(text: str) -> str:
    """Mask text of no known form: besides what `mask_text` finds, any number near the name of a card's code."""
    return _NEAR_A_CODE.sub(lambda near: near[1] + _SHORT_NUMBER.sub(REDACTED, near[2]), mask_text(text))


_NEAR_A_CODE = re.compile(r"((?:cv[cvn]|csc|(?:security|verification).?code)2?)(.{1,120})", re.IGNORECASE | re.DOTALL)
_SHORT_NUMBER = re.compile(r"(?<![0-9])[0-9]{3,4}(?![0-9])")


def _mask_url(match: re.Match[str]) -> str:
    scheme, authority, rest = match.groups()
    host = authority.rpartition("@")[2]
    return f"{scheme}{host}{rest or ''}" if rest in (None, "/") else f"{scheme}{host}/{REDACTED}"


def _mask_run(match: re.Match[str]) -> str:
    """Mask the card numbers in a run of digits with single blanks and hyphens.

    Each may begin and end at any blank or hyphen. Where several readings overlap, what they cover together is masked.
    """
    run = match.group()
    if match.group(1) is not None:
        return run
    groups = [group.span() for group in _GROUP.finditer(run)]
    if len(groups) > _MOST_GROUPS:
        return REDACTED
    masked, copied = "", 0
    for start, end in _covered(run, groups):
        masked += run[copied:start] + mask_pan(run[start:end])
        copied = end
    return masked + run[copied:]


def _covered(run: str, groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where card numbers may stand, overlapping ones joined."""
    spans: list[tuple[int, int]] = []
    for first, (start, _) in enumerate(groups):
        digits = ""
        for opening, end in groups[first:]:
            digits += run[opening:end]
            if len(digits) > _MAX_PAN:
                break
            if looks_like_pan(digits):
                if spans and start < spans[-1][1]:
                    spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
                else:
                    spans.append((start, end))
    return spans


_MOST_GROUPS = 64
"""A run in more parts is nothing that anyone means to read, and finding card numbers in it would take long."""
