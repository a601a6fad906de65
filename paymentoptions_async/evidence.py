"""What the transport recorded of one exchange with a gateway.

Whether a request may have left this machine is decided from here alone, never from the class of an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Left(StrEnum):
    """Did a byte of the request leave?"""

    NOTHING = "nothing"
    """Proven: no byte of the request was handed to a socket."""
    MAYBE = "maybe"
    """It left, or nothing proves that it did not."""


class Stage(StrEnum):
    """How far an exchange came, in the order of the stages."""

    POOL = "pool"
    """Waiting for a free connection."""
    CONNECT = "connect"
    """Looking up the name, connecting, or shaking hands over TLS."""
    SENDING = "sending"
    """A connection was ours; the request was being written or waited for its answer."""
    HEADERS = "headers"
    """The answer's status and headers arrived."""
    BODY = "body"
    """Part of the answer's body arrived."""
    DONE = "done"
    """The whole answer arrived."""


@dataclass(slots=True)
class Evidence:
    """The transport's record of one exchange. Holds no request data.

    Nobody changes one, but it is not frozen: freezing costs 1.5 µs in each exchange.

    ``failure`` is None when the whole answer arrived; otherwise one of ``refused``, ``dns``, ``tls``, ``connect``,
    ``pool``, ``reset``, ``eof``, ``protocol``, ``too_large``, ``deadline``, ``cancelled``, ``unproven``.
    ``elapsed`` is in seconds, ``attempts`` counts the tries including this one.
    """

    left: Left
    stage: Stage
    failure: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    elapsed: float = 0.0
    attempts: int = 1

    @property
    def not_sent(self) -> bool:
        """True only where it is proven that no byte of the request left."""
        return self.left is Left.NOTHING

    def __str__(self) -> str:
        said = f"HTTP {self.http_status}" if self.http_status is not None else "no answer"
        why = f", {self.failure} at {self.stage}" if self.failure else ""
        gone = "nothing left this machine" if self.not_sent else "the request may have left"
        return f"{said}{why}; {gone}"


NO_EVIDENCE = Evidence(Left.MAYBE, Stage.SENDING, failure="unproven")
"""What is assumed where a transport recorded nothing: the request may have left."""
