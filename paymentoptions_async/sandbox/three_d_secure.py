"""The bank's page of 3-D Secure: what the buyer sees between the shop and the charge, and what comes of the answer.

The page is the same for both gateways. Each `BankPages` finds the question in its own books and enters the answer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .books import Books, CardOnFile, Challenge, Transaction
from .forms import read_form
from .pages import is_web_url, page
from .payments import CHALLENGE_PATH
from .settings import Settings
from .texts import TEXTS, language, shown_amount
from .webhooks import Webhooks

QuestionState = Literal["open", "expired", "approved", "pending", "unsuccessful"]


@dataclass(frozen=True)
class Question:
    """What the bank asks the buyer, and how it ended: `amount` in major units, `way_back` where the buyer goes then.

    `targets` are the URLs that the answer may lead to.
    """

    amount: Decimal
    currency: str
    card: CardOnFile
    opened: datetime
    closes: datetime
    state: QuestionState
    targets: tuple[str, ...]
    way_back: str | None


class BankPages(ABC):
    """Show the page at `page_path`, and take its one answer at `answer_path`."""

    page_path: str
    answer_path: str

    def __init__(self, merchant: str) -> None:
        self._merchant = merchant

    @abstractmethod
    def _question(self, request: Request) -> Question | None:
        """Return the question that the request's URL names."""

    @abstractmethod
    def _enter(self, request: Request, *, authenticated: bool) -> None:
        """Enter the answer to that question, which is open."""

    async def show(self, request: Request) -> Response:
        """Answer GET: the form, or how the page ended."""
        question = self._question(request)
        if question is None:
            return self._ending(request, None, "unknown", status=404)
        if request.query_params.get("left"):
            return self._ending(request, question, "left")
        if question.state == "open":
            return self._form(request, question)
        return self._ended(request, question)

    async def answer(self, request: Request) -> Response:
        """Answer POST: approve or decline once; a second answer shows the first one's result and charges nothing."""
        form = await read_form(request)
        question = self._question(request)
        if question is None:
            return self._ending(request, None, "unknown", status=404)
        if question.state != "open":
            return self._ended(request, question)
        if form.get("answer") == "decline":
            return self._finish(request, authenticated=False)
        if form.get("answer") == "confirm" and re.fullmatch(r"[0-9]{6}", form.get("code", "").strip()):
            return self._finish(request, authenticated=True)
        return self._form(request, question, wrong_code=True)

    def _finish(self, request: Request, *, authenticated: bool) -> Response:
        self._enter(request, authenticated=authenticated)
        question = self._question(request)
        assert question is not None, "it was there before it was answered"
        if question.way_back is None:
            return self._ended(request, question)
        headers = {"referrer-policy": "no-referrer", "cache-control": "no-store"}
        return RedirectResponse(question.way_back, 303, headers=headers)

    def _form(self, request: Request, question: Question, *, wrong_code: bool = False) -> Response:
        return page(
            "challenge.html",
            status=400 if wrong_code else 200,
            form_targets=question.targets,
            wrong_code=wrong_code,
            action=_link(request, self.answer_path),
            leave=_link(request, self.page_path, left="1"),
            closes=f"{question.closes:%H:%M} UTC",
            **self._common(request, question),
        )

    def _ended(self, request: Request, question: Question) -> Response:
        if question.state == "expired":
            return self._ending(request, question, "expired", status=410)
        return self._ending(request, question, question.state, shop=question.way_back, repeated=True)

    def _ending(
        self,
        request: Request,
        question: Question | None,
        what: str,
        *,
        status: int = 200,
        shop: str | None = None,
        repeated: bool = False,
    ) -> Response:
        back = _link(request, self.page_path, left=None) if what == "left" else None
        return page(
            "challenge_ended.html",
            status=status,
            what=what,
            shop=shop,
            back=back,
            repeated=repeated and request.method == "POST",
            **self._common(request, question),
        )

    def _common(self, request: Request, question: Question | None) -> dict[str, Any]:
        chosen = language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        other = "en" if chosen == "ja" else "ja"
        return {
            "lang": chosen,
            "t": TEXTS[chosen],
            "other_lang": other,
            "other_link": _link(request, self.page_path, lang=other),
            "merchant": self._merchant,
            "question": question,
            "amount": shown_amount(question.amount, question.currency) if question else "",
        }


class ThreeDSecure(BankPages):
    """The bank's page of the first gateway: its URL holds the challenge's token."""

    page_path = answer_path = CHALLENGE_PATH

    def __init__(self, *, books: Books, webhooks: Webhooks, settings: Settings) -> None:
        super().__init__(settings.merchant_name)
        self._books = books
        self._webhooks = webhooks

    def _question(self, request: Request) -> Question | None:
        challenge = self._challenge(request)
        if challenge is None:
            return None
        transaction = self._books.find(challenge.transaction_id) if challenge.transaction_id else None
        order = challenge.order
        urls = (order.urls.get("success_url"), order.urls.get("decline_url"))
        return Question(
            amount=order.amount,
            currency=order.currency,
            card=order.card,
            opened=challenge.created,
            closes=challenge.expires,
            state=self._state(challenge, transaction),
            targets=tuple(url for url in urls if is_web_url(url)),
            way_back=_way_back(challenge, transaction) if transaction else None,
        )

    def _enter(self, request: Request, *, authenticated: bool) -> None:
        challenge = self._challenge(request)
        assert challenge is not None, "the question was found"
        transaction = self._books.answer_challenge(challenge, authenticated=authenticated)
        if transaction.settles_at is None:
            self._webhooks.announce(transaction)

    def _challenge(self, request: Request) -> Challenge | None:
        return self._books.challenge(request.query_params.get("_token", ""))

    def _state(self, challenge: Challenge, transaction: Transaction | None) -> QuestionState:
        if transaction is not None:
            return _result(transaction)
        return "expired" if self._books.has_expired(challenge) else "open"


def _result(transaction: Transaction) -> Literal["approved", "pending", "unsuccessful"]:
    if transaction.outcome.success:
        return "approved"
    return "pending" if transaction.outcome.later else "unsuccessful"


def _way_back(challenge: Challenge, transaction: Transaction) -> str | None:
    """Return where the buyer goes: who authenticated and was not declined, to success_url."""
    name = "decline_url" if _result(transaction) == "unsuccessful" else "success_url"
    url = challenge.order.urls.get(name)
    return url if is_web_url(url) else None


def _link(request: Request, path: str, **changes: str | None) -> str:
    query = {**request.query_params, **changes}
    return f"{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"
