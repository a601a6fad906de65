"""What every part of the client stands on: settings, wire, and the making of requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Self

from paymentoptions_async import redirects
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import Door, JournalSetting
from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.flow import Call
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.handover import OnPayment
from paymentoptions_async.intent import Intent
from paymentoptions_async.payment import Payment
from paymentoptions_async.settings import Environment, Settings, from_environment, required
from paymentoptions_async.values import Card, ReturnUrls, check_merchant_id
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.opening import open_wire

if TYPE_CHECKING:
    import ssl

    import httpx


class Base(Door):
    """Settings, journal and wire of one merchant on one event loop. See `PaymentOptions` for the arguments."""

    @discreet
    def __init__(
        self,
        *,
        api_key: str,
        x_api_key: str,
        merchant_id: str,
        environment: str,
        journal: JournalSetting = None,
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
        credentials = Credentials(required("api_key", api_key), required("x_api_key", x_api_key))
        del api_key, x_api_key  # this frame may be shown in a traceback
        self._settings = Settings.check(
            merchant_id=check_merchant_id(required("merchant_id", merchant_id)),
            environment=environment,
            sandbox_url=sandbox_url,
            signing_secrets=signing_secrets,
            public_url=public_url,
            proxy=proxy,
        )
        gateway = CardGateway(self._settings)
        wire = open_wire(
            self._settings.base_url,
            credentials,
            transport=transport,
            connections=connections,
            proxy=proxy,
            ssl_context=tls,
        )
        where = self._settings.environment
        super().__init__(
            name=NAME,
            signer=self._settings.signer,
            journal=journal,
            needs_journal=where not in (Environment.SANDBOX, Environment.DEVELOPMENT),
            is_live=where.is_live,
            wires=(wire,),
            gateway=gateway,
            on_payment=on_payment,
            clock=clock,
            random=random,
        )
        self._gateway = gateway

    @classmethod
    @discreet
    def from_env(cls, **settings: Any) -> Self:
        """Make a client from ``PAYMENTOPTIONS_*``; arguments given here come first.

        Read are ``_API_KEY``, ``_X_API_KEY``, ``_MERCHANT_ID``, ``_ENVIRONMENT``, ``_JOURNAL``, ``_SIGNING_SECRETS``
        (comma-separated), ``_PUBLIC_URL``, ``_SANDBOX_URL`` and ``_PROXY``.
        """
        found = from_environment(settings)
        for name in ("api_key", "x_api_key", "merchant_id", "environment"):
            required(name, found.get(name))
        return cls(**found)

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
            return redirects.fill_urls(given, intent.ref, self._settings.signer, now=self._clock())
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

    async def _operate(self, intent: Intent, path: str, body: bytes, timeout: float) -> Payment:
        call = Call(intent, path, body, partial(self._gateway.read_operation, intent=intent))
        del body  # this frame may be shown in a traceback
        return await self._flow.operate(call, timeout=timeout)
