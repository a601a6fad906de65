"""Texts of requests: their lengths, and what no text may contain."""

from __future__ import annotations

import re

from paymentoptions_async.errors import InvalidValue

PURCHASE_PAGE = "vendor's purchase page, maxLength"
THREE_D_SECURE_PAGE = "vendor's 3-D Secure page, maximum length"
CAPTURE_PAGE = "vendor's capture and refund pages, maxLength"

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", re.ASCII)


def text_problem(value: object, max_length: int, source: str) -> str | None:
    """Say what is wrong with a text, without showing it; None if nothing is."""
    if not isinstance(value, str):
        return f"needs a str, got {type(value).__name__}"
    if not value or value.isspace():
        return "is empty; leave it out instead"
    if len(value) > max_length:
        return f"{len(value)} characters; the gateway takes at most {max_length} ({source})"
    if _SURROGATE.search(value):
        return "has half a surrogate pair, which UTF-8 can't carry (RFC 3629)"
    if _FORBIDDEN.search(value):
        return "has control characters or line breaks, which never belong into this field"
    return None


def check_text(field: str, value: str, max_length: int, source: str) -> str:
    """Return the text as a plain `str`, or raise `InvalidValue`.

    1 to ``max_length`` characters (``source`` says by whose rule), not blank, no control characters, encodable.
    """
    problem = text_problem(value, max_length, source)
    if problem is not None:
        raise InvalidValue(f"{field}: {problem}", field=field)
    return str.__str__(value)


def check_merchant_txn_ref(value: str) -> str:
    """Check a reference: at most 45 characters (vendor's purchase page)."""
    return check_text("merchant_txn_ref", value, 45, PURCHASE_PAGE)


def check_merchant_id(value: str) -> str:
    """Check a merchant id (DASMID): at most 128 characters (vendor's purchase page), no blanks."""
    value = check_text("merchant_id", value, 128, PURCHASE_PAGE)
    if any(map(str.isspace, value)):
        raise InvalidValue("merchant_id: has blanks; copy it from the portal again", field="merchant_id")
    return value


def check_notes(value: str) -> str:
    """Check the notes of a capture or refund: at most 128 characters (vendor's capture and refund pages)."""
    return check_text("notes", value, 128, CAPTURE_PAGE)


def check_customer_ip(value: str) -> str:
    """Check the buyer's address: IPv4 or IPv6 without a zone, at most 45 characters (vendor's purchase page)."""
    from ipaddress import ip_address

    value = check_text("customer_ip", value, 45, PURCHASE_PAGE)
    try:
        ip_address(value)
    except ValueError:
        good = False
    else:
        good = "%" not in value
    if not good:
        raise InvalidValue("customer_ip: is no IPv4 or IPv6 address, as in 203.0.113.7 (RFC 4291)", field="customer_ip")
    return value


def check_time_zone(value: str) -> str:
    """Check the shape of an IANA time zone name (``Asia/Tokyo``): at most 128 characters (vendor's purchase page).

    Whether this machine's zone files know the name says nothing about the gateway's, so only the shape counts.
    """
    value = check_text("time_zone", value, 128, PURCHASE_PAGE)
    if not _TIME_ZONE.fullmatch(value):
        raise InvalidValue(
            "time_zone: needs an IANA name such as Asia/Tokyo (vendor's purchase page)", field="time_zone"
        )
    return value
