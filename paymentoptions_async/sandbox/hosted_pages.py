"""The pages behind the links: a card form or a wallet's question, and what comes of the buyer's answer.

Every form carries the number of attempts made when it was shown. A form whose attempt has been made already, by a
double click or after the back button, leads to that attempt's result and charges nothing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import card_form, cards, risk
from .books import NO_CARD, Books, CardOnFile, Order, decimals_of
from .card_form import Filled
from .cards import TestCard
from .clock import Clock
from .endpoint import origin_of
from .forms import read_form
from .hosted_texts import HOSTED_TEXTS, WALLET_NAMES
from .links import Attempt, Link, Links, Terms
from .pages import is_web_url, page
from .payments import Counter, challenge_link
from .settings import Settings
from .texts import language, shown_amount

LANGUAGE_SEGMENTS = {"en": "en", "jp": "ja", "ja": "ja"}
_SEGMENT_OF = {"en": "en", "ja": "jp"}  # the vendor's Japanese pages stand below /jp

_TOLD_REASONS = (
    "insufficient_funds",
    "expired_card",
    "security_code_incorrect",
    "invalid_card_number",
    "authentication_failed",
)


class HostedPages:
    """Show the page of a link, and take what the buyer does there."""

    def __init__(self, *, links: Links, counter: Counter, clock: Clock) -> None:
        self._links = links
        self._counter = counter
        self._clock = clock

    @property
    def _books(self) -> Books:
        return self._counter.books

    @property
    def _settings(self) -> Settings:
        return self._counter.settings

    async def show(self, request: Request) -> Response:
        """Answer GET: the form while the link can be paid, else how it ended."""
        link = self._link(request)
        if link is None:
            return self._ending(request, None, "unknown", status=404)
        if request.query_params.get("left") and self._links.state(link) == "open":
            return self._ending(request, link, "left")
        return self._form(request, link)

    async def submit(self, request: Request) -> Response:
        """Answer POST: cancel, or make one attempt to pay."""
        link = self._link(request)
        if link is None:
            return self._ending(request, None, "unknown", status=404)
        form = await read_form(request)
        if form.get("answer") == "cancel":
            return self._cancelled(request, link)
        number = form.get("attempt", "")
        made = len(link.attempts)
        if number in map(str, range(made)):
            return self._result(request, link, link.attempts[int(number)])
        answers = ("pay",) if link.terms.wallet is None else ("approve", "decline")
        if self._links.state(link) != "open" or number != str(made) or form.get("answer") not in answers:
            return self._form(request, link, stale=True)
        if link.terms.wallet is not None:
            return self._answer_wallet(request, link, link.terms.wallet, form)
        return self._pay_by_card(request, link, form)

    def _pay_by_card(self, request: Request, link: Link, form: Mapping[str, str]) -> Response:
        filled = card_form.read_card(form, link.terms, self._clock.now())
        if filled.errors:
            return self._form(request, link, filled=filled)
        assert filled.card is not None, "a form without errors names a card"
        on_file = self._books.put_on_file(
            filled.card, name=filled.name, exp_month=filled.exp_month, exp_year=filled.exp_year
        )
        order = _order(link.terms, "hosted_page", filled, on_file)
        outcome = risk.outcome(order) or cards.OUTCOMES[filled.card.outcome]
        if not filled.card.challenge or outcome.gateway_code:
            attempt = Attempt(order.amount, transaction=self._counter.enter(order, outcome))
        else:
            # Whom the bank refuses may try another card here.
            order = dataclasses.replace(order, urls={**order.urls, "decline_url": _here(request)})
            attempt = Attempt(order.amount, challenge=self._books.open_challenge(order, outcome))
        self._links.add(link, attempt)
        return self._result(request, link, attempt)

    def _answer_wallet(self, request: Request, link: Link, wallet: str, form: Mapping[str, str]) -> Response:
        answer = form.get("answer")
        filled = Filled[TestCard]()
        card_form.read_amount(filled, form, link.terms)
        if answer != "decline" and not re.fullmatch(r"[0-9]{4}", form.get("pin", "").strip()):
            filled.errors["pin"] = "pin_wrong"
        if filled.errors:
            return self._form(request, link, filled=filled)
        order = _order(link.terms, "wallet", filled, NO_CARD, wallet)
        outcome = risk.outcome(order) or cards.OUTCOMES["approved" if answer == "approve" else "declined"]
        attempt = Attempt(order.amount, transaction=self._counter.enter(order, outcome))
        self._links.add(link, attempt)
        return self._result(request, link, attempt)

    def _cancelled(self, request: Request, link: Link) -> Response:
        if self._links.state(link) == "open":
            link.cancelled += 1
        return _see(_shop(link, "cancel_url") or f"{_here(request)}?left=1")

    def _result(self, request: Request, link: Link, attempt: Attempt) -> Response:
        """Send the buyer on from an attempt: to the shop, to the bank's page, or back here to try again."""
        match self._links.result(attempt):
            case "approved" | "pending":
                return _see(_shop(link, "success_url") or _here(request))
            case "challenged":
                assert attempt.challenge is not None
                return _see(f"{origin_of(request)}{challenge_link(attempt.challenge)}&lang={_language(request)}")
            case "refused" if link.terms.wallet is not None:
                return _see(_shop(link, "decline_url") or _here(request))
            case _:
                return _see(_here(request))

    def _link(self, request: Request) -> Link | None:
        if request.path_params.get("lang", "en") not in LANGUAGE_SEGMENTS:
            return None
        return self._links.find(request.path_params["code"])

    def _form(
        self, request: Request, link: Link, *, filled: Filled[TestCard] | None = None, stale: bool = False
    ) -> Response:
        state = self._links.state(link)
        if state != "open":
            return self._ending(request, link, state, status=410 if state == "expired" else 200)
        terms = link.terms
        common = self._common(request, link)
        words = {
            "currency": terms.currency,
            "decimals": decimals_of(terms.currency) or 0,
            "merchant": self._settings.merchant_name,
            "wallet": common["wallet"],
        }
        filled = filled or Filled[TestCard](shown=self._tried_amount(link))
        return page(
            "hosted_card.html" if terms.wallet is None else "hosted_wallet.html",
            status=400 if filled.errors or stale else 200,
            form_targets=tuple(url for url in terms.urls.values() if is_web_url(url)),
            attempt=len(link.attempts),
            asked=card_form.missing_address_fields(terms),
            limits=card_form.ADDRESS_FIELDS,
            errors={name: _said(common["t"], text, name, words) for name, text in filled.errors.items()},
            shown=filled.shown,
            words=words,
            refusal=None if filled.errors else self._refusal(link, common["t"]),
            give_up=_shop(link, "decline_url"),
            stale=stale,
            closes=f"{link.expires:%Y-%m-%d %H:%M} UTC",
            **common,
        )

    def _ending(self, request: Request, link: Link | None, what: str, *, status: int = 200) -> Response:
        shop = None
        if link is not None:
            shop = _shop(link, "success_url" if what in ("paid", "pending") else "cancel_url")
        back = request.url.path if what == "left" else None
        return page("hosted_ended.html", status=status, what=what, shop=shop, back=back, **self._common(request, link))

    def _common(self, request: Request, link: Link | None) -> dict[str, Any]:
        chosen = _language(request)
        other = "en" if chosen == "ja" else "ja"
        terms = link.terms if link else None
        wallet = terms.wallet if terms else None
        return {
            "lang": chosen,
            "t": HOSTED_TEXTS[chosen],
            "other_lang": other,
            "other_link": f"/{_SEGMENT_OF[other]}/HostedPaymentPage/{request.path_params['code']}",
            "merchant": self._settings.merchant_name,
            "terms": terms,
            "reference": terms.merchant_txn_ref if terms else None,
            "wallet": WALLET_NAMES.get(wallet.lower(), wallet) if wallet else "",
            "amount": self._shown_amount(link) if link else None,
        }

    def _shown_amount(self, link: Link) -> str | None:
        """Return the amount as the link has it, or as it was paid where the buyer typed it."""
        amount = link.terms.amount
        if amount is None:
            done = [one for one in link.attempts if self._links.result(one) in ("approved", "pending")]
            amount = done[-1].amount if done else None
        return None if amount is None else shown_amount(amount, link.terms.currency)

    def _tried_amount(self, link: Link) -> dict[str, str]:
        return {"amount": f"{link.attempts[-1].amount:f}"} if link.attempts else {}

    def _refusal(self, link: Link, t: Mapping[str, str]) -> str | None:
        """Return why the last attempt was refused, in words for the buyer; None if it was not."""
        if not link.attempts or self._links.result(link.attempts[-1]) != "refused":
            return None
        transaction = self._links.transaction(link.attempts[-1])
        assert transaction is not None
        if transaction.order.wallet:
            return t["reason_wallet"]
        told = transaction.outcome.name if transaction.outcome.name in _TOLD_REASONS else "other"
        return t[f"reason_{told}"].format(last4=transaction.order.card.masked[-4:])


