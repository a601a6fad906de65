"""A wire that answers from a script, and the answers that the gateway really gives (seeds 001 and 002)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.wire.exchange import Reply, Request

MERCHANT = "JP00000001"
TRANSACTION = "ab8444e7-fec0-40dd-994d-0ad813785f74"
OTHER_TRANSACTION = "9e9255f5-1b1c-4c0e-8f0e-1d2f3a4b5c6d"

Step = Reply | Callable[[Request], Reply | Awaitable[Reply]]


class ScriptedWire:
    """Plays one step for each request, in order; fails loudly when asked for more. `sent` holds what came."""

    def __init__(self, *steps: Step) -> None:
        self.steps: deque[Step] = deque(steps)
        self.sent: list[Request] = []
        self.charges = 0
        """How often a charging request may have left: more than one for one intent is what must never be."""

    def then(self, *steps: Step) -> None:
        self.steps.extend(steps)

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)  # also what nobody expected: in the background, the failure alone would not be seen
        assert self.steps, f"nobody expected {request!r}"
        reply = await self._play(self.steps.popleft(), request)
        self.charges += request.charging and not reply.evidence.not_sent
        return reply

    async def _play(self, step: Step, request: Request) -> Reply:
        if isinstance(step, Reply):
            leaves = step.evidence.not_sent or request.departure.leave()
            return step if leaves else not_sent("cancelled")
        answer = step(request)
        return answer if isinstance(answer, Reply) else await answer

    async def aclose(self) -> None:
        """Nothing to close."""


class Held:
    """A step that waits for `release`: before the first byte leaves, or after."""

    def __init__(self, reply: Reply, *, after_leaving: bool) -> None:
        self.reply = reply
        self.after_leaving = after_leaving
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    def release(self) -> None:
        self.released.set()

    async def __call__(self, request: Request) -> Reply:
        if self.after_leaving:
            assert request.departure.leave()
        self.reached.set()
        await self.released.wait()
        if not self.after_leaving and not request.departure.leave():
            return not_sent("cancelled")
        return self.reply


def answer(body: Any, status: int = 201, headers: dict[str, str] | None = None) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers or {}, content, Evidence(Left.MAYBE, Stage.DONE, http_status=status))


def lost(failure: str = "reset") -> Reply:
    return Reply(None, {}, b"", Evidence(Left.MAYBE, Stage.SENDING, failure=failure))


def not_sent(failure: str = "refused") -> Reply:
    return Reply(None, {}, b"", Evidence(Left.NOTHING, Stage.CONNECT, failure=failure))


def envelope(
    ref: str,
    *,
    code: int = 0,
    success: bool | None = None,
    amount: Any = 1000,
    currency: str = "JPY",
    transaction_id: str = TRANSACTION,
    merchant: str = MERCHANT,
    kind: str = "CAPTURE",
    live: bool = False,
) -> dict[str, Any]:
    """The payment envelope of a direct answer or a status answer."""
    return {
        "success": code in (0, 8, 10) if success is None else success,
        "status_code": 201,
        "is_live": live,
        "transaction_type": kind,
        "gateway_response": {"version": "1", "type": "INFO", "message": "Payment Successful.", "code": "INFO0000"},
        "merchant_details": {"legal_name": "Tink15 Factory", "mid": merchant, "merchant_txn_ref": ref},
        "payment_details": {
            "amount": amount,
            "response_code": code,
            "auth_code": "268004",
            "currency": currency,
            "payment_method": "ECMC-SSL",
            "scheme": "MASTERCARD",
            "card": {"name": "John Doe", "number": "5200000000001005", "exp_month": "12", "exp_year": "29"},
        },
        "transaction_details": {"id": transaction_id, "ref": 74811, "timestamp": "2024-11-25T08:24:36.000Z"},
        "risk-details": {"risk_score": None},
    }


def redirect() -> dict[str, Any]:
    """The start of 3-D Secure: no transaction id."""
    url = "https://checkout-dev.paymentoptions.com/integration/3ds?_token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln&_c=400000"
    return {"url": url, "statusCode": 200, "success": True, "redirect_url": url}
