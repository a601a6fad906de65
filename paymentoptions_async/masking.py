"""Card numbers, codes, keys, tokens and private links are taken out of whatever comes back or may be kept.

Card numbers keep their first 6 and last 4 digits (PCI DSS 3.4.1); links keep their origin; everything else that is
secret becomes ``[redacted]``. Pure text in, pure text out; `masked_json` reads JSON and masks it on the way.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_UUID = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_RUN = r"\d(?:[ -]?\d){11,}"
_UUID_OR_RUN = re.compile(rf"({_UUID})|{_RUN}", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_URL = re.compile(r"(https?://)(?:[^\s/?#@\"'<>]*@)?([^\s/?#\"'<>\\]+)[/?#\\][^\s\"'<>]+", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}", re.ASCII)
_NAMED = re.compile(
    r"((?:\b|_)(?:cvc|cvv|csc|cvn)2?(?:_?(?:code|number))?|security[ _-]?code|x-api-key|api[ _-]?key|authorization"
    r"|passw(?:or)?d|secret|token|stored?_payment_method_id)"
    r"([\"']?\s*[:=]\s*[\"']?)((?:(?:basic|bearer)\s+)?[^\s\"',;&<>{}()]+)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(basic|bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE | re.ASCII)

_MIN_PAN, _MAX_PAN = 12, 19


def luhn_valid(digits: str) -> bool:
    """Tell whether a run of ASCII digits ends in the right check digit (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


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
    digits = "".join(_GROUP.findall(text))
    return f"{digits[:6]}{'*' * max(len(digits) - 10, 0)}{digits[-4:]}"


def mask_text(text: str) -> str:
    """Mask card numbers, codes, keys, tokens and the private parts of links in free text. UUIDs stay whole."""
    text = _URL.sub(rf"\1\2/{REDACTED}", text)
    text = _NAMED.sub(rf"\1\2{REDACTED}", text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    text = _JWT.sub(REDACTED, text)
    return _UUID_OR_RUN.sub(_mask_run, text)


def _mask_run(match: re.Match[str]) -> str:
    run = match.group()
    if match.group(1) is not None:
        return run
    groups = list(_GROUP.finditer(run))
    for first, opening in enumerate(groups):
        digits = ""
        for closing in groups[first:]:
            digits += closing.group()
            if len(digits) > _MAX_PAN:
                break
            if looks_like_pan(digits):
                rest = _UUID_OR_RUN.sub(_mask_run, run[closing.end() :])
                return f"{run[: opening.start()]}{mask_pan(digits)}{rest}"
    return run