def _order(
    terms: Terms, operation: str, filled: Filled[TestCard], card: CardOnFile, wallet: str | None = None
) -> Order:
    assert filled.amount is not None, "a form without errors has an amount"
    return Order(
        operation=operation,
        merchant_id=terms.merchant_id,
        merchant_txn_ref=terms.merchant_txn_ref,
        amount=filled.amount,
        currency=terms.currency,
        card=card,
        customer_ip=terms.customer_ip,
        billing_address={**terms.billing_address, **filled.address},
        shipping_address=terms.shipping_address,
        urls=terms.urls,
        store_card=terms.store_card,
        wallet=wallet,
    )


def _language(request: Request) -> str:
    wanted = LANGUAGE_SEGMENTS.get(request.path_params.get("lang", ""))
    return language(wanted, request.headers.get("accept-language", ""))


def _said(t: Mapping[str, str], text: str, name: str, words: Mapping[str, Any]) -> str:
    return t[text].format(**words, label=t.get(name, ""))


def _shop(link: Link, name: str) -> str | None:
    url = link.terms.urls.get(name)
    return url if is_web_url(url) else None


def _here(request: Request) -> str:
    return f"{origin_of(request)}{request.url.path}"


def _see(url: str) -> Response:
    return RedirectResponse(url, 303, headers={"referrer-policy": "no-referrer", "cache-control": "no-store"})
