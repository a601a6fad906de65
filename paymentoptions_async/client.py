"""PaymentOptions: the one door. Each method reads as its story."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from paymentoptions_async import policy, polling, redirects, refs, requests, transitions
from paymentoptions_async.errors import ConfigurationError, EnvironmentMismatch, InvalidValue, NotAllowed
from paymentoptions_async.flow import Call, Flow, require_answer
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.intent import Entry, Intent
from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.payment import Operation, Payment, PaymentStatus
from paymentoptions_async.settings import Environment, Settings, from_environment, required
from paymentoptions_async.values import (
    Address,
    BrowserInfo,
    Card,
    Money,
    ReturnUrls,
    check_customer_ip,
    check_merchant_id,
    check_time_zone,
)
from paymentoptions_async.webhooks import Inbox
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Wire
from paymentoptions_async.wire.guard import LoopGuard
from paymentoptions_async.wire.opening import open_wire

if TYPE_CHECKING:
    import ssl

    import httpx


class PaymentOptions:
    """A client of the PaymentOptions gateway for one merchant, on one event loop. Use it as ``async with``.

    Args:
        api_key: The API key, raw, or ready encoded (beginning with ``Basic``) as the portal shows it.
        x_api_key: The second key, which goes into ``x-api-key``.
        merchant_id: The DASMID.
        environment: ``live``, ``staging``, ``development`` or ``sandbox``. No default.
        journal: ``"memory:"`` or a `Journal`. Required outside sandbox and development, and must be durable there.
        signing_secrets: Sign return and webhook URLs. The first signs, all are accepted; 16 bytes or more each.
        public_url: Where the gateway and buyers reach this application; return and webhook URLs are made below it.
        sandbox_url: Where the sandbox listens, on loopback; for environment ``sandbox`` alone.
        transport: Any `httpx.AsyncBaseTransport` to send through instead of the default pool.
        connections: How many exchanges may be under way at once.
        proxy: URL of an HTTP proxy for the default pool.
        tls: TLS context for the default pool.
        clock: Gives Unix seconds.
        random: Gives the jitter of retries.

    Raises:
        ConfigurationError: A setting is missing or unsafe. Nothing was sent.
    """

    def __init__(
        self,
        *,
        api_key: str,
        x_api_key: str,
        merchant_id: str,
        environment: str,
        journal: str | Journal | None = None,
        signing_secrets: str | Sequence[str] | None = None,
        public_url: str | None = None,
        sandbox_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 100,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
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
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._guard = LoopGuard()
        self._closed = False
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
        self.webhooks = Inbox(self._flow, self._settings.signer, clock=clock)
        """Takes in webhooks: ``await gateway.webhooks.receive(ref, token, headers=…, body=…)``."""

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

    async def purchase(
        self,
        amount: Money,
        *,
        card: Card,
        billing_address: Address,
        customer_ip: str,
        idempotency_key: str,
        order: str | None = None,
        supersedes: str | None = None,
        shipping_address: Address | None = None,
        browser_info: BrowserInfo | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        time_zone: str | None = None,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Charge a card (``paymentv2``): approved, declined, or ACTION_REQUIRED with a ``redirect_url`` for the buyer.

        Args:
            amount: What to charge, in major units.
            card: The buyer's card. Kept nowhere.
            billing_address: Required by the gateway (seed 002).
            customer_ip: The buyer's IP address.
            idempotency_key: Names this attempt. The same key again never charges again.
            order: Groups attempts: while one is paid, unknown or in flight, a new one is refused.
            supersedes: The reference of an attempt of this order that waits for its buyer and is given up.
            shipping_address: Where the goods go.
            browser_info: What 3-D Secure wants to know of the buyer's browser.
            return_urls: Instead of those made from ``public_url``; its webhook URL contains ``{ref}`` and ``{token}``.
            without_webhook: Charge although nobody may ever learn the outcome if the answer is lost.
            time_zone: The buyer's IANA time zone.
            timeout: Bounds this call, seconds. The exchange goes on behind it for at least 35 s.

        Raises:
            InvalidValue, NotAllowed, IdempotencyConflict, JournalUnavailable: Nothing was sent.
            NotSent, InvalidRequest, AuthenticationFailed, RateLimited: Nothing happened; call again with the same key.
            OutcomeUnknown: It may have been charged. Carries the payment.
            EnvironmentMismatch: The answer is of another environment or merchant.
        """
        self._check_usable()
        policy.check_timeout(timeout)
        self._check_chargeable(amount, card)
        intent = self._intent(
            Operation.PURCHASE,
            idempotency_key,
            amount=amount,
            instrument=_instrument(card),
            order=order,
            supersedes=supersedes,
        )
        body = requests.purchase_body(
            ref=intent.ref,
            merchant_id=self._settings.merchant_id,
            amount=amount,
            card=card,
            billing_address=billing_address,
            customer_ip=check_customer_ip(customer_ip),
            shipping_address=shipping_address,
            browser_info=browser_info,
            return_urls=self._urls(intent, return_urls, without_webhook=without_webhook),
            time_zone=None if time_zone is None else check_time_zone(time_zone),
        )
        call = Call(intent, requests.PURCHASE, body, partial(self._gateway.read_operation, intent=intent))
        del body, card  # this frame may be shown in a traceback
        return await self._flow.operate(call, timeout=timeout)

    async def status(self, transaction_id: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Ask the gateway for a transaction, and take in what it says if the journal knows the payment.

        UNKNOWN is returned as it is, also for a transaction that the gateway does not know (its 404 settles nothing).
        ``timeout`` is in seconds, tries included.

        Raises:
            InvalidValue: The id is no UUID.
            GatewayUnavailable, AuthenticationFailed, RateLimited: Not answered; nothing changed.
            EnvironmentMismatch: The transaction is of another environment or merchant.
            Contradiction: The answer contradicts what was settled; both are in the history.
        """
        self._check_usable()
        deadline = asyncio.get_running_loop().time() + policy.check_timeout(timeout)
        transaction_id = requests.check_transaction_id(transaction_id)
        reply = await self._flow.ask(requests.status_path(transaction_id), deadline)
        record = await self._journal.find(transaction_id)
        expected = self._gateway.expected_of_unknown(transaction_id)
        if record is not None:
            expected = self._gateway.expected(record, transaction_id)
        reading = self._gateway.read_status(reply, expected)
        require_answer(reading, reply.evidence)
        if reading.foreign is not None:
            raise EnvironmentMismatch(reading.foreign, operation=Operation.STATUS, evidence=reply.evidence)
        if record is None and reading.merchant_txn_ref is not None:
            record = await self._journal.get(reading.merchant_txn_ref)
            if record is not None:
                reading = self._gateway.read_status(reply, self._gateway.expected(record, transaction_id))
        if record is not None:
            return (await self._flow.take_in(record, reading)).payment
        return transitions.observed(
            reading, environment=self._settings.environment, merchant_id=self._settings.merchant_id
        )

    async def payment(self, ref: str) -> Payment:
        """Read a payment from the journal, asking nobody. Raises `InvalidValue` for an unknown reference."""
        self._check_usable()
        return (await polling.known(self._flow, ref)).payment

    async def history(self, ref: str) -> Sequence[Entry]:
        """All that was ever recorded of a payment, oldest first: what changed, when, and told by whom."""
        self._check_usable()
        return await self._journal.history(ref)

    async def wait(self, ref: str, *, timeout: float) -> Payment:
        """Return a payment once it is final, whichever source brings it: webhook, polling, or another call.

        Raises `NotFinal`, which carries the last known state, after ``timeout`` seconds; `Contradiction`;
        `AuthenticationFailed`.
        """
        self._check_usable()
        return await polling.wait(self._flow, ref, timeout=policy.check_timeout(timeout), random=self._random)

    async def resolve(self, ref: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Try what can settle a payment: ask for its transaction, and for those that its webhooks named.

        Returns it as it then stands, UNKNOWN included. Raises what `status` raises.
        """
        self._check_usable()
        deadline = asyncio.get_running_loop().time() + policy.check_timeout(timeout)
        return await polling.resolve(self._flow, ref, deadline=deadline)

    async def unresolved(self, *, kind: PaymentStatus | None = None, older_than: float = 0.0) -> list[Payment]:
        """List what is not final, oldest first: unknown, pending, and waiting for the buyer.

        ``kind`` keeps one status; ``older_than`` those opened at least so many seconds ago.
        """
        self._check_usable()
        records = await self._journal.unresolved(older_than=older_than)
        return [record.payment for record in records if kind in (None, record.payment.status)]

    async def aclose(self) -> None:
        """Let what is on the wire come to its end, then close pool and journal. Idempotent."""
        if self._closed:
            return
        self._closed = True
        await self._flow.drain()
        await self._wire.aclose()
        await self._journal.aclose()

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<PaymentOptions {self._settings.environment} {self._settings.merchant_id}>"

    def _intent(self, operation: Operation, idempotency_key: str, **about: Any) -> Intent:
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
            **about,
        )

    def _check_chargeable(self, amount: Money, card: Card) -> None:
        if not isinstance(amount, Money):
            raise InvalidValue(f"amount: needs a Money, got {type(amount).__name__}", field="amount")
        if not amount.is_positive:
            raise InvalidValue("amount: needs to be above zero", field="amount")
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        if self._settings.environment.is_live and card.is_expired(today):
            raise InvalidValue("card.expiry: the card's last month is over", field="card.expiry_month")

    def _urls(self, intent: Intent, given: ReturnUrls | None, *, without_webhook: bool) -> ReturnUrls | None:
        """The URLs of a payment. Without a webhook of ours nobody may ever learn an outcome whose answer was lost."""
        if given is not None:
            return redirects.fill_urls(given, intent.ref, self._settings.signer)
        if self._settings.public_url is not None:
            return redirects.make_urls(self._settings.public_url, intent.ref, self._settings.signer, now=self._clock())
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


def _open_journal(given: str | Journal | None, environment: Environment, clock: Callable[[], float]) -> Journal:
    if given is None and environment not in (Environment.SANDBOX, Environment.DEVELOPMENT):
        raise ConfigurationError(f"journal is not set, and {environment} needs a durable one: pass journal=…")
    if given is not None and not isinstance(given, str):
        journal = given
    elif given in (None, "memory:"):
        journal = MemoryJournal(clock=clock)
    else:
        raise ConfigurationError("journal: only 'memory:' is known by name; pass a Journal for anything else")
    if environment.is_live and not journal.durable:
        raise ConfigurationError("journal: live payments need one that survives the process")
    return journal


def _instrument(card: Card) -> str:
    """What tells cards apart in the journal: first 6, last 4 and expiry. No hash of the number is kept."""
    masked = card.masked
    return f"{masked} {masked.expiry_month}/{masked.expiry_year}"
