"""What may be sent again, when, and how long anything may take.

Pure: clock and randomness come in as arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Final

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.evidence import Evidence

POST_TIMEOUT: Final = 60.0
"""Default bound of a caller's wait for an operation, seconds."""
GET_TIMEOUT: Final = 15.0
"""Default bound of a question, seconds."""
EXCHANGE_FLOOR: Final = 35.0
"""A charging exchange goes on at least this long, because the gateway may take 30 s (inferred: AWS's time-out)."""
LEASE_MARGIN: Final = 10.0
"""Time for recording an answer that came at the deadline, seconds, before others may call the intent unknown."""
MAX_ATTEMPTS: Final = 4
"""Tries of one call, the first included: charging ones only where nothing left, questions on any failure."""

_FIRST_VISIT = 60.0
_LONGEST_VISIT = 3600.0
_BASE_DELAY = 0.25
_MAX_DELAY = 8.0
_MAX_RETRY_AFTER = 3600.0
_FIRST_POLL = 1.0
_POLL_GROWTH = 1.6
_MAX_POLL = 30.0
_GROWN_AT = 20  # far above what it takes to reach the longest; the growth itself would overflow within half a day
_ASK_AGAIN = frozenset({429, 500, 502, 503, 504})


def check_timeout(timeout: object) -> float:
    """Return a timeout in seconds, or raise `InvalidValue`: no call waits without end."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise InvalidValue(
            f"timeout: needs seconds as a number, got {type(timeout).__name__}; no call waits without end"
        )
    if not 0 < timeout < math.inf:
        raise InvalidValue(f"timeout: {timeout!r} s; needs to be above 0 and finite")
    return float(timeout)


def may_send_again(evidence: Evidence, attempt: int) -> bool:
    """May a charging request go again? Only where it is proven that nothing of it left."""
    return evidence.not_sent and evidence.failure not in ("cancelled", "deadline") and attempt < MAX_ATTEMPTS


def may_ask_again(evidence: Evidence, attempt: int) -> bool:
    """May a question go again? It changes nothing, so on any failure and when the gateway is busy."""
    if attempt >= MAX_ATTEMPTS or evidence.failure in ("cancelled", "deadline"):
        return False
    return evidence.failure is not None or evidence.http_status in _ASK_AGAIN


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, if it gives seconds; the date form is left to the jitter."""
    value = headers.get("Retry-After", "") or headers.get("retry-after", "")
    return min(float(value), _MAX_RETRY_AFTER) if value.isascii() and value.isdigit() else None


def delay_before(attempt: int, random: Random, retry_after: float | None = None) -> float:
    """Seconds to wait before try number ``attempt`` + 1: full jitter, never before the gateway's Retry-After."""
    jitter = random.uniform(0.0, min(_MAX_DELAY, _BASE_DELAY * 2.0**attempt))
    return jitter if retry_after is None else retry_after + jitter


def poll_delay(attempt: int, random: Random) -> float:
    """Seconds before asking for a payment's status again: grows to half a minute, spread by half either way."""
    grown = _FIRST_POLL * _POLL_GROWTH ** min(attempt, _GROWN_AT)
    return min(_MAX_POLL, grown) * random.uniform(0.5, 1.5)


def visit_delay(attempt: int, random: Random) -> float:
    """Seconds before an open payment is asked for again by a resolver: a minute, growing to an hour, spread."""
    grown = _FIRST_VISIT * 2.0 ** min(attempt - 1, _GROWN_AT)
    return min(_LONGEST_VISIT, grown) * random.uniform(0.75, 1.25)
