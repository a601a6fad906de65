"""How Corefy talks: HTTP Basic and a bearer instead of keys, and errors in JSON:API's form."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from paymentoptions_async.sandbox.dialect import is_same
from paymentoptions_async.sandbox.endpoint import Endpoint, Problem, Refused
from paymentoptions_async.sandbox.gateway import RequestLine
from paymentoptions_async.sandbox.replies import Reply

from . import resources
from .books import CorefyBooks
from .settings import CARDGATE_PREFIX, CorefySettings


class CorefyDialect:
    """The `Dialect` of Corefy's two APIs."""

    content_types = ("application/json", "application/vnd.api+json")
    invalid_status = 422

    def __init__(self, settings: CorefySettings, books: CorefyBooks) -> None:
        self._settings = settings
        self._books = books

    def check_keys(self, endpoint: Endpoint, request: Request) -> None:
        """Raise Refused unless the account's key is right, or at the cardgate the bearer of an invoice."""
        if endpoint.prefix == CARDGATE_PREFIX:
            if self._books.by_bearer(bearer_of(request)) is None:
                raise Refused(401, "The bearer is wrong or has expired.", "unauthorized")
            return
        wanted = f"{self._settings.account_id}:{self._settings.api_key}"
        if not is_same(_basic(request), wanted):
            raise Refused(401, "The account id or the API key is wrong.", "unauthorized")

    def refusal(self, refused: Refused) -> Reply:
        """Refuse in JSON:API's form, with one error for each problem."""
        return resources.errors(refused.status, refused.problems or (Problem(refused.message, ""),))

    def failure(self, status: int, message: str) -> Reply:
        """Answer an error that says nothing of the request."""
        return resources.errors(status, (Problem(message, ""),))

    def headers(self, request_id: str) -> dict[str, str]:
        """Return a name for the request (inferred; no sample shows headers)."""
        return {"x-request-id": request_id}

    def note_request(self, line: RequestLine, body: Mapping[str, Any], request: Request) -> None:
        """Enter the invoice that the path or the bearer names, or the reference of a new one."""
        invoice = self._books.find(request.path_params.get("invoice_id", ""))
        if invoice is None and line.path.startswith(CARDGATE_PREFIX):
            invoice = self._books.by_bearer(bearer_of(request))
        if invoice is not None:
            line.transaction_id, line.merchant_txn_ref = invoice.id, invoice.terms.reference_id
        elif body:
            line.merchant_txn_ref = body["data"]["attributes"].get("reference_id")

    def note_reply(self, line: RequestLine, body: Mapping[str, Any]) -> None:
        """Enter what was said of the invoice, sale or refund."""
        data = body.get("data", body)
        if isinstance(data, list):
            line.message = f"{len(data)} invoices"
            return
        said = data.get("attributes", data)
        if data.get("type") == "payment-invoices":
            line.transaction_id = data["id"]
        line.message = (
            f"{said.get('status')}, {said['resolution']}" if "resolution" in said else str(said.get("status"))
        )


def bearer_of(request: Request) -> str:
    """Return the bearer that a request carries, empty without one."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _basic(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
