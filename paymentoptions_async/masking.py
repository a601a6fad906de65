"""Card numbers, codes, keys, tokens and private links are taken out of whatever comes back or may be kept.

Card numbers keep their first 6 and last 4 digits (PCI DSS 3.4.1); links keep their origin; everything else that is
secret becomes ``[redacted]``. Text in, text out; `gateway_json` applies it while it reads answers.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from itertools import pairwise

REDACTED = "[redacted]"

# What may stand between the digits of a card number, in any script: blanks, hyphens, what can't be seen, and points.
_BLANKS = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_HYPHENS = (
    "\\-\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\u30fc"
    "\ufe31\ufe32\ufe58\ufe63\uff0d"
)
_UNSEEN = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_POINTS = ".\u00b7\u2022\u2024\u2027\u30fb\uff0e\uff65"
SEPARATORS = _BLANKS + _HYPHENS + _UNSEEN + _POINTS
"""As the inside of a regular expression's brackets."""

_UUID = r"(?a:\b)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?a:\b)"
_RUN = rf"\d(?:[ -]?\d|(?![ -]\d)[{SEPARATORS}]{{1,3}}(?!{_UUID})\d){{11,}}"
_UUID_OR_RUN = re.compile(rf"({_UUID})|{_RUN}")
_GROUP = re.compile(r"\d+")
_SEPARATOR = re.compile(f"[{SEPARATORS}]")
_POINT = re.compile(f"[{_POINTS}]")
_POINTS_ALONE = re.compile(f"[{_POINTS}{_UNSEEN}]+")
_NOTHING_SEEN = re.compile(f"[{_UNSEEN}]*")
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_NUMBER_OR_ADDRESS = re.compile(rf"[0-9]+\.[0-9]{{1,3}}|{_OCTET}(?:\.{_OCTET}){{3}}")
_URL = re.compile(r"(https?:\\?/\\?/)([^\s/?#\"'<>\\]*)([/?#\\][^\s\"'<>]*)?", re.IGNORECASE)
_COREFY_ID = r"\b(?:cpi|ref)_[0-9A-Za-z]{16}\b(?![.-]\w)"  # tokens go on after a point
_COREFY_ID_OR_JWT = re.compile(rf"({_COREFY_ID})|eyJ[\w-]{{8,}}(?:\.[\w-]*){{0,4}}", re.ASCII)
_SENSITIVE = (
    r"((?:\b|_)(?:cvc|cvv|csc|cvn)2?(?:_?(?:code|number))?|security[ _-]?code|x-api-key|api[ _-]?key|authorization"
    r"|passw(?:or)?d|secret|token|stored?_payment_method_id)"
)
_NAMED = re.compile(
    rf"{_SENSITIVE}([\"']?\s*[:=>]\s*[\"']?)((?:(?:basic|bearer)\s+)?[^\s\"',;&<>{{}}()]+)", re.IGNORECASE
)
_NAMED_GROUP = re.compile(rf"{_SENSITIVE}([\"']?\s*[:=]\s*)[\[{{][^\]}}]*", re.IGNORECASE)
_SCHEME = re.compile(r"\b([Bb]asic|[Bb]earer|BASIC|BEARER)\s+[\w.~+/=-]{8,}", re.ASCII)

# The most frequent text with a colon, and none of the kind that is masked.
_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?", re.ASCII)

_MANY_ASCII_DIGITS = re.compile(r"[0-9][0-9 \t.-]{11}").search
_MANY_DIGITS = re.compile(rf"\d[\d{SEPARATORS}]{{11}}").search

_MIN_PAN, _MAX_PAN = 12, 19


def luhn_valid(digits: str) -> bool:
    """Tell whether a run of ASCII digits ends in the right check digit (ISO/IEC 7812-1)."""
    values = digits.encode().translate(_DIGIT_VALUES)
    return (sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED))) % 10 == 0


_DIGIT_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def has_many_digits(text: str) -> bool:
    """Quickly rule out texts without a card number."""
    return (_MANY_ASCII_DIGITS(text) if text.isascii() else _MANY_DIGITS(text)) is not None


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
    digits = text if text.isascii() and text.isdecimal() else "".join(_GROUP.findall(_in_ascii(text)))
    return f"{digits[:6]}{'*' * max(len(digits) - 10, 0)}{digits[-4:]}"


