r"""The shapes of Corefy's answers and callbacks, with the habits of the vendor's samples.

Empty maps are written as `[]` or null, slashes as `\/`, amounts as JSON numbers in major units, and there are fields
that no page tells of. Seed 003 shows an invoice that waits to be paid; the others are rebuilt from the vendor's other
samples, and what errors look like from what integrations read.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from paymentoptions_async.sandbox import replies
from paymentoptions_async.sandbox.endpoint import Problem
from paymentoptions_async.sandbox.replies import Reply

from . import cards
from .books import Attempt, Invoice, Refund
from .settings import API_PREFIX, CARDGATE_PREFIX, CorefySettings

CONTENT_TYPE = "application/json"


def answer(status: int, body: Any) -> Reply:
    """Return an answer as the vendor writes it."""
    return Reply(status, body, CONTENT_TYPE, write=written)


def written(body: Any) -> str:
    """Write JSON as PHP does: a slash is only ever found within a string, and escaped."""
    return replies.dumps(body).replace("/", r"\/")


def errors(status: int, problems: tuple[Problem, ...]) -> Reply:
    """Answer with what is wrong, in JSON:API's form (no body is at hand; inferred from what integrations read)."""
    title = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    return answer(
        status,
        {
            "errors": [
                {
                    "status": str(status),
                    "title": title,
                    "detail": problem.sentence,
                    "source": {"pointer": problem.pointer} if problem.pointer else [],
                }
                for problem in problems
            ]
        },
    )


def invoice(one: Invoice, *, created_now: bool = False) -> dict[str, Any]:
    """Return the document of an invoice; the one that answers its creation has no customer, and null for no payload."""
    document: dict[str, Any] = {"data": _resource(one, created_now=created_now)}
    if one.terms.customer is not None and not created_now:
        document["included"] = [_customer(one)]
    return document


