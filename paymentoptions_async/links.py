"""Reading the answer to a hosted page or wallet link. It has no envelope and charges nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from paymentoptions_async import replies
from paymentoptions_async.gateway_json import NotJson, read_clear, read_masked
from paymentoptions_async.payment import Expected, PaymentStatus, Reading
from paymentoptions_async.values.urls import is_safe_url

_FIRST_ERROR = 300


def read_link(http_status: int | None, headers: Mapping[str, str], body: bytes, expected: Expected) -> Reading:
    """ACTION_REQUIRED with the page's URL as ``redirect_url``; refusals as for operations. Raises nothing.

    The answer repeats the request, so a reference, merchant or currency that differs makes it UNKNOWN.
    """
    try:
        raw, repeats = read_masked(body)
    except NotJson:
        raw, repeats = None, False
    if not isinstance(raw, dict) or repeats or (http_status or _FIRST_ERROR) >= _FIRST_ERROR or "url" not in raw:
        return _no_link(replies.read_operation(http_status, headers, body, expected))
    doubts = [
        f"its {name} is another one"
        for name, asked in (
            ("merchant_txn_ref", expected.ref),
            ("merchant_id", expected.merchant_id),
            ("currency", expected.amount.currency if expected.amount else expected.currency),
        )
        if asked is not None and raw.get(name) not in (None, asked)
    ]
    url = read_clear(body, "url")
    if url is None or not is_safe_url(url):
        doubts.append("its url is no https URL")
    return Reading(
        status=PaymentStatus.UNKNOWN if doubts else PaymentStatus.ACTION_REQUIRED,
        doubts=tuple(doubts),
        merchant_txn_ref=expected.ref,
        redirect_url=None if doubts else url,
        http_status=http_status,
        raw=raw,
    )


def _no_link(reading: Reading) -> Reading:
    """Doubt an answer that tells of a payment: making a link charges nothing, so nothing can have been paid yet."""
    if reading.refusal is not None or reading.foreign is not None or reading.status is PaymentStatus.UNKNOWN:
        return reading
    return Reading(
        status=PaymentStatus.UNKNOWN,
        doubts=(f"it is {reading.status.value}, and holds no link",),
        message=reading.message,
        http_status=reading.http_status,
        raw=reading.raw,
    )
