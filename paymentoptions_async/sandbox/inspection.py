"""The `/_sandbox/` pages: what the bank saw, what was asked and answered, every webhook attempt, cards and faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import cards, replies
from .books import Challenge, Transaction
from .faults import REQUEST_FAULTS, WEBHOOK_FAULTS, PlanError
from .gateway import RequestLine
from .pages import page
from .payments import challenge_link
from .webhooks import Delivery

if TYPE_CHECKING:
    from .sandbox import Sandbox

ROWS_SHOWN = 200
MAX_PLAN_BYTES = 64 * 1024


class Inspection:
    """Show one sandbox's state, as HTML for people and as JSON (path ending in `.json`) for programs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def overview(self, _: Request) -> Response:
        """Answer GET /_sandbox/: everything on one page, newest first."""
        state = self._state()
        return page(
            "overview.html",
            counts={name: len(rows) for name, rows in state.items()},
            rows_shown=ROWS_SHOWN,
            settings=self._sandbox.settings,
            now=replies.timestamp(self._sandbox.clock.now()),
            plan=self._sandbox.faults.table(),
            fired=[f"{what}: {rule.fault}" for what, rule in self._sandbox.faults.fired[-ROWS_SHOWN:]],
            repeated=Counter(row["merchant_txn_ref"] for row in state["charges"]),
            shown={name: rows[::-1][:ROWS_SHOWN] for name, rows in state.items()},
        )

    async def cards(self, _: Request) -> Response:
        """Answer GET /_sandbox/cards."""
        return page("cards.html", cards=card_rows(), later_seconds=int(cards.LATER_SECONDS))

    def as_json(self, name: str) -> Callable[[Request], Any]:
        """Return the endpoint for GET /_sandbox/{name}.json; `charges` are the transactions that took money."""

        async def show(_: Request) -> Response:
            return _json(card_rows() if name == "cards" else self._state()[name])

        return show

    async def faults(self, _: Request) -> Response:
        """Answer GET /_sandbox/faults: the plan, what it did so far, and the faults there are."""
        plan = self._sandbox.faults
        fired = [{"on": what, **rule.table()} for what, rule in plan.fired]
        return _json({"plan": plan.table(), "fired": fired, "requests": REQUEST_FAULTS, "webhooks": WEBHOOK_FAULTS})

    async def set_faults(self, request: Request) -> Response:
        """Answer POST /_sandbox/faults: replace the plan by the JSON body."""
        try:
            self._sandbox.faults.load(await _read_json(request))
        except ValueError as error:  # PlanError is one
            return _json({"message": str(error) if isinstance(error, PlanError) else "The body is not JSON."}, 400)
        return _json(self._sandbox.faults.table())

    async def advance(self, request: Request) -> Response:
        """Answer POST /_sandbox/clock: move the clock on by `{"seconds": …}`, and do what falls due."""
        try:
            body = await _read_json(request)
            seconds = float(body["seconds"])
            await self._sandbox.advance(seconds)
        except (ValueError, TypeError, KeyError, OverflowError):
            return _json({"message": 'Send {"seconds": a number, 0 or more}.'}, 400)
        return _json({"now": replies.timestamp(self._sandbox.clock.now())})

    async def reset(self, request: Request) -> Response:
        """Answer POST /_sandbox/reset: empty books, webhooks and log; the fault plan starts again."""
        self._sandbox.reset()
        if "application/json" in request.headers.get("accept", ""):
            return _json({"message": "The sandbox is empty."})
        return RedirectResponse("/_sandbox/", 303)

    def _state(self) -> dict[str, list[dict[str, Any]]]:
        sandbox = self._sandbox
        sandbox.settle()
        return {
            "charges": [_transaction_row(transaction) for transaction in sandbox.books.charges()],
            "transactions": [_transaction_row(transaction) for transaction in sandbox.books.transactions],
            "challenges": [self._challenge_row(challenge) for challenge in sandbox.books.challenges],
            "requests": [_request_row(line) for line in sandbox.requests],
            "webhooks": [_webhook_row(delivery) for delivery in sandbox.webhooks.deliveries],
        }

    def _challenge_row(self, challenge: Challenge) -> dict[str, Any]:
        return {
            "opened": replies.timestamp(challenge.created),
            "expires": replies.timestamp(challenge.expires),
            "url": challenge_link(challenge),
            "state": "expired" if self._sandbox.books.has_expired(challenge) else challenge.state,
            "merchant_txn_ref": challenge.order.merchant_txn_ref,
            "amount": challenge.order.amount,
            "currency": challenge.order.currency,
            "card": challenge.order.card.masked,
            "transaction_id": challenge.transaction_id,
        }


def card_rows() -> list[dict[str, Any]]:
    """Return the table of test cards as data: what each answers, and whether the bank charges."""
    rows = []
    for card in cards.CARDS:
        outcome = cards.OUTCOMES[card.outcome]
        rows.append(
            {
                "name": card.name,
                "number": card.number,
                "scheme": card.scheme,
                "challenge": card.challenge,
                "documented": card.documented,
                "outcome": outcome.name,
                "response_code": outcome.code,
                "success": outcome.success,
                "charges": outcome.charges,
                "later": outcome.later,
                "description": outcome.description,
            }
        )
    return rows


def _transaction_row(transaction: Transaction) -> dict[str, Any]:
    order = transaction.order
    return {
        "id": transaction.id,
        "ref": transaction.ref,
        "created": replies.timestamp(transaction.created),
        "operation": order.operation,
        "transaction_type": transaction.transaction_type,
        "merchant_txn_ref": order.merchant_txn_ref,
        "amount": order.amount,
        "currency": order.currency,
        "charged": transaction.charged,
        "outcome": transaction.outcome.name,
        "response_code": transaction.outcome.code,
        "success": transaction.outcome.success,
        "settles": _maybe(transaction.settles_at),
        "challenged": transaction.challenged,
        "card": order.card.masked or order.wallet,
        "fingerprint": order.card.fingerprint,
        "test_card": order.card.test_card,
        "history": [{"at": replies.timestamp(line.at), "what": line.what} for line in transaction.history],
    }


def _request_row(line: RequestLine) -> dict[str, Any]:
    return {
        "at": replies.timestamp(line.at),
        "request_id": line.request_id,
        "endpoint": line.endpoint,
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "merchant_txn_ref": line.merchant_txn_ref,
        "transaction_id": line.transaction_id,
        "message": line.message,
        "faults": line.faults,
    }


def _webhook_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "number": delivery.number,
        "url": delivery.url,
        "transaction_id": delivery.transaction_id,
        "merchant_txn_ref": delivery.merchant_txn_ref,
        "state": delivery.state,
        "note": delivery.note,
        "due": _maybe(delivery.due),
        "attempts": [
            {"at": replies.timestamp(attempt.at), "status": attempt.status, "error": attempt.error}
            for attempt in delivery.attempts
        ],
    }


def _maybe(moment: datetime | None) -> str | None:
    return replies.timestamp(moment) if moment else None


def _json(body: Any, status: int = 200) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(replies.dumps(body), status, headers, "application/json")


async def _read_json(request: Request) -> Any:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_PLAN_BYTES:
            raise ValueError("too long")
    return json.loads(content)