def mask_text(text: str) -> str:
    """Mask card numbers, codes, keys, tokens and the private parts of links in free text.

    UUIDs stay whole, as do the ids of Corefy's invoices and refunds, one in some 50,000 of which has the letters that a
    token begins with. Masked text stays as it is when it is masked again.
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
        text = _COREFY_ID_OR_JWT.sub(lambda match: match[1] or REDACTED, text)
    if "asic" in text or "earer" in text or "ASIC" in text or "EARER" in text:
        text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    return text


def without_cut_number(text: str) -> str:
    """Leave out the digits at the end of a text that was cut, perhaps through a card number."""
    end = len(text)
    while end and (text[end - 1].isdecimal() or text[end - 1] == "\ufffd" or _SEPARATOR.match(text, end - 1)):
        end -= 1
    return text[:end]


def mask_numbers(text: str) -> str:
    """Mask card numbers, and nothing else."""
    return _UUID_OR_RUN.sub(_mask_run, text) if has_many_digits(text) else text


def mask_unreadable(text: str) -> str:
    """Mask text of no known form: besides what `mask_text` finds, any number near the name of a card's code.

    It may be JSON that was cut, so what a secret's name has in brackets is masked as well.
    """
    masked = mask_text(_NAMED_GROUP.sub(rf"\1\2{REDACTED}", text))
    return _NEAR_A_CODE.sub(lambda near: near[1] + _SHORT_NUMBER.sub(REDACTED, near[2]), masked)


_NEAR_A_CODE = re.compile(r"((?:cv[cvn]|csc|(?:security|verification).?code)2?)(.{1,120})", re.IGNORECASE | re.DOTALL)
_SHORT_NUMBER = re.compile(r"(?<![0-9])[0-9]{3,4}(?![0-9])")


def _mask_url(match: re.Match[str]) -> str:
    scheme, authority, rest = match.groups()
    host = authority.rpartition("@")[2]
    return f"{scheme}{host}{rest or ''}" if rest in (None, "/") else f"{scheme}{host}/{REDACTED}"


def _mask_run(match: re.Match[str]) -> str:
    """Mask the card numbers in a run of digits with up to three separators at a time.

    Each may begin and end at any separator. Where several readings overlap, what they cover together is masked.
    """
    run = match.group()
    if match.group(1) is not None:
        return run
    groups = [group.span() for group in _GROUP.finditer(run)]
    if len(groups) > _MOST_GROUPS:
        return REDACTED
    plain = _in_ascii(run)
    masked, copied = "", 0
    for start, end in _covered(plain, groups):
        masked += run[copied:start] + mask_pan(plain[start:end])
        copied = end
    return masked + run[copied:]


def _in_ascii(text: str) -> str:
    """Write the digits of all scripts as ours, each in its place."""
    return text if text.isascii() else "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)


def _covered(run: str, groups: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where card numbers may stand, overlapping ones joined."""
    spans: list[tuple[int, int]] = []
    joints = [_joint(run[before[1] : after[0]]) for before, after in pairwise(groups)]
    for first, (start, _) in enumerate(groups):
        digits, joint = "", None
        for (opening, end), between in zip(groups[first:], [None, *joints[first:]], strict=True):
            digits += run[opening:end]
            joint = joint or between
            if len(digits) > _MAX_PAN or between not in (None, joint) or joint is _Joint.NEITHER:
                break
            if looks_like_pan(digits) and not _is_number_or_address(run[start:end]):
                if spans and start < spans[-1][1]:
                    spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
                else:
                    spans.append((start, end))
    return spans


class _Joint(Enum):
    BLANKS = auto()
    """And hyphens."""
    POINTS = auto()
    NEITHER = auto()


def _joint(between: str) -> _Joint | None:
    """How two groups of digits are joined; None where nothing is seen between them.

    Points join with points alone: amounts and dates in a row are no card number.
    """
    if _NOTHING_SEEN.fullmatch(between):
        return None
    if not _POINT.search(between):
        return _Joint.BLANKS
    return _Joint.POINTS if _POINTS_ALONE.fullmatch(between) else _Joint.NEITHER


def _is_number_or_address(text: str) -> bool:
    """True for what has a point as amounts have it, with up to three decimals, or the points of an IP address."""
    return "." in text and _NUMBER_OR_ADDRESS.fullmatch(text) is not None


_MOST_GROUPS = 64
"""A run in more parts is nothing that anyone means to read, and finding card numbers in it would take long."""
