"""The two small types every wire speaks: a request, and a reply with evidence."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.evidence import Evidence
from paymentoptions_async.wire.credentials import Authentication

_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
"""What a path may hold as it is (RFC 3986, 3.3 and 3.4); everything else must come percent-encoded."""

_METHODS = frozenset({"GET", "POST"})


def uptime() -> float:
    """Seconds that go on while the machine sleeps, where the system has such a clock; the event loop's stands still."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(boot_clock)


class Departure:
    """The gate that a request passes just before its first byte is written.

    The wire calls `leave` there, and writes only if it says True. Whoever waits may `forbid` it: from then on the
    request can't leave any more, and ``left`` says whether it already had. Both sides run on one event loop, so
    there is no instant between the two. ``on_forbid`` is called once the gate is closed. It closes by itself when
    `uptime` reaches ``closes_at``: a machine that slept must not send what others have taken for lost meanwhile.
    """

    __slots__ = ("closes_at", "forbidden", "left", "on_forbid")

    def __init__(self) -> None:
        self.left = False
        self.forbidden = False
        self.closes_at = math.inf
        self.on_forbid: Callable[[], object] | None = None

    def leave(self) -> bool:
        """Record that the first byte is about to be written; False means that it must not be."""
        if uptime() >= self.closes_at:
            self.forbidden = True
        if self.forbidden:
            return False
        self.left = True
        return True

    def forbid(self) -> bool:
        """Close the gate; True if nothing had left."""
        if self.left:
            return False
        self.forbidden = True
        if self.on_forbid is not None:
            self.on_forbid()
        return True


@dataclass(slots=True, repr=False)
class Request:
    """One HTTP request to the gateway.

    ``method`` is GET or POST. ``path`` is joined to the wire's base URL and sent as it is: InvalidValue where it is
    not percent-encoded or has ``..`` in it, because it could then ask for something else than was meant.
    ``deadline`` is an instant of the running loop's clock, in seconds; the wire gives up there. ``charging`` asks for
    a connection that is fresh or was used within the last 2 seconds. ``authentication`` is sent instead of the wire's
    own.
    The body may hold a card number: it appears in no repr.
    """

    method: str
    path: str
    deadline: float
    body: bytes | None = None
    charging: bool = False
    departure: Departure = field(default_factory=Departure)
    authentication: Authentication | None = None

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise InvalidValue("method: must be GET or POST.", field="method")
        if not _PATH.fullmatch(self.path) or ".." in self.path:
            raise InvalidValue("path: must be an absolute path, percent-encoded, without '..'.", field="path")

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


class Reply:
    """What came back. ``status`` is None where no status line arrived; ``body`` is whole if evidence.failure is None.

    The body may hold a card number until `paymentoptions_async.replies` has masked it: it appears in no repr, and is
    kept where nothing that lists attributes finds it, because replies are among the locals of many a traceback.
    """

    __slots__ = ("_reveal_body", "evidence", "headers", "status")

    def __init__(self, status: int | None, headers: Mapping[str, str], body: bytes, evidence: Evidence) -> None:
        self.status = status
        self.headers = headers
        self.evidence = evidence
        self._reveal_body: Callable[[], bytes] = lambda: body

    @property
    def body(self) -> bytes:
        """What followed the headers."""
        return self._reveal_body()

    def __repr__(self) -> str:
        return f"<Reply {self.evidence}>"


class Wire(Protocol):
    """What sends. Holds base URL, credentials and pool."""

    async def send(self, request: Request) -> Reply:
        """Send once, follow no redirect, send nothing again, raise nothing but CancelledError.

        Every failure is a reply whose evidence says how far the exchange came.
        """
        ...

    async def aclose(self) -> None:
        """Close the pool. Idempotent."""
        ...
