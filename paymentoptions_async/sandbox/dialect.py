"""How the first gateway talks: its two keys, its two shapes of a refusal, and what the log says of an answer."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from . import replies
from .endpoint import Endpoint, Refused
from .gateway import RequestLine
from .replies import Reply
from .settings import Settings


class PaymentOptionsDialect:
    """The `Dialect` of the first gateway."""

    content_types = ("application/json",)
    invalid_status = 400

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check_keys(self, _: Endpoint, request: Request) -> None:
        """Raise Refused unless both keys are right."""
        # The front door checks x-api-key before the gateway sees the request (inferred from the vendor's set-up).
        if not is_same(request.headers.get("x-api-key", ""), self._settings.x_api_key):
            raise Refused(403, "Forbidden", None)
        given = request.headers.get("authorization", "")
        credential = given[6:].strip() if given[:6].lower() == "basic " else given
        if not any(is_same(credential, accepted) for accepted in _encodings(self._settings.api_key)):
            raise Refused(401, "Unauthorized.", "UNAUTHORIZED")

    def refusal(self, refused: Refused) -> Reply:
        """Refuse as the gateway, or without a code as its front door."""
        if refused.code is None:
            return replies.front_door(refused.status, refused.message)
        return replies.refusal(refused.status, refused.message, refused.code, self._settings)

    def failure(self, status: int, message: str) -> Reply:
        """Answer as the front door does."""
        return replies.front_door(status, message)

    def headers(self, request_id: str) -> dict[str, str]:
        """Return the cloud's own name for the request."""
        return {"x-amzn-requestid": request_id}

    def note_request(self, line: RequestLine, body: Mapping[str, Any], _: Request) -> None:
        """Enter the reference."""
        line.merchant_txn_ref = body.get("merchant_txn_ref")

    def note_reply(self, line: RequestLine, body: Mapping[str, Any]) -> None:
        """Enter the transaction, and what was said of it."""
        line.transaction_id = body.get("transaction_details", {}).get("id")
        line.merchant_txn_ref = body.get("merchant_details", {}).get("merchant_txn_ref", line.merchant_txn_ref)
        line.message = _told(body)


def is_same(given: str, wanted: str) -> bool:
    """Compare two keys in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _encodings(api_key: str) -> tuple[str, ...]:
    # The documents do not say how the key is encoded; these are the ways that their texts and plug-ins use.
    with_colon = base64.b64encode(f"{api_key}:".encode()).decode()
    return with_colon, base64.b64encode(api_key.encode()).decode(), api_key


def _told(body: Mapping[str, Any]) -> str:
    if "redirect_url" in body:
        return "3-D Secure page opened"
    if "url" in body:
        return "link made"
    if "payment_details" not in body and "subscription_details" in body:
        shown = body["subscription_details"]
        return f"{len(shown)} subscriptions" if isinstance(shown, list) else f"subscription {shown['status']}"
    details = body.get("payment_details", {})
    return f"success {str(body.get('success')).lower()}, code {details.get('response_code')}"
