"""The API's front: keys, validation, faults, and a line in the log for every request.

Each endpoint goes through `Gateway.answer`, which reads as what happens to a request from its first byte to its reply.
"""

from __future__ import annotations

import base64
import hmac
import json
import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from . import replies
from .clock import Clock
from .endpoint import Endpoint, Refused
from .faults import FaultPlan
from .replies import Reply
from .settings import Settings
from .spoiling import spoiled
from .validation import RequestRules

MAX_BODY_BYTES = 64 * 1024
REQUESTS_KEPT = 10_000


@dataclass
class RequestLine:
    """One request as the sandbox saw it. `faults` are those that struck it; the body is not kept."""

    at: datetime
    request_id: str
    endpoint: str
    method: str
    path: str
    status: int = 0
    merchant_txn_ref: str | None = None
    transaction_id: str | None = None
    message: str = ""
    faults: list[str] = field(default_factory=list)


class Gateway:
    """Answer the documented operations."""

    def __init__(
        self,
        *,
        endpoints: Sequence[Endpoint],
        rules: Callable[[], RequestRules],
        plan: FaultPlan,
        clock: Clock,
        settings: Settings,
        seed: int,
        before_reading: Callable[[], None],
    ) -> None:
        self.endpoints = endpoints
        self._rules = rules
        self._plan = plan
        self._clock = clock
        self._settings = settings
        self._random = random.Random(f"{seed}:requests")  # noqa: S311  ids that a seed repeats
        self._before_reading = before_reading
        self.requests: deque[RequestLine] = deque(maxlen=REQUESTS_KEPT)

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Take one request through authentication, validation, its faults and the operation itself."""
        line = self._log(endpoint, request)
        try:
            self._check_keys(request)
            body = await self._body(endpoint, request)
        except Refused as refused:
            return self._sent(self._refusal(refused, line), line)
        except ClientDisconnect:
            line.message = "the client left before its request was whole"
            return Response(status_code=400)  # nobody reads it
        line.merchant_txn_ref = body.get("merchant_txn_ref")
        struck = self._plan.draw(endpoint.name)
        line.faults = [f"{rule.fault} {rule.when}" for rule in struck]
        for rule in (rule for rule in struck if rule.when == "before"):
            if rule.fault != "delay":
                return self._sent(spoiled(None, rule), line)
            await self._clock.sleep(rule.seconds)
        reply = self._done(endpoint, body, request, line)
        for rule in (rule for rule in struck if rule.when == "after"):
            if rule.fault == "delay":
                await self._clock.sleep(rule.seconds)
            else:
                reply = spoiled(reply, rule)
        return self._sent(reply, line)

    def _log(self, endpoint: Endpoint, request: Request) -> RequestLine:
        request_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        line = RequestLine(self._clock.now(), request_id, endpoint.name, request.method, request.url.path)
        self.requests.append(line)
        return line

    def _check_keys(self, request: Request) -> None:
        # The front door checks x-api-key before the gateway sees the request (inferred from the vendor's set-up).
        if not _same(request.headers.get("x-api-key", ""), self._settings.x_api_key):
            raise Refused(403, "Forbidden", None)
        given = request.headers.get("authorization", "")
        credential = given[6:].strip() if given[:6].lower() == "basic " else given
        if not any(_same(credential, accepted) for accepted in _encodings(self._settings.api_key)):
            raise Refused(401, "Unauthorized.", "UNAUTHORIZED")

    async def _body(self, endpoint: Endpoint, request: Request) -> Mapping[str, Any]:
        if not self._rules().takes_body(endpoint.method, endpoint.path):
            return {}
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Content-Type must be application/json.", "UNSUPPORTED_MEDIA_TYPE")
        content = b""
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_BODY_BYTES:
                raise Refused(413, f"The body is longer than {MAX_BODY_BYTES} bytes.", "TOO_LARGE")
        try:
            body = json.loads(content.decode(), parse_float=Decimal, parse_constant=_no_constant)
            if b"\\u" in content:
                json.dumps(body, ensure_ascii=False, default=str).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not JSON.", "BAD_REQUEST") from None
        if wrong := self._rules().faults(endpoint.method, endpoint.path, body):
            raise Refused(400, "; ".join(wrong), "BAD_REQUEST")
        assert isinstance(body, dict), "the document asks for objects"
        return body

    def _done(self, endpoint: Endpoint, body: Mapping[str, Any], request: Request, line: RequestLine) -> Reply:
        self._before_reading()
        try:
            reply = endpoint.handle(body, request)
        except Refused as refused:
            return self._refusal(refused, line)
        if isinstance(reply.body, dict):
            line.transaction_id = reply.body.get("transaction_details", {}).get("id")
            line.merchant_txn_ref = reply.body.get("merchant_details", {}).get(
                "merchant_txn_ref", line.merchant_txn_ref
            )
            line.message = _told(reply.body)
        return reply

    def _refusal(self, refused: Refused, line: RequestLine) -> Reply:
        line.message = refused.message
        if refused.code is None:
            return replies.front_door(refused.status, refused.message)
        return replies.refusal(refused.status, refused.message, refused.code, self._settings)

    def _sent(self, reply: Reply, line: RequestLine) -> Response:
        line.status = reply.status
        headers = {"x-amzn-requestid": line.request_id, **reply.headers}
        return Response(reply.content(), reply.status, headers, reply.content_type)


def _encodings(api_key: str) -> tuple[str, ...]:
    # The documents do not say how the key is encoded; these are the ways that their texts and plug-ins use.
    with_colon = base64.b64encode(f"{api_key}:".encode()).decode()
    return with_colon, base64.b64encode(api_key.encode()).decode(), api_key


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


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
