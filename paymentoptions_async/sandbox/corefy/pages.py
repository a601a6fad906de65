"""The pages of Corefy: the checkout with its card form, and the bank's page of 3-D Secure.

Every form of the checkout carries the number of attempts made when it was shown. A form whose attempt has been made
already, by a double click or after the back button, leads to that attempt's result and charges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paymentoptions_async.sandbox import card_form
from paymentoptions_async.sandbox.books import CardOnFile
from paymentoptions_async.sandbox.card_form import Filled
from paymentoptions_async.sandbox.endpoint import origin_of
from paymentoptions_async.sandbox.forms import read_form
from paymentoptions_async.sandbox.hosted_texts import HOSTED_TEXTS
from paymentoptions_async.sandbox.pages import is_web_url, page
from paymentoptions_async.sandbox.texts import language, shown_amount
from paymentoptions_async.sandbox.three_d_secure import BankPages, Question, QuestionState

from . import cards, resources
from .books import Attempt, Invoice
from .cardgate import ACS_PATH, COMPLETE_PATH, auth_payload, bank_page, named_attempt
from .cards import CorefyCard
from .settings import API_PREFIX, CARDGATE_PREFIX, CorefySettings
from .till import Till

CHECKOUT_PATH = f"{CARDGATE_PREFIX}/hpp/{{session}}"
REDIRECT_PATHS = (f"{API_PREFIX}/hpp/", f"{API_PREFIX}/redirect/hpp/")

_TOLD_REASONS = {
    "insufficient_funds": "insufficient_funds",
    "card_expired": "expired_card",
    "invalid_cvv": "security_code_incorrect",
    "invalid_pan": "invalid_card_number",
    "client_auth_failed": "authentication_failed",
}


class Checkout:
    """Show the page of an invoice, and take what the buyer does there."""

    def __init__(self, *, till: Till, settings: CorefySettings, merchant: str) -> None:
        self._till = till
        self._settings = settings
        self._merchant = merchant

    async def redirect(self, request: Request) -> Response:
        """Answer GET of an invoice's `hpp_url`: send the buyer to the page."""
        invoice = self._till.books.find(request.query_params.get("cpi", ""))
        if invoice is None:
            return self._ending(request, None, "unknown", status=404)
        return _see(resources.page_url(invoice))

    async def show(self, request: Request) -> Response:
        """Answer GET: the form while the invoice can be paid, else how it ended."""
        invoice = self._invoice(request)
        if invoice is None:
            return self._ending(request, None, "unknown", status=404)
        return self._form(request, invoice)

    async def submit(self, request: Request) -> Response:
        """Answer POST: end the invoice, or make one attempt to pay it."""
        invoice = self._invoice(request)
        if invoice is None:
            return self._ending(request, None, "unknown", status=404)
        form = await read_form(request)
        if form.get("answer") == "cancel" and self._state(invoice) == "open":
            self._till.end(invoice, "terminated")
            return self._leave(request, invoice)
        number, made = form.get("attempt", ""), len(invoice.attempts)
        if number in map(str, range(made)):
            return self._result(request, invoice, invoice.attempts[int(number)])
        if self._state(invoice) != "open" or number != str(made) or form.get("answer") != "pay":
            return self._form(request, invoice, stale=True)
        return self._pay(request, invoice, form)

    def _pay(self, request: Request, invoice: Invoice, form: Mapping[str, str]) -> Response:
        filled, card = Filled[CorefyCard](), self._stored(invoice)
        if card is None:
            card_form.read_details(filled, form, cards.by_number, None)
        else:
            card_form.read_cvc(filled, form)
        if filled.errors:
            return self._form(request, invoice, filled=filled)
        if card is None:
            assert filled.card is not None, "a form without errors names a card"
            card = self._till.books.put_on_file(
                filled.card, name=filled.name, exp_month=filled.exp_month, exp_year=filled.exp_year
            )
        return self._result(request, invoice, self._till.pay(invoice, "page", card))

    def _result(self, request: Request, invoice: Invoice, attempt: Attempt) -> Response:
        """Send the buyer on from an attempt: to the shop, to the bank's page, or back here to try again."""
        if self._till.state(attempt) == "challenged":
            return _see(f"{bank_page(invoice, attempt)}&lang={_language(request)}")
        if self._state(invoice) == "open":
            return _see(_here(request))
        return self._leave(request, invoice)

    def _leave(self, request: Request, invoice: Invoice) -> Response:
        return _see(way_back(invoice) or _here(request))

    def _invoice(self, request: Request) -> Invoice | None:
        self._till.expire_due()
        return self._till.books.by_session(request.path_params["session"])

    def _stored(self, invoice: Invoice) -> CardOnFile | None:
        stored = self._till.books.stored_card(invoice.terms.token) if invoice.terms.token else None
        return stored.card if stored else None

    def _state(self, invoice: Invoice) -> str:
        """Tell what the page has to say: `open` while the buyer may pay, or how the invoice ended."""
        match invoice.status:
            case "process_failed":
                return "failed"
            case "expired" | "terminated":
                return invoice.status
            case _ if invoice.is_final:
                return "paid"
            case _:
                waits = any(attempt.state == "process_pending" for attempt in invoice.attempts)
                return "pending" if waits else "open"

    def _form(
        self, request: Request, invoice: Invoice, *, filled: Filled[CorefyCard] | None = None, stale: bool = False
    ) -> Response:
        state = self._state(invoice)
        if state != "open":
            return self._ending(request, invoice, state, status=410 if state == "expired" else 200)
        filled = filled or Filled[CorefyCard]()
        common = self._common(request, invoice)
        t = common["t"]
        urls = (way_back(invoice, outcome) for outcome in ("success", "pending", "fail"))
        return page(
            "corefy_checkout.html",
            status=400 if filled.errors or stale else 200,
            form_targets=tuple(url for url in urls if url),
            attempt=len(invoice.attempts),
            stored=self._stored(invoice),
            errors={name: t[text] for name, text in filled.errors.items()},
            shown=filled.shown,
            words={"merchant": self._merchant},
            refusal=None if filled.errors else _refusal(invoice, t),
            give_up=None,
            stale=stale,
            closes=f"{invoice.expires:%Y-%m-%d %H:%M} UTC",
            **common,
        )

    def _ending(self, request: Request, invoice: Invoice | None, what: str, *, status: int = 200) -> Response:
        shop = way_back(invoice) if invoice else None
        return page(
            "hosted_ended.html", status=status, what=what, shop=shop, back=None, **self._common(request, invoice)
        )

    def _common(self, request: Request, invoice: Invoice | None) -> dict[str, Any]:
        chosen = _language(request)
        other = "en" if chosen == "ja" else "ja"
        terms = invoice.terms if invoice else None
        return {
            "lang": chosen,
            "t": HOSTED_TEXTS[chosen],
            "other_lang": other,
            "other_link": f"?lang={other}",
            "merchant": self._merchant,
            "terms": terms,
            "reference": terms.reference_id if terms else None,
            "amount": shown_amount(terms.amount, terms.currency) if terms else None,
        }


