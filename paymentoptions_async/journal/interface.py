"""What every journal does.

Rules live in `paymentoptions_async.admission` and `paymentoptions_async.transitions`; a journal calls them with the
rows locked and keeps what they decide. A journal never talks to a gateway, and never keeps a card number, CVC or key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from paymentoptions_async.admission import Admission
from paymentoptions_async.intent import (
    Change,
    Entry,
    Intent,
    Notice,
    NoticeState,
    PaymentEvent,
    Place,
    Record,
    Visits,
)

Decide = Callable[[Record], Change | None]
"""Looks at a locked record and says what changes; None for nothing. Pure, and may be called again after a conflict."""


class Journal(Protocol):
    """The one interface. Every method may raise `JournalUnavailable`; times are seconds.

    When a method returns, what it wrote is as durable as the journal can make it (``durable``). A journal may serve
    several merchants; ``scope`` (`Intent.scope`) names one in one environment. It is opened by its first use.
    """

    durable: bool
    """True where what was written survives the process."""

    async def admit(self, intent: Intent, *, owner: str, lease: float) -> Admission:
        """Insert an intent as SENDING for ``owner`` and ``lease`` seconds, or return what stands under its key.

        One transaction: the rules of `admission.may_send` are applied with the key, the order and the parent locked,
        and may raise `IdempotencyConflict` or `NotAllowed`. Intents that were proven not sent, or were refused, are
        claimed again by compare-and-swap.
        """
        ...

    async def change(self, ref: str, decide: Decide) -> Record:
        """Lock a record, apply ``decide``, keep the result with a line of history, and return the record.

        Where the change is news (`transitions.is_news`) and the scope's events are kept, its event is kept with it.
        """
        ...

    async def get(self, ref: str) -> Record | None:
        """The record of a reference, as it reads now (`transitions.as_of`)."""
        ...

    async def find(self, transaction_id: str) -> Record | None:
        """The record that has a gateway transaction of this id, duplicates and renewals included."""
        ...

    async def about(self, transaction_id: str, ref: str) -> Record | None:
        """The record that has a gateway transaction of this id; where none has, that of a reference."""
        ...

    async def followers(self, ref: str) -> Sequence[Record]:
        """The captures and void of a charge and the refunds of both, as they read now; ``ref`` is the parent's.

        Those whose intent names the parent's transaction id are among them: the journal did not know it then.
        """
        ...

    async def history(self, ref: str) -> Sequence[Entry]:
        """All that was ever recorded of a reference, oldest first."""
        ...

    async def unresolved(self, scope: str, *, older_than: float = 0.0, in_flight: bool = False) -> Sequence[Record]:
        """What is not final, oldest first, opened at least ``older_than`` seconds ago.

        What is in flight is among it only where ``in_flight`` asks for that.
        """
        ...

    async def records(self, scope: str, *, after: str = "", limit: int = 1000) -> Sequence[Record]:
        """A page of all records in the order of their references, from the one behind ``after`` on."""
        ...

    async def changed(self, ref: str, *, after: int, timeout: float) -> Record | None:
        """Wait until a record's version is above ``after``, at most ``timeout`` seconds; the record as it then is.

        Also returns when the owner's deadline passes, because then an intent in flight reads as UNKNOWN.
        """
        ...

    async def note(self, notice: Notice) -> bool:
        """Record a webhook with the time. False if the same one stands already (same reference and digest)."""
        ...

    async def close_notice(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        """Say what became of a webhook."""
        ...

    async def notices(self, ref: str, *, state: NoticeState | None = None) -> Sequence[Notice]:
        """Webhooks under a reference, oldest first, in one state or any."""
        ...

    async def waiting_notices(self, scope: str, *, limit: int = 100) -> Sequence[Notice]:
        """Webhooks of known payments that no status query has answered yet, oldest first."""
        ...

    async def orphans(self, scope: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000) -> Sequence[Notice]:
        """Webhooks that belong to no payment: nobody knows their reference, or they were rejected.

        A page of them in the order of reference and digest, from the one behind ``after`` on.
        """
        ...

    async def keep_events(self, scope: str) -> None:
        """From now on keep an event of every change that is news, until it is closed. Repeating it changes nothing."""
        ...

    async def claim_events(self, scope: str, *, owner: str, lease: float, limit: int) -> Sequence[PaymentEvent]:
        """Take events that are due, for ``lease`` seconds; nobody else gets them meanwhile.

        Oldest first, and of each payment only its oldest, so that its events are handed over in their order.
        """
        ...

    async def close_event(self, event_id: str, *, owner: str) -> None:
        """Forget an event that was handed over. Nothing happens where another owner has claimed it since."""
        ...

    async def put_back_event(self, event_id: str, *, owner: str, delay: float) -> None:
        """Let an event be claimed again, ``delay`` seconds from now."""
        ...

    async def claim_open(
        self, scope: str, *, owner: str, lease: float, limit: int, older_than: float = 0.0, after: Place | None = None
    ) -> Visits:
        """Take payments to ask for, for ``lease`` seconds; nobody else gets them meanwhile.

        They are neither final nor in flight, opened at least ``older_than`` seconds ago, and not put off; oldest
        first, from ``after`` on.
        """
        ...

    async def end_visit(self, ref: str, *, owner: str, again_in: float | None) -> None:
        """Let a payment be taken again, ``again_in`` seconds from now; None where there is nothing left to ask.

        Nothing happens where another owner has taken it since.
        """
        ...

    async def aclose(self) -> None:
        """Let go of files and connections. Idempotent."""
        ...
