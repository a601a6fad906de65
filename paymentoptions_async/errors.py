"""Every exception of the package.

::

    PaymentOptionsError
    ├── InvalidValue (ValueError)      a value breaks a rule; nothing was sent
    ├── ConfigurationError             settings are missing or unsafe; nothing was sent
    ├── NotAllowed                     a rule refused the operation before sending
    ├── IdempotencyConflict            the same key with another amount, currency, parent, instrument or operation
    ├── JournalUnavailable             the journal can't promise to remember
    ├── MayBeCalledAgain               nothing happened: the same key may be used again
    │   ├── NotSent                    proven: no byte of the request left
    │   ├── InvalidRequest             the gateway refused the request as malformed
    │   ├── AuthenticationFailed       the gateway refused the keys
    │   └── RateLimited                the gateway refused for load
    ├── OutcomeUnknown                 the operation may or may not have happened
    ├── EnvironmentMismatch            the answer is of another environment or merchant
    ├── Contradiction                  later evidence contradicts what is settled
    ├── NotApproved                    `Payment.require_approved` on one that is not
    ├── GatewayUnavailable             a question (GET) was not answered; nothing changed
    ├── NotFinal (TimeoutError)        `wait` reached its deadline
    └── WebhookRejected                a webhook's or return's token, size or path is bad

A decline is an answer, not an error: it is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from paymentoptions_async.evidence import Evidence
    from paymentoptions_async.payment import Payment


class PaymentOptionsError(Exception):
    """The root. Every exception says which intent and operation it is about, and the gateway's request id if known."""

    def __init__(
        self,
        message: str,
        *,
        ref: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
        payment: Payment | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__(message)
        self.ref = ref if ref is not None else (payment.ref if payment is not None else None)
        self.operation = operation if operation is not None else (payment.operation if payment is not None else None)
        self.evidence = evidence
        self.payment = payment
        self.request_id = request_id if request_id is not None else (evidence.request_id if evidence else None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))

    def bare(self) -> Self:
        """The same without the frames that it passed and what it was raised because of: their locals are nobody's.

        `copy.copy` may keep both: some libraries teach it and pickle to.
        """
        rebuild, parts = self.__reduce__()
        found: Self = rebuild(*parts)
        return found


class InvalidValue(PaymentOptionsError, ValueError):
    """A value breaks a rule. The message names the field, the rule, and where the rule comes from."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class ConfigurationError(PaymentOptionsError):
    """Settings are missing, contradict each other, or are unsafe; also a client used where it can't work."""


class NotAllowed(PaymentOptionsError):
    """A rule refused the operation before anything was sent; the message says which, and what may be done."""


class IdempotencyConflict(PaymentOptionsError):
    """The idempotency key stands for another request. ``fields`` names what differs, never card data."""

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), **about: Any) -> None:
        super().__init__(message, **about)
        self.fields = fields


class JournalUnavailable(PaymentOptionsError):
    """The journal can't promise to remember. Raised before sending, or instead of an answer it could not keep."""


class MayBeCalledAgain(PaymentOptionsError):
    """Nothing happened. The same call may be made again under the same key, and keeps its reference."""


class NotSent(MayBeCalledAgain):
    """It is proven that no byte of the request left this machine."""


class InvalidRequest(MayBeCalledAgain):
    """The gateway refused the request itself (HTTP 400, 404, 405, 406, 412, 413, 415, 422; inferred)."""


class AuthenticationFailed(MayBeCalledAgain):
    """The gateway refused the API key or x-api-key (HTTP 401, 403; inferred)."""


class RateLimited(MayBeCalledAgain):
    """The gateway refused for load (HTTP 429; inferred). ``retry_after`` is in seconds where it was said."""

    def __init__(self, message: str, *, retry_after: float | None = None, **about: Any) -> None:
        super().__init__(message, **about)
        self.retry_after = retry_after


class OutcomeUnknown(PaymentOptionsError):
    """The operation may or may not have happened. Never repeat it under another key before it is settled.

    Carries the `Payment` (status UNKNOWN, or PENDING while the exchange still runs in the background), the evidence,
    and in ``settled_by`` what can settle it.
    """

    payment: Payment

    def __init__(self, message: str, *, settled_by: tuple[str, ...] = (), **about: Any) -> None:
        super().__init__(message, **about)
        self.settled_by = settled_by


class EnvironmentMismatch(PaymentOptionsError):
    """The answer is of another environment (`is_live`) or merchant. It was recorded; this client charges no more."""


class Contradiction(PaymentOptionsError):
    """Later evidence contradicts what was settled. Both stand in the journal's history; a person must look."""

    payment: Payment


class NotApproved(PaymentOptionsError):
    """`Payment.require_approved` was called on a payment that is not approved."""

    payment: Payment


class GatewayUnavailable(PaymentOptionsError):
    """A question was not answered in time or not readably. Nothing changed; ask again later."""


class NotFinal(PaymentOptionsError, TimeoutError):
    """`wait` reached its deadline. ``payment`` is the last known state."""

    payment: Payment


class WebhookRejected(PaymentOptionsError):
    """A webhook or return was refused. ``http_status`` is what to answer with."""

    def __init__(self, message: str, *, http_status: int = 404, **about: Any) -> None:
        super().__init__(message, **about)
        self.http_status = http_status


def _rebuild(kind: type[PaymentOptionsError], args: tuple[Any, ...], state: Mapping[str, Any]) -> PaymentOptionsError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