class CorefyBankPages(BankPages):
    """The bank's page of Corefy's sales and checkout: the shop's form opens it, and its answer goes to the cardgate."""

    page_path = ACS_PATH
    answer_path = COMPLETE_PATH

    def __init__(self, *, till: Till, settings: CorefySettings, merchant: str) -> None:
        super().__init__(merchant)
        self._till = till
        self._settings = settings

    async def open(self, request: Request) -> Response:
        """Answer POST with the fields of an `auth_payload`, exactly as they were handed out: show the page."""
        form = await read_form(request)
        # A page of the shop has posted this: what it opens is another page, so that reloading posts nothing.
        found = self._till.books.by_attempt(named_attempt(form))
        if found is not None and form == auth_payload(*found, self._settings)["params"]:
            return _see(bank_page(*found))
        return self._ending(request, None, "unknown", status=404)

    def _found(self, request: Request) -> tuple[Invoice, Attempt] | None:
        self._till.expire_due()
        found = self._till.books.by_attempt(request.query_params.get("pid", ""))
        return found if found and found[1].closes is not None else None

    def _question(self, request: Request) -> Question | None:
        found = self._found(request)
        if found is None:
            return None
        invoice, attempt = found
        assert attempt.closes is not None, "only attempts that the bank asks about are found"
        state = self._state(attempt)
        urls = (way_back(invoice, outcome) for outcome in ("success", "pending", "fail"))
        return Question(
            amount=attempt.amount,
            currency=invoice.terms.currency,
            card=attempt.card,
            opened=attempt.at,
            closes=attempt.closes,
            state=state,
            targets=tuple(url for url in urls if url),
            way_back=None if state in ("open", "expired") else _on_from(invoice, attempt),
        )

    def _enter(self, request: Request, *, authenticated: bool) -> None:
        found = self._found(request)
        assert found is not None, "the question was found"
        self._till.authenticate(*found, confirmed=authenticated)

    def _state(self, attempt: Attempt) -> QuestionState:
        match self._till.state(attempt):
            case "challenged":
                return "open"
            case "left":
                return "expired"
            case "processed":
                return "approved"
            case "process_failed":
                return "unsuccessful"
            case _:
                return "pending"


def way_back(invoice: Invoice, outcome: str | None = None) -> str | None:
    """Return where the buyer goes at an outcome (`success`, `pending`, `fail`), that of the invoice unless given."""
    if outcome is None:
        outcome = "success" if invoice.charged else "fail" if invoice.is_final else "pending"
    url = invoice.terms.return_urls.get(outcome) or invoice.terms.return_url
    return url if is_web_url(url) else None


def _on_from(invoice: Invoice, attempt: Attempt) -> str | None:
    """Return where the bank's page leads: back to the checkout if another card may be tried there, else to the shop."""
    if attempt.state == "process_failed" and not invoice.is_final:
        return resources.page_url(invoice)
    return way_back(invoice)


def _refusal(invoice: Invoice, t: Mapping[str, str]) -> str | None:
    attempt = invoice.attempts[-1] if invoice.attempts else None
    if attempt is None or attempt.state != "process_failed":
        return None
    reason = _TOLD_REASONS.get(attempt.resolution, "other")
    return t[f"reason_{reason}"].format(last4=attempt.card.masked[-4:])


def _language(request: Request) -> str:
    return language(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def _here(request: Request) -> str:
    return f"{origin_of(request)}{request.url.path}?lang={_language(request)}"


def _see(url: str) -> Response:
    return RedirectResponse(url, 303, headers={"referrer-policy": "no-referrer", "cache-control": "no-store"})
