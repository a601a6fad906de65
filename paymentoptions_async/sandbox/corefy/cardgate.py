"""The cardgate: charge a card, or the stored card of the invoice, within the session that the bearer stands for."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from paymentoptions_async.sandbox.books import CardOnFile
from paymentoptions_async.sandbox.endpoint import Endpoint, Problem, Refused
from paymentoptions_async.sandbox.replies import Reply

from . import cards, resources
from .books import Attempt, Invoice
from .dialect import bearer_of
from .settings import CARDGATE_PREFIX, CorefySettings
from .till import Till, unprocessable

ACS_PATH = f"{CARDGATE_PREFIX}/acs"
COMPLETE_PATH = f"{CARDGATE_PREFIX}/complete-auth"

_FORMS = {
    "card_number": r"[0-9]{12,19}",
    "cvv": r"[0-9]{3,4}",
    "exp_month": r"0[1-9]|1[0-2]",
    "exp_year": r"[0-9]{2}",
}
_NO_HOLDER = "CARD HOLDER"


class Cardgate:
    """Serve the cardgate over one till."""

    def __init__(self, till: Till, settings: CorefySettings) -> None:
        self._till = till
        self._settings = settings

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the one operation."""
        return (Endpoint("corefy_sale", "POST", "/payment/sale", self._sale, CARDGATE_PREFIX),)

    def _sale(self, body: Mapping[str, Any], request: Request) -> Reply:
        data = body["data"]
        if data["type"] != "sale-operation":
            raise unprocessable("type must be sale-operation.", "/data/type")
        invoice = self._till.books.by_bearer(bearer_of(request))
        assert invoice is not None, "the keys were checked"
        attributes = data["attributes"]
        self._till.check_open(invoice)
        if attributes:
            attempt = self._till.pay(invoice, "sale", self._card(attributes, invoice))
        else:
            attempt = self._write_off(invoice)
        handed = auth_payload(invoice, attempt, self._settings) if attempt.state == "challenged" else None
        return resources.sale(invoice, attempt, self._settings, handed)

    def _write_off(self, invoice: Invoice) -> Attempt:
        if invoice.terms.token is None or not invoice.terms.instant:
            raise unprocessable("A sale without a card needs an invoice with a token and instant.", "/data/attributes")
        stored = self._till.books.stored_card(invoice.terms.token)
        assert stored is not None, "the token was checked when the invoice was created"
        return self._till.pay(invoice, "token", stored.card)

    def _card(self, attributes: Mapping[str, Any], invoice: Invoice) -> CardOnFile:
        if "google_pay" in attributes:
            raise unprocessable("Only cards are taken here.", "/data/attributes/google_pay")
        problems = tuple(
            Problem(f"{name} is missing or wrong.", f"/data/attributes/{name}")
            for name, form in _FORMS.items()
            if not re.fullmatch(form, attributes.get(name, ""))
        )
        if problems:
            raise Refused(422, " ".join(problem.sentence for problem in problems), "invalid", problems)
        card = cards.by_number(attributes["card_number"])
        if card is None:
            raise unprocessable("Only test cards are taken here.", "/data/attributes/card_number")
        named = (invoice.terms.customer or {}).get("name")
        return self._till.books.put_on_file(
            card,
            name=attributes.get("card_holder") or named or _NO_HOLDER,
            exp_month=attributes["exp_month"],
            exp_year=attributes["exp_year"],
        )


def auth_payload(invoice: Invoice, attempt: Attempt, settings: CorefySettings) -> dict[str, Any]:
    """Return what hands the buyer's browser over to the bank: `params` are posted to `action` as they are."""
    asks = {"threeDSServerTransID": attempt.id, "messageType": "CReq", "messageVersion": "2.2.0"}
    request = base64.urlsafe_b64encode(json.dumps(asks).encode()).decode().rstrip("=")
    params = {"creq": request}
    if settings.three_d_secure == 1:
        params = {"PaReq": request, "MD": attempt.id, "TermUrl": f"{invoice.origin}{COMPLETE_PATH}?pid={attempt.id}"}
    return {"action": f"{invoice.origin}{ACS_PATH}", "method": "POST", "params": params}


def named_attempt(params: Mapping[str, str]) -> str:
    """Return the id of the attempt that the fields of an `auth_payload` are about; empty if they are none."""
    try:
        content = base64.urlsafe_b64decode((params.get("creq") or params["PaReq"]) + "==")
        return str(json.loads(content)["threeDSServerTransID"])
    except (ValueError, KeyError, TypeError):
        return ""


def bank_page(invoice: Invoice, attempt: Attempt) -> str:
    """Return the URL of the bank's page once it was opened."""
    return f"{invoice.origin}{ACS_PATH}?pid={attempt.id}"
