"""The cardgate's bearer: a signed token for one session, good for an hour.

Two decoded samples have the header `HS256` and the claims `sid`, `expires` (null) and `exp`, an hour after creation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

_HEADER = {"typ": "JWT", "alg": "HS256"}


class Bearers:
    """Issue bearers, and tell whose session one is for."""

    def __init__(self, key: bytes, *, seconds: int) -> None:
        self._key = key
        self._seconds = seconds

    def issue(self, session: str, now: datetime) -> str:
        """Return a bearer for the session."""
        claims = {"sid": session, "expires": None, "exp": int(now.timestamp()) + self._seconds}
        signed = f"{_encoded(_HEADER)}.{_encoded(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def session_of(self, bearer: str, now: datetime) -> str | None:
        """Return the session that a bearer is for; None when it is not one of ours or has expired."""
        signed, _, signature = bearer.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims: dict[str, Any] = json.loads(_decoded(signed.partition(".")[2]))
        return str(claims["sid"]) if now.timestamp() < claims["exp"] else None

    def _signature(self, signed: str) -> str:
        return _text(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _encoded(part: dict[str, Any]) -> str:
    return _text(json.dumps(part, separators=(",", ":")).encode())


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
