"""The private API: create an invoice, read it, list them, and give money back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from paymentoptions_async.sandbox.books import decimals_of
from paymentoptions_async.sandbox.catalogue.invoices import CorefyCatalogue
from paymentoptions_async.sandbox.endpoint import Endpoint, Problem, Refused, origin_of
from paymentoptions_async.sandbox.replies import Reply

from . import resources
from .books import Invoice, Terms
from .settings import API_PREFIX, CorefySettings
from .till import Till, unprocessable

ATTRIBUTES = "/data/attributes"
PAGE_SIZE = 100
MAX_REFERENCE_CHARACTERS = 255
LAST_MOMENT = 253_402_300_799  # Unix seconds; the year 9999 ends
MAX_AMOUNT = Decimal(10) ** 12


class PrivateApi:
    """Serve the private API over one till; the `catalogue` is asked for invoices that it does not know."""

    def __init__(self, till: Till, settings: CorefySettings, catalogue: CorefyCatalogue | None = None) -> None:
        self._till = till
        self._settings = settings
        self._catalogue = catalogue

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the operations."""
        path, one = "/payment-invoices", "/payment-invoices/{invoice_id}"
        return (
            Endpoint("corefy_create", "POST", path, self._create, API_PREFIX),
            Endpoint("corefy_list", "GET", path, self._list, API_PREFIX),
            Endpoint("corefy_show", "GET", one, self._show, API_PREFIX),
            Endpoint("corefy_refund", "POST", f"{one}/refund", self._refund, API_PREFIX),
        )

    def _create(self, body: Mapping[str, Any], request: Request) -> Reply:
        data = body["data"]
        attributes = data["attributes"]
        if data["type"] != "payment-invoices":
            raise unprocessable("type must be payment-invoices.", "/data/type")
        if problems := tuple(self._problems(attributes)):
            raise Refused(422, " ".join(problem.sentence for problem in problems), "invalid", problems)
        # Whatever else is wrong with an invoice, its reference is not used up by it (inferred).
        if self._till.books.by_reference(attributes["reference_id"]) is not None:
            message = "An invoice with this reference_id exists."
            raise unprocessable(message, f"{ATTRIBUTES}/reference_id", self._settings.duplicate_status)
        terms = _terms(attributes, data.get("callback_url"))
        invoice = self._till.open(terms, origin=origin_of(request), expires=attributes.get("expires"))
        return resources.answer(201, resources.invoice(invoice, created_now=True))

    def _show(self, _: Mapping[str, Any], request: Request) -> Reply:
        invoice_id = request.path_params["invoice_id"]
        if self._catalogue is not None and self._till.books.find(invoice_id) is None:
            document = self._catalogue.document(invoice_id, origin=origin_of(request))
            if document is not None:
                return resources.answer(200, document)
        return resources.answer(200, resources.invoice(self._invoice(request)))

    def _list(self, _: Mapping[str, Any], request: Request) -> Reply:
        number = _whole(request.query_params.get("page[number]"), 1)
        size = min(_whole(request.query_params.get("page[size]"), PAGE_SIZE), PAGE_SIZE)
        found = self._till.books.invoices[::-1]
        page = found[(number - 1) * size : number * size]
        return resources.answer(200, resources.invoices(page, number, size, len(found)))

    def _refund(self, body: Mapping[str, Any], request: Request) -> Reply:
        invoice, data = self._invoice(request), body["data"]
        attributes = data["attributes"]
        if data["type"] not in ("refund", "refunds"):
            raise unprocessable("type must be refund.", "/data/type")
        for pointer, named in (("/data/id", data.get("id")), (f"{ATTRIBUTES}/invoiceId", attributes.get("invoiceId"))):
            if named not in (None, invoice.id):
                raise unprocessable("The body names another invoice than the path.", pointer)
        if problems := tuple(_amount_problems(attributes["amount"], invoice.terms.currency)):
            raise Refused(422, problems[0].sentence, "invalid", problems)
        if not attributes["reference_id"]:
            raise unprocessable("reference_id is missing.", f"{ATTRIBUTES}/reference_id")
        amount = Decimal(attributes["amount"])
        refund = self._till.refund(invoice, attributes["reference_id"], amount, attributes.get("description"))
        if self._settings.refund_reply == "invoice":
            return resources.answer(200, resources.invoice(invoice))
        return resources.answer(200, {"data": resources.refund(refund, invoice)})

    def _invoice(self, request: Request) -> Invoice:
        invoice = self._till.books.find(request.path_params["invoice_id"])
        if invoice is None:
            raise Refused(404, "There is no such invoice.", "not_found")
        return invoice

    def _problems(self, attributes: Mapping[str, Any]) -> list[Problem]:
        problems = []

        def wrong(field: str, sentence: str) -> None:
            problems.append(Problem(sentence, f"{ATTRIBUTES}/{field}"))

        if attributes.get("test_mode") is not True:
            wrong("test_mode", "test_mode must be true: no live payments are made here.")
        if not 0 < len(attributes["reference_id"]) <= MAX_REFERENCE_CHARACTERS:
            wrong("reference_id", f"reference_id has 1 to {MAX_REFERENCE_CHARACTERS} characters.")
        problems += _amount_problems(attributes["amount"], attributes["currency"])
        if attributes["service"] != f"payment_card_{attributes['currency'].lower()}_hpp":
            wrong(
                "service", "service must be payment_card_{currency}_hpp, in small letters; no other one is served here."
            )
        if attributes.get("flow", "charge") != "charge":
            wrong("flow", "flow must be charge; no other one is served here.")
        if not 0 < attributes.get("expires", LAST_MOMENT) <= LAST_MOMENT:
            wrong("expires", "expires must be a moment in Unix seconds.")
        options = attributes.get("gateway_options", {}).get("cardgate", {})
        if "recurrent" in options:  # rejected since November 2020, says the vendor; instant took its place
            wrong("gateway_options/cardgate/recurrent", "recurrent is not taken any more; send instant.")
        customer = attributes.get("customer", {}).get("reference_id")
        if options.get("tokenize") and not customer:
            wrong("customer/reference_id", "tokenize needs customer.reference_id.")
        if attributes.get("token") is not None:
            problems += self._token_problems(attributes["token"], customer)
        return problems

    def _token_problems(self, token: str, customer: str | None) -> list[Problem]:
        if not customer:
            return [Problem("token needs customer.reference_id.", f"{ATTRIBUTES}/customer/reference_id")]
        stored = self._till.books.stored_card(token)
        if stored is None or stored.customer_reference != customer:
            return [Problem("This customer has no such token.", f"{ATTRIBUTES}/token")]
        return []


