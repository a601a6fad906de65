"""Rows of answers for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from paymentoptions_async.reconcile.schemas import ANSWER

ASKED_AT = datetime(2026, 5, 2, tzinfo=UTC)


def answer(n: int, **cells: Any) -> tuple[Any, ...]:
    """A row of `schemas.ANSWER`: transaction n + 1 is approved."""
    usual = {"n": n, "transaction_id": str(UUID(int=n + 1)), "outcome": "answered", "status": "approved"}
    usual |= {"contradicts": False, "seconds": 0.5, "asked_at": ASKED_AT, "raw": "{}"}
    found = dict.fromkeys(ANSWER.names) | usual | cells
    return tuple(found[name] for name in ANSWER.names)
