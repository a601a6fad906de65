"""The API's front: keys, validation, faults, and a line in the log for every request.

Each endpoint goes through `Gateway.answer`, which reads as what happens to a request from its first byte to its reply.
What differs from one gateway to the other is its `Dialect`.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .clock import Clock
from .endpoint import Endpoint, Refused
from .faults import FaultPlan
from .replies import Reply
from .spoiling import refusal_of, spoiled
from .traffic import Gate, Traffic
from .validation import RequestRules

MAX_BODY_BYTES = 64 * 1024
REQUESTS_KEPT = 10_000


@dataclass
class RequestLine:
    """One request as the sandbox saw it. `faults` are those that struck it; the body is not kept.

    A request to Corefy has the invoice's id for `transaction_id` and its `reference_id` for `merchant_txn_ref`.
    """

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


class Dialect(Protocol):
    """How one gateway talks, where gateways differ."""

    @property
    def content_types(self) -> tuple[str, ...]:
        """Return the types of body that it takes."""

    @property
    def invalid_status(self) -> int:
        """Return the HTTP status of a body that breaks the document's rules."""

    def check_keys(self, endpoint: Endpoint, request: Request) -> None:
        """Raise Refused unless the request carries the right keys."""

    def refusal(self, refused: Refused) -> Reply:
        """Return the answer to a request that was refused."""

    def failure(self, status: int, message: str) -> Reply:
        """Return an answer that is not the operation's own."""

    def headers(self, request_id: str) -> dict[str, str]:
        """Return the headers of every answer."""

    def note_request(self, line: RequestLine, body: Mapping[str, Any], request: Request) -> None:
        """Enter in the log what a valid request is about."""

    def note_reply(self, line: RequestLine, body: Mapping[str, Any]) -> None:
        """Enter in the log what was answered."""


class Gateway:
    """Answer the documented operations."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        endpoints: Sequence[Endpoint],
        rules: Callable[[], RequestRules],
        plan: FaultPlan,
        clock: Clock,
        seed: str,
        log: deque[RequestLine],
        before_reading: Callable[[], None],
        traffic: Traffic,
    ) -> None:
        self.endpoints = endpoints
        self._dialect = dialect
        self._rules = rules
        self._plan = plan
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  ids that a seed repeats
        self._gate = Gate(traffic, clock, seed=seed)
        self._requests = log
        self._before_reading = before_reading

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Take one request through authentication, validation, its faults and the operation itself."""
        line = self._log(endpoint, request)
        try:
            self._dialect.check_keys(endpoint, request)
            if (refused := await self._pass(line)) is not None:
                return self._sent(refused, line)
            body = await self._body(endpoint, request)
        except Refused as refused:
            return self._sent(self._refusal(refused, line), line)
        except ClientDisconnect:
            line.message = "the client left before its request was whole"
            return Response(status_code=400)  # nobody reads it
        self._dialect.note_request(line, body, request)
        struck = self._plan.draw(endpoint.name)
        line.faults = [f"{rule.fault} {rule.when}" for rule in struck]
        for rule in (rule for rule in struck if rule.when == "before"):
            if rule.fault != "delay":
                return self._sent(spoiled(None, rule, self._dialect.failure), line)
            await self._clock.sleep(rule.seconds)
        reply = self._done(endpoint, body, request, line)
        for rule in (rule for rule in struck if rule.when == "after"):
            if rule.fault == "delay":
                await self._clock.sleep(rule.seconds)
            else:
                reply = spoiled(reply, rule, self._dialect.failure)
        return self._sent(reply, line)

    async def _pass(self, line: RequestLine) -> Reply | None:
        """Wait until the gateway has time for a request; return its refusal where it has none."""
        passage = self._gate.pass_on()
        if passage.wait:
            await self._clock.sleep(passage.wait)
        if passage.status is None:
            return None
        line.message = "refused by the traffic's limits"
        return refusal_of(passage.status, self._dialect.failure, seconds=passage.retry_after)

    def _log(self, endpoint: Endpoint, request: Request) -> RequestLine:
        request_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        line = RequestLine(self._clock.now(), request_id, endpoint.name, request.method, request.url.path)
        self._requests.append(line)
        return line

    async def _body(self, endpoint: Endpoint, request: Request) -> Mapping[str, Any]:
        if not self._rules().takes_body(endpoint.method, endpoint.path):
            return {}
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in self._dialect.content_types:
            wanted = " or ".join(self._dialect.content_types)
            raise Refused(415, f"Content-Type must be {wanted}.", "UNSUPPORTED_MEDIA_TYPE")
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
        if wrong := self._rules().problems(endpoint.method, endpoint.path, body):
            message = "; ".join(problem.sentence for problem in wrong)
            raise Refused(self._dialect.invalid_status, message, "BAD_REQUEST", wrong)
        assert isinstance(body, dict), "the document asks for objects"
        return body

    def _done(self, endpoint: Endpoint, body: Mapping[str, Any], request: Request, line: RequestLine) -> Reply:
        self._before_reading()
        try:
            reply = endpoint.handle(body, request)
        except Refused as refused:
            return self._refusal(refused, line)
        if isinstance(reply.body, dict):
            self._dialect.note_reply(line, reply.body)
        return reply

    def _refusal(self, refused: Refused, line: RequestLine) -> Reply:
        line.message = refused.message
        return self._dialect.refusal(refused)

    def _sent(self, reply: Reply, line: RequestLine) -> Response:
        line.status = reply.status
        headers = {**self._dialect.headers(line.request_id), **reply.headers}
        return Response(reply.content(), reply.status, headers, reply.content_type)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