def _terms(attributes: Mapping[str, Any], callback_url: str | None) -> Terms:
    options = attributes.get("gateway_options", {}).get("cardgate", {})
    return Terms(
        reference_id=attributes["reference_id"],
        amount=Decimal(attributes["amount"]),
        currency=attributes["currency"],
        service=attributes["service"],
        description=attributes.get("description"),
        descriptor=attributes.get("descriptor"),
        token=attributes.get("token"),
        customer=attributes.get("customer"),
        tokenize=options.get("tokenize") is True,
        instant=options.get("instant") is True,
        retry_limit=options.get("retry_limit"),
        return_url=attributes.get("return_url"),
        return_urls=attributes.get("return_urls", {}),
        # Everybody sends it within the attributes; seed 003 shows it beside them.
        callback_url=attributes.get("callback_url", callback_url),
        metadata=attributes.get("metadata", {}),
    )


def _amount_problems(amount: Decimal | int, currency: str) -> list[Problem]:
    decimals, pointer = decimals_of(currency), f"{ATTRIBUTES}/amount"
    if decimals is None or currency != currency.upper():
        return [Problem("currency must be an ISO 4217 code.", f"{ATTRIBUTES}/currency")]
    if not 0 < amount < MAX_AMOUNT:
        return [Problem("amount must be above 0.", pointer)]
    if Decimal(amount) != round(Decimal(amount), decimals):
        return [Problem(f"amount has at most {decimals} decimals in {currency}.", pointer)]
    return []


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch("[1-9][0-9]{0,8}", text) else otherwise
