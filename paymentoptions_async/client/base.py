"""What every part of the client stands on: settings, journal, wire, and the making of intents."""

from __future__ import annotations

import inspect
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from paymentoptions_async import redirects, refs, transitions
from paymentoptions_async.errors import ConfigurationError, InvalidValue, NotAllowed
from paymentoptions_async.flow import Call, Flow
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.handover import Handover, OnPayment
from paymentoptions_async.intent import Intent, Record, make_scope
from paymentoptions_async.journal import Journal
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.settings import Environment, Settings, from_environment, required
from paymentoptions_async.values import Card, Money, ReturnUrls, check_merchant_id
from paymentoptions_async.webhooks import Inbox
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.guard import LoopGuard
from paymentoptions_async.wire.opening import open_wire

if TYPE_CHECKING:
    import ssl

    import httpx

    from paymentoptions_async.wire.exchange import Wire

log = logging.getLogger("paymentoptions_async")

_SHOWN = 10
"""References named in one line of the log."""


class Base:
    """Settings, journal and wire of one merchant on one event loop. See `PaymentOptions` for the arguments."""

    def __init__(
        self,
        *,
        api_key: str,
        x_api_key: str,
        merchant_id: str,
        environment: str,
        journal: str | os.PathLike[str] | Journal | None = None,
        signing_secrets: str | Sequence[str] | None = None,
        public_url: str | None = None,
        sandbox_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 100,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        on_payment: OnPayment | None = None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._settings = Settings.check(
            merchant_id=check_merchant_id(required("merchant_id", merchant_id)),
            environment=environment,
            sandbox_url=sandbox_url,
            signing_secrets=signing_secrets,
            public_url=public_url,
            proxy=proxy,
        )
        self._scope = make_scope(NAME, self._settings.environment.value, self._settings.merchant_id)
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._guard = LoopGuard()
        self._closed = False
        self._owns_journal = journal is None or isinstance(journal, (str, os.PathLike))
        self._journal = _open_journal(journal, self._settings.environment, clock)
        self._gateway = CardGateway(self._settings)
        self._wire: Wire = open_wire(
            self._settings.base_url,
            Credentials(required("api_key", api_key), required("x_api_key", x_api_key)),
            transport=transport,
            connections=connections,
            proxy=proxy,
            ssl_context=tls,
        )
        self._flow = Flow(journal=self._journal, wire=self._wire, gateway=self._gateway, random=self._random)
        self.webhooks = Inbox(self._flow, self._settings.signer, scope=self._scope, clock=clock, random=self._random)
        """Takes in webhooks: ``await gateway.webhooks.receive(ref, token, headers=…, body=…)``."""
        self._handover: Handover | None = None
        if on_payment is not None:
            self._handover = Handover(self._journal, self._scope, check_handler(on_payment), random=self._random)
            self._flow.on_record = self._handover.look

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """Make a client from ``PAYMENTOPTIONS_*``; arguments given here come first.

        Read are ``_API_KEY``, ``_X_API_KEY``, ``_MERCHANT_ID``, ``_ENVIRONMENT``, ``_JOURNAL``, ``_SIGNING_SECRETS``
        (comma-separated), ``_PUBLIC_URL``, ``_SANDBOX_URL`` and ``_PROXY``.
        """
        found = from_environment(settings)
        for name in ("api_key", "x_api_key", "merchant_id", "environment"):
            required(name, found.get(name))
        return cls(**found)

    async def drain(self) -> None:
        """Wait for all that goes on in the background: exchanges, confirmations, and events due for ``on_payment``.

        For tests; a client that is closed does the same first.
        """
        await self._flow.drain()
        if self._handover is not None:
            await self._handover.drain()
            await self._flow.drain()

    async def aclose(self) -> None:
        """Let what is on the wire come to its end, then close pool and journal.

        Idempotent; one that was cancelled meanwhile is taken up again where it stopped.
        """
        self._closed = True
        self.webhooks.close()
        await self._flow.drain()
        if self._handover is not None:
            await self._handover.stop()
            await self._flow.drain()
        await self._wire.aclose()
        if self._owns_journal:
            await self._journal.aclose()

    async def __aenter__(self) -> Self:
        """Open the journal, report what is past its deadline, and take up what an earlier process left."""
        self._check_usable()
        try:
            await self._look_back()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _look_back(self) -> None:
        unresolved = await self._journal.unresolved(self._scope)
        self._check_secrets(unresolved)
        lapsed = [record.ref for record in unresolved if record.payment.doubts == (transitions.LAPSED,)]
        if lapsed:
            shown = ", ".join(lapsed[:_SHOWN]) + (", …" if len(lapsed) > _SHOWN else "")
            log.warning("%d payments passed their deadline without an answer; unresolved() has %s", len(lapsed), shown)
        if self._handover is not None:
            await self._handover.start()
        await self.webhooks.take_up()

    def _check_secrets(self, unresolved: Sequence[Record]) -> None:
        """No secret is retired while an open payment's webhook needs it."""
        accepted = {None, *self._settings.signer.key_ids}
        orphaned = [record.ref for record in unresolved if record.intent.signing_key not in accepted]
        if orphaned:
            raise ConfigurationError(
                f"signing_secrets: {len(orphaned)} open payments ({orphaned[0]}, …) have webhook URLs signed with a "
                "secret that is no longer among them; add it again, behind the others, until they are settled"
            )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<PaymentOptions {self._settings.environment} {self._settings.merchant_id}>"

    def _intent(self, operation: Operation, *, idempotency_key: str, **about: Any) -> Intent:
        key = refs.check_key("idempotency_key", idempotency_key)
        for name in ("order", "supersedes"):
            if about.get(name) is not None:
                refs.check_key(name, about[name])
        if about.get("supersedes") is not None and about.get("order") is None:
            raise InvalidValue("supersedes: needs order=, because attempts are grouped by it", field="supersedes")
        environment, merchant_id = self._settings.environment.value, self._settings.merchant_id
        return Intent(
            gateway=NAME,
            environment=environment,
            merchant_id=merchant_id,
            operation=operation,
            idempotency_key=key,
            ref=refs.make_ref(
                gateway=NAME,
                environment=environment,
                merchant_id=merchant_id,
                family=operation.family,
                idempotency_key=key,
            ),
            signing_key=None if operation.follows else next(iter(self._settings.signer.key_ids), None),
            **about,
        )

    def _check_card(self, card: Card | None) -> None:
        if not isinstance(card, Card):
            raise InvalidValue(f"card: needs a Card, got {type(card).__name__}", field="card")
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        if self._settings.environment.is_live and card.is_expired(today):
            raise InvalidValue("card.expiry: the card's last month is over", field="card.expiry_month")

    def _urls(
        self, intent: Intent, *, given: ReturnUrls | None, without_webhook: bool, with_cancel: bool = False
    ) -> ReturnUrls | None:
        """The URLs of a payment. Without a webhook of ours nobody may ever learn an outcome whose answer was lost."""
        if given is not None:
            return redirects.fill_urls(given, intent.ref, self._settings.signer)
        if self._settings.public_url is not None:
            return redirects.make_urls(
                self._settings.public_url,
                intent.ref,
                self._settings.signer,
                now=self._clock(),
                with_cancel=with_cancel,
            )
        if without_webhook:
            return None
        raise NotAllowed(
            "no webhook URL: set public_url and signing_secrets, or pass return_urls; without_webhook=True insists, "
            "and then nobody may ever learn the outcome of a lost answer",
            ref=intent.ref,
            operation=intent.operation,
        )

    def _check_usable(self) -> None:
        self._guard.check()
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")

    async def _operate(self, intent: Intent, path: str, body: bytes, timeout: float) -> Payment:
        call = Call(intent, path, body, partial(self._gateway.read_operation, intent=intent))
        del body  # this frame may be shown in a traceback
        return await self._flow.operate(call, timeout=timeout)


def check_amount(amount: object) -> Money:
    """Return an amount to move, or raise `InvalidValue`: a `Money` above zero."""
    if not isinstance(amount, Money):
        raise InvalidValue(f"amount: needs a Money, got {type(amount).__name__}", field="amount")
    if not amount.is_positive:
        raise InvalidValue("amount: needs to be above zero", field="amount")
    return amount


def check_handler(handler: object) -> OnPayment:
    """Return an ``on_payment`` handler, or raise `ConfigurationError`: it is called with one event, and awaited."""
    called = handler if inspect.isroutine(handler) else getattr(handler, "__call__", None)  # noqa: B004  its kind
    if not inspect.iscoroutinefunction(called):
        raise ConfigurationError("on_payment: needs a coroutine function that takes one PaymentEvent")
    return cast("OnPayment", handler)


def _open_journal(
    given: str | os.PathLike[str] | Journal | None, environment: Environment, clock: Callable[[], float]
) -> Journal:
    if given is None and environment not in (Environment.SANDBOX, Environment.DEVELOPMENT):
        raise ConfigurationError(f"journal is not set, and {environment} needs a durable one: pass journal=…")
    named = "memory:" if given is None else given
    journal = open_journal(named, clock=clock) if isinstance(named, (str, os.PathLike)) else named
    if environment.is_live and not journal.durable:
        raise ConfigurationError("journal: live payments need one that survives the process")
    return journal