def invoices(page: list[Invoice], number: int, size: int, total: int) -> dict[str, Any]:
    """Return the document of a page of invoices; that there are pages, and how they are asked for, is inferred."""
    last = max(1, -(-total // size))

    def link(to: int) -> str | None:
        return f"/api/payment-invoices?page[number]={to}&page[size]={size}" if 1 <= to <= last else None

    return {
        "data": [_resource(one) for one in page],
        "links": {"self": link(number), "prev": link(number - 1), "next": link(number + 1)},
        "meta": {"total": total},
    }


def refund(one: Refund, of: Invoice) -> dict[str, Any]:
    """Return a refund as a resource of its own."""
    return {
        "type": "refunds",
        "id": one.id,
        "attributes": {
            "reference_id": one.reference_id,
            "original_id": of.id,
            "description": one.description,
            "status": "processed",
            "amount": _number(one.amount),
            "fee": 0,
            "currency": of.terms.currency,
            "created": _unix(one.at),
        },
        "links": {"self": f"/refunds/{one.id}"},
    }


def sale(one: Invoice, attempt: Attempt, settings: CorefySettings, auth_payload: dict[str, Any] | None) -> Reply:
    """Answer a sale (201), flat or as a resource."""
    challenged = attempt.state == "challenged"
    status = attempt.state if attempt.state in ("processed", "process_failed") else "process_pending"
    said: dict[str, Any] = {"status": status, "resolution": attempt.resolution}
    if challenged:
        said |= {"auth_mode": "3ds", "auth_payload": auth_payload}
    if settings.sale_reply == "flat":
        return answer(201, said)
    attributes = {
        "amount": _number(attempt.amount),
        "currency": one.terms.currency,
        "service": one.terms.service,
        **said,
        "active_request": {"status": status, "resolution": attempt.resolution},
        "active_payment": {
            "status": "authorize_required" if challenged else status,
            "resolution": attempt.resolution,
        },
        "repeatable": False,
        "flow": "charge",
        "form_data": [],
    }
    return answer(201, {"data": {"type": "sale-operation", "id": one.session, "attributes": attributes}})


def page_url(one: Invoice) -> str:
    """Return where the buyer pays the invoice."""
    return f"{one.origin}{CARDGATE_PREFIX}/hpp/{one.session}"


def _resource(one: Invoice, *, created_now: bool = False) -> dict[str, Any]:
    terms, paid = one.terms, one.charged or None
    return {
        "type": "payment-invoices",
        "id": one.id,
        "attributes": {
            "serial_number": one.id.partition("_")[2],
            "status": one.status,
            "resolution": one.resolution,
            "resolution_message": None,
            "moderation_required": one.moderation_required,
            "amount": _number(terms.amount),
            "payment_amount": _number(terms.amount),
            "currency": terms.currency,
            "service_amount": _number(terms.amount),
            "payment_service_amount": _number(terms.amount),
            "exchange_rate": 1,
            "service_currency": terms.currency,
            "reference_id": terms.reference_id,
            "test_mode": True,
            "fee": 0,
            "deposit": _number(terms.amount),
            "processed": _unix(one.processed),
            "processed_amount": _number(paid),
            "processed_fee": 0 if paid else None,
            "processed_deposit": _number(paid),
            "refunded": _unix(one.refunds[-1].at if one.refunds else None),
            "refunded_amount": _number(one.refunded or None),
            "refunded_fee": 0 if one.refunds else None,
            "failed": _unix(one.failed),
            "charged_back": _unix(one.charged_back),
            "charged_back_amount": _number(one.charged_back_amount or None),
            "metadata": terms.metadata or [],
            "flow_data": [] if one.is_final else _flow_data(one),
            "flow": "hpp",
            "payment_flow": "charge",
            "created": _unix(one.created),
            "updated": _unix(one.updated),
            "payload": _payload(one) or (None if created_now else []),
            "description": terms.description,
            "descriptor": terms.descriptor or f"SANDBOX:Order №:{terms.reference_id}",
            "callback_url": terms.callback_url,
            "return_url": terms.return_url,
            "return_urls": terms.return_urls or [],
            "original_data": None if created_now else [],
            "rrn": None,
            "arn": None,
            "approval_code": one.paid_by.approval_code if paid and one.paid_by else None,
            "reserved_amount": None,
            "reserve_expires": None,
            "unreserved": None,
            "source": "merchant_api",
            "callback_logs": [],
            "hpp_url": f"{one.origin}{API_PREFIX}/redirect/hpp/?cpi={one.id}",
            "refunds": [refund(each, one) for each in one.refunds],
            "reserves": [],
            "reserve_options": None,
        },
        "relationships": _relationships(one),
        "links": {"self": f"/api/payment-invoices/{one.id}"},
    }


def _flow_data(one: Invoice) -> dict[str, Any]:
    return {
        "action": page_url(one),
        "method": "GET",
        "params": [],
        "metadata": {"sid": one.session, "token": one.bearer},
    }


def _payload(one: Invoice) -> dict[str, Any] | None:
    attempt = one.paid_by
    if attempt is None or not attempt.card.test_card:
        return None
    card = attempt.card
    details = {"eci": "02", "version": "2.2.0"}
    return {
        "client_ip": "127.0.0.1",
        "token": one.issued_token,
        "auth_type": "card",
        "payment_card": {
            "first": card.masked[:6],
            "last": card.masked[-4:],
            "mask": card.masked,
            # A real callback had no brand, but a network.
            "brand": card.scheme if cards.by_name(card.test_card).challenge else None,
            "network": card.scheme,
            "type": "debit",
            "holder": card.name,
            "expiry_month": card.exp_month,
            "expiry_year": card.exp_year,
            "issuer_name": "FIRST DATA CORPORATION",
            "issuer_country": "US",
            "card_id": f"card_{card.fingerprint}",
            "verification": [{"type": "3ds", "details": details}] if attempt.authenticated else [],
        },
    }


def _relationships(one: Invoice) -> dict[str, Any]:
    related = {
        "payment-service": {"data": {"type": "payment-services", "id": one.terms.service}},
        "payment-method": {"data": {"type": "payment-methods", "id": "payment_card"}},
    }
    if one.terms.customer is not None:
        related["customer"] = {"data": {"type": "customers", "id": one.customer_id}}
    if one.attempts:
        related["active-payment"] = {"data": {"type": "payments", "id": one.attempts[-1].id}}
    return related


def _customer(one: Invoice) -> dict[str, Any]:
    return {"type": "customers", "id": one.customer_id, "attributes": one.terms.customer or []}


def _number(amount: Decimal | None) -> Decimal | None:
    """Return an amount without the zeros at its end, which a PHP number does not have."""
    return None if amount is None else amount.normalize()


def _unix(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
