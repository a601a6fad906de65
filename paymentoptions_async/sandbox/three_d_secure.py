"""The 3-D Secure page: what the buyer sees between the shop and the charge, and what comes of the answer."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .books import Books, Challenge, Transaction
from .forms import read_form
from .pages import is_web_url, page
from .payments import CHALLENGE_PATH
from .settings import Settings
from .texts import TEXTS, language, shown_amount
from .webhooks import Webhooks


class ThreeDSecure:
    """Show the page and take its one answer."""

    def __init__(self, *, books: Books, webhooks: Webhooks, settings: Settings) -> None:
        self._books = books
        self._webhooks = webhooks
        self._settings = settings

    async def show(self, request: Request) -> Response:
        """Answer GET: the form, or how the page ended."""
        challenge = self._books.challenge(request.query_params.get("_token", ""))
        if challenge is None:
            return self._ending(request, None, "unknown", status=404)
        if request.query_params.get("left"):
            return self._ending(request, challenge, "left")
        if challenge.state == "open" and not self._books.has_expired(challenge):
            return self._form(request, challenge)
        return self._ended(request, challenge)

    async def answer(self, request: Request) -> Response:
        """Answer POST: approve or decline once; a second answer shows the first one's result and charges nothing."""
        challenge = self._books.challenge(request.query_params.get("_token", ""))
        if challenge is None:
            return self._ending(request, None, "unknown", status=404)
        form = await read_form(request)
        if challenge.state != "open" or self._books.has_expired(challenge):
            return self._ended(request, challenge)
        if form.get("answer") == "decline":
            return self._finish(request, challenge, authenticated=False)
        if form.get("answer") == "confirm" and re.fullmatch(r"[0-9]{6}", form.get("code", "").strip()):
            return self._finish(request, challenge, authenticated=True)
        return self._form(request, challenge, wrong_code=True)

    def _finish(self, request: Request, challenge: Challenge, *, authenticated: bool) -> Response:
        transaction = self._books.answer_challenge(challenge, authenticated=authenticated)
        if transaction.settles_at is None:
            self._webhooks.announce(transaction)
        target = _way_back(challenge, transaction)
        if target is None:
            return self._ended(request, challenge)
        return RedirectResponse(target, 303, headers={"referrer-policy": "no-referrer", "cache-control": "no-store"})

    def _form(self, request: Request, challenge: Challenge, *, wrong_code: bool = False) -> Response:
        urls = (challenge.order.urls.get("success_url"), challenge.order.urls.get("decline_url"))
        return page(
            "challenge.html",
            status=400 if wrong_code else 200,
            form_targets=tuple(url for url in urls if is_web_url(url)),
            wrong_code=wrong_code,
            action=_link(request),
            leave=_link(request, left="1"),
            closes=f"{challenge.expires:%H:%M} UTC",
            **self._common(request, challenge),
        )

    def _ended(self, request: Request, challenge: Challenge) -> Response:
        transaction = self._books.find(challenge.transaction_id) if challenge.transaction_id else None
        if transaction is None:
            return self._ending(request, challenge, "expired", status=410)
        return self._ending(
            request, challenge, _result(transaction), shop=_way_back(challenge, transaction), repeated=True
        )

    def _ending(
        self,
        request: Request,
        challenge: Challenge | None,
        what: str,
        *,
        status: int = 200,
        shop: str | None = None,
        repeated: bool = False,
    ) -> Response:
        back = _link(request, left=None) if what == "left" else None
        return page(
            "challenge_ended.html",
            status=status,
            what=what,
            shop=shop,
            back=back,
            repeated=repeated and request.method == "POST",
            **self._common(request, challenge),
        )

    def _common(self, request: Request, challenge: Challenge | None) -> dict[str, Any]:
        chosen = language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        other = "en" if chosen == "ja" else "ja"
        return {
            "lang": chosen,
            "t": TEXTS[chosen],
            "other_lang": other,
            "other_link": _link(request, lang=other),
            "merchant": self._settings.merchant_name,
            "order": challenge.order if challenge else None,
            "amount": shown_amount(challenge.order.amount, challenge.order.currency) if challenge else "",
            "opened": challenge.created if challenge else None,
        }


def _result(transaction: Transaction) -> str:
    if transaction.outcome.success:
        return "approved"
    return "pending" if transaction.outcome.later else "unsuccessful"


def _way_back(challenge: Challenge, transaction: Transaction) -> str | None:
    """Return where the buyer goes: who authenticated and was not declined, to success_url."""
    name = "decline_url" if _result(transaction) == "unsuccessful" else "success_url"
    url = challenge.order.urls.get(name)
    return url if is_web_url(url) else None


def _link(request: Request, **changes: str | None) -> str:
    query = {**request.query_params, **changes}
    return f"{CHALLENGE_PATH}?{urlencode({name: value for name, value in query.items() if value is not None})}"
