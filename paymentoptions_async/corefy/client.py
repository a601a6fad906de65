"""Corefy: the one door to tokenised invoices. Each method reads as its story."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Self

from paymentoptions_async import policy, redirects, transitions
from paymentoptions_async.balance import balance_of
from paymentoptions_async.corefy import replies, requests
from paymentoptions_async.corefy.callbacks import Callbacks, Signatures
from paymentoptions_async.corefy.errands import Invoicing, Sale
from paymentoptions_async.corefy.following import CorefyFlow
from paymentoptions_async.corefy.gateway import NAME, CorefyGateway
from paymentoptions_async.corefy.settings import Settings, from_environment, required
from paymentoptions_async.corefy.values import Customer, check_metadata, check_service
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import Door, JournalSetting, check_amount
from paymentoptions_async.errors import ConfigurationError, Contradiction, EnvironmentMismatch, InvalidValue, NotAllowed
from paymentoptions_async.flow import Call, Observation, Pace, contradiction, require_answer
from paymentoptions_async.handover import OnPayment
from paymentoptions_async.instruments import instrument_of
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Operation, Payment, Reading
from paymentoptions_async.refs import may_be_ref
from paymentoptions_async.values import (
    BrowserInfo,
    Card,
    Money,
    ReturnUrls,
    Secret,
    check_customer_ip,
    check_text,
)
from paymentoptions_async.wire.credentials import Authentication, basic
from paymentoptions_async.wire.opening import open_wire

if TYPE_CHECKING:
    import ssl

    import httpx

_LONGEST_DESCRIPTION = 255
_LONGEST_TOKEN = 255


class Corefy(Door):
    """A client of Corefy's invoices for one account in one mode, on one event loop. Use it as ``async with``.

    Args:
        account_id: The commerce account (``coma_…``).
        api_key: Its API key. Not what signs callbacks.
        private_url: Base URL of the private API, which differs from brand to brand.
        cardgate_url: Base URL of the cardgate, issued by the gateway's manager. Needed for `sale` and `write_off`.
        test_mode: True for tests, False for money. No default: both are the same URL.
        callback_secrets: Secret keys of this mode (``sk_test_…`` or ``sk_live_…``), which sign callbacks.
        journal: As for `PaymentOptions`. Required unless ``private_url`` is on this machine.
        signing_secrets: Sign return and callback URLs. The first signs, all are accepted; 16 bytes or more each.
        public_url: Where the gateway and buyers reach this application; return and callback URLs are made below it.
        transport: Any `httpx.AsyncBaseTransport` to send through instead of the default pool.
        connections: How many exchanges may be under way at once, at each of the two hosts.
        proxy: URL of an HTTP proxy for the default pool.
        tls: TLS context for the default pool.
        on_payment: As for `PaymentOptions`.
        clock: Gives Unix seconds.
        random: Gives the jitter of retries.

    Raises:
        ConfigurationError: A setting is missing or unsafe. Nothing was sent.
    """

    webhooks: Callbacks
    _flow: CorefyFlow

    @discreet
    def __init__(
        self,
        *,
        account_id: str,
        api_key: str,
        private_url: str,
        test_mode: bool | str,
        cardgate_url: str | None = None,
        callback_secrets: str | Sequence[str] | None = None,
        journal: JournalSetting = None,
        signing_secrets: str | Sequence[str] | None = None,
        public_url: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 100,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        on_payment: OnPayment | None = None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._settings = settings = Settings.check(
            account_id=account_id,
            test_mode=test_mode,
            private_url=private_url,
            cardgate_url=cardgate_url,
            callback_secrets=callback_secrets,
            signing_secrets=signing_secrets,
            public_url=public_url,
        )
        opened = partial(open_wire, transport=transport, connections=connections, proxy=proxy, ssl_context=tls)
        keys = Authentication({"Authorization": basic(settings.account_id, required("api_key", api_key))})
        private = opened(settings.private_url, keys)
        self._cardgate = None if settings.cardgate_url is None else opened(settings.cardgate_url, Authentication({}))
        self._gateway = CorefyGateway(settings.account_id, is_live=not settings.test_mode)
        super().__init__(
            name=NAME,
            signer=settings.signer,
            journal=journal,
            needs_journal=not settings.is_sandbox,
            is_live=not settings.test_mode,
            wires=(private,) if self._cardgate is None else (private, self._cardgate),
            gateway=self._gateway,
            on_payment=on_payment,
            clock=clock,
            random=random,
            flow=CorefyFlow,
            inbox=Callbacks,
        )
        self.webhooks.signatures = Signatures(settings.callback_secrets)
        self.webhooks.is_live = not settings.test_mode

    @classmethod
    @discreet
    def from_env(cls, **settings: Any) -> Self:
        """Make a client from ``COREFY_*``; arguments given here come first.

        Read are ``_ACCOUNT_ID``, ``_API_KEY``, ``_PRIVATE_URL``, ``_CARDGATE_URL``, ``_TEST_MODE`` (true or false),
        ``_CALLBACK_SECRETS`` and ``_SIGNING_SECRETS`` (comma-separated), ``_JOURNAL``, ``_PUBLIC_URL`` and ``_PROXY``.
        """
        found = from_environment(settings)
        for name in ("account_id", "api_key", "private_url", "test_mode"):
            required(name, found.get(name))
        return cls(**found)

    @discreet
    async def checkout(
        self,
        amount: Money,
        *,
        idempotency_key: str,
        customer: Customer | None = None,
        tokenize: bool = False,
        token: str | None = None,
        service: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        order: str | None = None,
        supersedes: str | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Make an invoice that the buyer pays on the gateway's page. Making it charges nothing.

        The payment returned is ACTION_REQUIRED: send the buyer to its ``redirect_url``. The invoice settles it: by a
        callback, or by `wait`.

        Args:
            amount: What is to be paid, in major units.
            idempotency_key: Names this attempt. The same key again gives the same page.
            customer: Who pays. Needed with ``tokenize`` and ``token``.
            tokenize: Put the card on file; the paid payment has it as ``stored_payment_method_id``.
            token: A card on file of this customer, which the page then offers.
            service: The payment service; cards in the amount's currency where none is named.
            description: Shown to the buyer; at most 255 characters.
            metadata: Texts of your own, kept with the invoice.
            order: Groups attempts: while one is paid, unknown or in flight, a new one is refused.
            supersedes: The reference of an attempt of this order that waits for its buyer and is given up.
            return_urls: Instead of those made from ``public_url``; its webhook URL contains ``{ref}`` and ``{token}``.
            without_webhook: Make it although no callback can be received: then only `wait` or `resolve` tell.
            timeout: Bounds this call, seconds.

        Raises:
            InvalidValue, NotAllowed, IdempotencyConflict, JournalUnavailable: Nothing was sent.
            NotSent, AuthenticationFailed, RateLimited, GatewayUnavailable: Nothing was charged; the same key again.
            InvalidRequest: Nothing was charged. A reference that is taken needs a new key.
            EnvironmentMismatch: The invoice is of the other mode.
        """
        held = None if token is None else _check_token(token)
        del token  # this frame may be shown in a traceback
        if (tokenize or held is not None) and customer is None:
            raise InvalidValue(
                "customer: needed where a card is put on file or used from it (seed 003)", field="customer"
            )
        errand = self._invoicing(
            Operation.CHECKOUT,
            amount,
            timeout=timeout,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            instrument=None if held is None else instrument_of(token=held),
            customer=customer,
            token=held,
            cardgate={"tokenize": True} if tokenize else None,
            service=service,
            description=description,
            metadata=metadata,
        )
        return await self._flow.operate(errand, timeout=timeout)

    @discreet
    async def sale(
        self,
        amount: Money,
        *,
        card: Card,
        idempotency_key: str,
        customer: Customer | None = None,
        browser_info: BrowserInfo | None = None,
        customer_ip: str | None = None,
        tokenize: bool = False,
        service: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        order: str | None = None,
        supersedes: str | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Charge a card over the cardgate: an invoice first, then one sale, then the invoice again.

        ACTION_REQUIRED where the buyer's bank wants 3-D Secure: post ``redirect_form``, unchanged, to ``redirect_url``
        from the buyer's browser; the cardgate takes the bank's answer itself.

        The buyer's ``card`` is kept nowhere; ``browser_info`` and ``customer_ip`` are what 3-D Secure wants to know of
        the buyer. All other arguments are those of `checkout`.

        Raises:
            OutcomeUnknown: It may have been charged; `resolve` reads the invoice. Otherwise as `checkout`.
        """
        if not isinstance(card, Card):
            raise InvalidValue(f"card: needs a Card, got {type(card).__name__}", field="card")
        if tokenize and customer is None:
            raise InvalidValue("customer: needed where a card is put on file (seed 003)", field="customer")
        ip = None if customer_ip is None else check_customer_ip(customer_ip)
        invoicing = self._invoicing(
            Operation.PURCHASE,
            amount,
            timeout=timeout,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            instrument=instrument_of(card=card),
            customer=customer,
            cardgate={"tokenize": True} if tokenize else None,
            service=service,
            description=description,
            metadata=metadata,
        )
        return await self._sell(invoicing, partial(requests.card_sale_body, card, browser_info, ip), timeout)

    @discreet
    async def write_off(
        self,
        amount: Money,
        *,
        token: str,
        customer: Customer,
        idempotency_key: str,
        service: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        order: str | None = None,
        supersedes: str | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Charge a card on file with nobody present (``instant``, seed 003).

        ``token`` is a ``stored_payment_method_id``, and ``customer`` has the ``reference_id`` that it was made with.
        Arguments and exceptions are those of `sale`.
        """
        held = _check_token(token)
        del token  # this frame may be shown in a traceback
        if not isinstance(customer, Customer):
            raise InvalidValue("customer: needed where a card on file is used (seed 003)", field="customer")
        invoicing = self._invoicing(
            Operation.PURCHASE_WITH_TOKEN,
            amount,
            timeout=timeout,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            instrument=instrument_of(token=held),
            customer=customer,
            token=held,
            cardgate={"instant": True},
            service=service,
            description=description,
            metadata=metadata,
        )
        return await self._sell(invoicing, requests.token_sale_body, timeout)

    @discreet
    async def refund(
        self,
        payment: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        description: str | None = None,
        insist: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Give back a paid invoice, in whole or in part, once or several times.

        Args:
            payment: The payment's reference.
            amount: What to give back, in major units; left out, all that is left.
            idempotency_key: Required with ``amount``; derived from the payment without.
            description: Kept with the refund; at most 255 characters.
            insist: Send what the rules of balances refuse. Never past a refund whose outcome is unknown.
            timeout: Bounds this call, seconds.

        Raises:
            NotAllowed: More than is left, or an earlier one is unknown. Nothing was sent.
            OutcomeUnknown: It may have been given back; `resolve` reads the invoice. Otherwise as `checkout`.
        """
        self._check_usable()
        policy.check_timeout(timeout)
        if amount is not None and check_amount(amount) and idempotency_key is None:
            raise InvalidValue(
                "idempotency_key: needed where an amount is given, because a second refund of the same amount may be "
                "meant",
                field="idempotency_key",
            )
        charge = await self._charge(payment)
        if not charge.payment.status.took_money:
            raise NotAllowed(f"refund of {charge.ref}: it is {charge.payment.status}", payment=charge.payment)
        key = idempotency_key if idempotency_key is not None else f"refund of {charge.ref}"
        intent = self._refund_intent(charge, key, amount or charge.payment.amount, insist=insist)
        if amount is None:
            standing = await self._journal.get(intent.ref)
            followers = [one for one in await self._journal.followers(charge.ref) if one.ref != intent.ref]
            whole = standing.intent.amount if standing else balance_of(charge.payment, followers).refundable
            intent = self._refund_intent(charge, key, whole, insist=insist)
        invoice_id, asked = charge.payment.transaction_id, intent.amount
        assert invoice_id is not None
        if asked is None or not asked.is_positive:
            raise NotAllowed(f"refund of {charge.ref}: nothing is left to give back", payment=charge.payment)
        body = requests.refund_body(
            invoice_id=invoice_id, ref=intent.ref, amount=asked, description=_description(description)
        )
        call = Call(intent, requests.refund_path(invoice_id), body, partial(self._gateway.read_created, intent=intent))
        return await self._flow.operate(call, timeout=timeout)

    @discreet
    async def invoice(self, invoice_id: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Ask the gateway for an invoice, and take in what it says if the journal knows it.

        Raises:
            InvalidValue: The id is none of an invoice.
            GatewayUnavailable, AuthenticationFailed, RateLimited: Not answered; nothing changed.
            EnvironmentMismatch: The invoice is of the other mode.
            Contradiction: The answer contradicts what was settled; both are in the history.
        """
        seen = await self.observe(invoice_id, timeout=timeout)
        if seen.contradicts:
            assert seen.record is not None, "nothing else can be contradicted"
            raise contradiction(seen.record.payment)
        if seen.record is not None:
            return seen.record.payment
        if seen.reading.foreign is not None:
            raise EnvironmentMismatch(seen.reading.foreign, operation=Operation.STATUS, evidence=seen.evidence)
        return self._observed(seen.reading)

    @discreet
    async def observe(
        self, invoice_id: str, /, *, timeout: float = policy.GET_TIMEOUT, pace: Pace | None = None
    ) -> Observation:
        """Ask as `invoice` does, and return what the answer says beside what the journal has now: for reconciling.

        An answer of the other mode, one that contradicts what was settled, and one that knows no such invoice are
        returned as well. ``pace`` says when each request may leave; ``timeout`` counts from then on.

        Raises:
            InvalidValue: The id is none of an invoice.
            GatewayUnavailable, AuthenticationFailed, RateLimited: Not answered; nothing changed.
        """
        self._check_usable()
        policy.check_timeout(timeout)
        path = requests.invoice_path(invoice_id)
        record = await self._journal.find(invoice_id)  # as it stands before: the answer may be older than what is next
        if pace is not None:
            await pace.permit()
        reply = await self._flow.ask(path, asyncio.get_running_loop().time() + timeout, pace)
        reading = self._gateway.read_status(reply, self._gateway.expected_of_unknown(invoice_id))
        require_answer(reading, reply.evidence, None if record is None else record.ref)
        if record is None and reading.foreign is None and reading.merchant_txn_ref is not None:
            record = await self._journal.get(reading.merchant_txn_ref)
        if record is None or record.intent.scope != self._scope:
            return Observation(reading, reply.evidence)
        told = self._gateway.read_status(reply, self._gateway.expected(record, invoice_id))
        try:
            await self._flow.take_in_invoice(record, reply, told, invoice_id)
        except Contradiction as error:
            known = await self._journal.get(error.payment.ref)
            assert known is not None, "the journal has just taken it in"
            known = replace(known, payment=error.payment)  # as this answer left it, whoever changed it since
            return Observation(reading, reply.evidence, known, contradicts=True)
        return Observation(reading, reply.evidence, await self._journal.get(record.ref))

    async def invoices(self, *, timeout: float = policy.GET_TIMEOUT) -> list[Payment]:
        """List the account's invoices of this client's mode, as the gateway gives them when it is asked for no page.

        How to filter them, and how to ask for further pages, is not documented; so this is a look at the latest ones
        (that they come first is inferred). Nothing is taken in, and pages and tokens are left out: ask with `invoice`,
        or `resolve` a reference. Raises as `invoice`.
        """
        self._check_usable()
        deadline = asyncio.get_running_loop().time() + policy.check_timeout(timeout)
        reply = await self._flow.ask(requests.INVOICES, deadline)
        if not replies.is_list(reply.status, reply.body):
            require_answer(self._gateway.read_status(reply, self._gateway.expected_of_unknown()), reply.evidence)
        expected = self._gateway.expected_of_unknown()
        return [self._observed(reading) for reading in replies.read_list(reply.status, reply.body, expected)]

    # Helpers ----------------------------------------------------------------------------------------------------------

    async def _sell(self, invoicing: Invoicing, reveal_body: Callable[[], bytes], timeout: float) -> Payment:
        if self._cardgate is None:
            raise ConfigurationError(
                "cardgate_url is not set: sales go there; pass cardgate_url=… or COREFY_CARDGATE_URL"
            )
        sale = Sale(invoicing, self._cardgate, reveal_body, self._clock)
        return await self._flow.operate(sale, timeout=timeout)

    def _observed(self, reading: Reading) -> Payment:
        account_id = self._settings.account_id
        payment = transitions.observed(reading, environment=self._signer.environment, merchant_id=account_id)
        return replace(payment, amount=replies.amount_of(reading))

    def _invoicing(
        self,
        operation: Operation,
        amount: Money,
        *,
        timeout: float,
        attempt: dict[str, Any],
        urls: dict[str, Any],
        instrument: str | None,
        customer: Customer | None,
        service: str | None,
        description: str | None,
        metadata: Mapping[str, str] | None,
        cardgate: Mapping[str, Any] | None,
        token: Secret | None = None,
    ) -> Invoicing:
        """Check everything, name the intent, and prepare its invoice."""
        self._check_usable()
        policy.check_timeout(timeout)
        check_amount(amount)
        if customer is not None and not isinstance(customer, Customer):
            raise InvalidValue(f"customer: needs a Customer, got {type(customer).__name__}", field="customer")
        sells = operation is not Operation.CHECKOUT
        intent = self._intent(operation, amount=amount, instrument=instrument, named_first=sells, **attempt)
        body = partial(
            requests.invoice_body,
            ref=intent.ref,
            amount=amount,
            service=check_service(service, amount.currency),
            test_mode=self._settings.test_mode,
            customer=customer,
            urls=self._urls(intent, **urls),
            description=_description(description),
            metadata=None if metadata is None else check_metadata("metadata", metadata),
            token=token,
            cardgate=cardgate,
        )
        return Invoicing(intent, body, self._gateway, self._random)

    def _urls(self, intent: Intent, *, given: ReturnUrls | None, without_webhook: bool) -> ReturnUrls | None:
        if given is not None and not self._signer.secrets:
            raise ConfigurationError("return_urls need signing_secrets, which sign them: set COREFY_SIGNING_SECRETS")
        if given is not None:
            return redirects.fill_urls(given, intent.ref, self._signer, now=self._clock())
        if self._settings.public_url is not None:
            return redirects.make_urls(self._settings.public_url, intent.ref, self._signer, now=self._clock())
        if without_webhook:
            return None
        raise NotAllowed(
            "no callback URL: set public_url and signing_secrets, or pass return_urls; without_webhook=True insists, "
            "and then only wait and resolve tell of the outcome",
            ref=intent.ref,
            operation=intent.operation,
        )

    async def _charge(self, ref: str) -> Record:
        """The paid invoice that is to be given back."""
        record = await self._journal.get(ref) if may_be_ref(ref) else None
        if record is None or record.intent.scope != self._scope:
            raise InvalidValue("payment: needs a reference that the journal knows, of this account", field="payment")
        if record.payment.transaction_id is None or record.intent.operation is Operation.REFUND:
            raise NotAllowed(
                f"refund of {ref}: it is {record.payment.status}, and no paid invoice", payment=record.payment
            )
        return record

    def _refund_intent(self, charge: Record, key: str, amount: Money | None, *, insist: bool) -> Intent:
        return self._intent(
            Operation.REFUND,
            idempotency_key=key,
            amount=amount,
            parent=charge.ref,
            charge_ref=charge.ref,
            insist=insist,
        )


def _check_token(token: object) -> Secret:
    if isinstance(token, str) and token.isascii() and token.isalnum() and len(token) <= _LONGEST_TOKEN:
        return Secret(token)
    raise InvalidValue("token: needs the letters and digits that came as stored_payment_method_id", field="token")


def _description(text: str | None) -> str | None:
    return (
        None if text is None else check_text("description", text, _LONGEST_DESCRIPTION, "ours; the vendor names none")
    )
