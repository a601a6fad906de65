"""The `/_sandbox/` pages: what the bank saw, what was asked and answered, every webhook attempt, cards and faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import cards, replies, rows
from .corefy import rows as corefy_rows
from .faults import CALLBACK_FAULTS, REQUEST_FAULTS, WEBHOOK_FAULTS, PlanError
from .pages import page

if TYPE_CHECKING:
    from .sandbox import Sandbox

ROWS_SHOWN = 200
MAX_PLAN_BYTES = 64 * 1024


class Inspection:
    """Show one sandbox's state, as HTML for people and as JSON (path ending in `.json`) for programs."""

    TABLES = (
        "charges",
        "transactions",
        "payments",
        "subscriptions",
        "challenges",
        "links",
        "requests",
        "webhooks",
        "cards",
        "amounts",
        "corefy_invoices",
        "corefy_callbacks",
        "corefy_cards",
        "corefy_resolutions",
    )
    _REFERENCE = ("cards", "amounts", "corefy_cards", "corefy_resolutions")

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def overview(self, _: Request) -> Response:
        """Answer GET /_sandbox/: everything on one page, newest first."""
        state = {name: fill() for name, fill in self._tables().items() if name not in self._REFERENCE}
        state["payments"] = [row for row in state["payments"] if row["authorised"] or len(row["chain"]) > 1]
        return page(
            "overview.html",
            counts={name: len(filled) for name, filled in state.items()},
            rows_shown=ROWS_SHOWN,
            settings=self._sandbox.settings,
            now=replies.timestamp(self._sandbox.clock.now()),
            plan=self._sandbox.faults.table(),
            fired=[f"{what}: {rule.fault}" for what, rule in self._sandbox.faults.fired[-ROWS_SHOWN:]],
            repeated=Counter(row["merchant_txn_ref"] for row in state["charges"] if not row["planned"]),
            shown={name: filled[::-1][:ROWS_SHOWN] for name, filled in state.items()},
        )

    async def cards(self, _: Request) -> Response:
        """Answer GET /_sandbox/cards."""
        return page(
            "cards.html",
            cards=rows.cards(),
            amounts=rows.amounts(),
            later_seconds=int(cards.LATER_SECONDS),
            corefy_cards=corefy_rows.cards(),
            corefy_resolutions=corefy_rows.resolutions(),
        )

    def as_json(self, name: str) -> Callable[[Request], Any]:
        """Return the endpoint for GET /_sandbox/{name}.json; `charges` are the transactions that took money."""

        async def show(_: Request) -> Response:
            return _json(self._tables()[name]())

        return show

    async def faults(self, _: Request) -> Response:
        """Answer GET /_sandbox/faults: the plan, what it did so far, and the faults there are."""
        plan = self._sandbox.faults
        fired = [{"on": what, **rule.table()} for what, rule in plan.fired]
        known = {"requests": REQUEST_FAULTS, "webhooks": WEBHOOK_FAULTS, "callbacks": CALLBACK_FAULTS}
        return _json({"plan": plan.table(), "fired": fired, **known})

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

    def _tables(self) -> dict[str, Callable[[], list[dict[str, Any]]]]:
        """Return what fills each table, oldest row first."""
        sandbox = self._sandbox
        sandbox.settle()
        books = sandbox.books
        return {
            "charges": lambda: [rows.transaction(one) for one in books.charges()],
            "transactions": lambda: [rows.transaction(one) for one in books.transactions],
            "payments": lambda: [rows.payment(one, sandbox) for one in books.payments],
            "subscriptions": lambda: [rows.subscription(one) for one in sandbox.subscriptions.all],
            "challenges": lambda: [rows.challenge(one, books) for one in books.challenges],
            "links": lambda: [rows.link(one, sandbox.links) for one in sandbox.links.all],
            "requests": lambda: [rows.request(line) for line in sandbox.requests],
            "webhooks": lambda: [rows.webhook(delivery) for delivery in sandbox.webhooks.deliveries],
            "cards": rows.cards,
            "amounts": rows.amounts,
            "corefy_invoices": lambda: [
                corefy_rows.invoice(one, sandbox.clock.now()) for one in sandbox.corefy.books.invoices
            ],
            "corefy_callbacks": lambda: [rows.webhook(delivery) for delivery in sandbox.corefy.callbacks.deliveries],
            "corefy_cards": corefy_rows.cards,
            "corefy_resolutions": corefy_rows.resolutions,
        }


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
