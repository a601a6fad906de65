"""Charging: purchases and authorisations, with a card or with a card on file."""

from __future__ import annotations

import warnings
from typing import Any

from paymentoptions_async import policy, requests
from paymentoptions_async.client.base import Base
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import check_amount
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.instruments import instrument_of
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.values import (
    Address,
    BrowserInfo,
    Card,
    Money,
    ReturnUrls,
    Secret,
    check_customer_ip,
    check_time_zone,
)


class Charging(Base):
    """What takes money from a card, or holds it."""

    @discreet
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
        store_card: bool = False,
        version: int = 2,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Charge a card (``paymentv2``): approved, declined, or ACTION_REQUIRED with a ``redirect_url`` for the buyer.

        Args:
            amount: What to charge, in major units.
            card: The buyer's card. Kept nowhere.
            billing_address: Required by the gateway (vendor's purchase page).
            customer_ip: The buyer's IP address.
            idempotency_key: Names this attempt. The same key again never charges again.
            order: Groups attempts: while one is paid, unknown or in flight, a new one is refused.
            supersedes: The reference of an attempt of this order that waits for its buyer and is given up.
            shipping_address: Where the goods go.
            browser_info: What 3-D Secure wants to know of the buyer's browser.
            return_urls: Instead of those made from ``public_url``; its webhook URL contains ``{ref}`` and ``{token}``.
            without_webhook: Charge although nobody may ever learn the outcome if the answer is lost.
            time_zone: The buyer's IANA time zone.
            store_card: Put the card on file and return its ``stored_payment_method_id``. Goes to ``payment`` (v1), the
                only endpoint documented for it, which has no documented 3-D Secure: see ``Payment.has_3d_secure``.
            version: 2, or 1 for the endpoint that the vendor has announced for deprecation.
            timeout: Bounds this call, seconds. The exchange goes on behind it for at least 35 s.

        Raises:
            InvalidValue, NotAllowed, IdempotencyConflict: Nothing was sent.
            JournalUnavailable: Nothing was sent; or, where it has ``evidence``, that says whether it may have been, and
                the answer could not be recorded: call again with the same key, never with another.
            NotSent, InvalidRequest, AuthenticationFailed, RateLimited: Nothing happened; call again with the same key.
            OutcomeUnknown: It may have been charged. Carries the payment.
            EnvironmentMismatch: The answer is of another environment or merchant.
        """
        if version == 1 and not store_card:
            _warn_of_v1()
        first = _check_version(version) == 1 or store_card
        return await self._charge(
            Operation.PURCHASE,
            requests.PAYMENT if first else requests.PAYMENT_V2,
            amount,
            timeout=timeout,
            has_3d_secure=not first,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            card=card,
            store_card=store_card,
            billing_address=billing_address,
            customer_ip=customer_ip,
            shipping_address=shipping_address,
            browser_info=browser_info,
            time_zone=time_zone,
        )

    @discreet
    async def purchase_with_token(
        self,
        amount: Money,
        *,
        token: str,
        billing_address: Address,
        idempotency_key: str,
        customer_ip: str | None = None,
        order: str | None = None,
        supersedes: str | None = None,
        shipping_address: Address | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        time_zone: str | None = None,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Charge a card on file by its ``stored_payment_method_id`` (``payment``: no documented 3-D Secure, no CVC).

        Arguments and exceptions are those of `purchase`.
        """
        held = Secret(token)
        del token  # this frame may be shown in a traceback
        return await self._charge(
            Operation.PURCHASE_WITH_TOKEN,
            requests.PAYMENT,
            amount,
            timeout=timeout,
            has_3d_secure=False,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            token=requests.check_token(held),
            billing_address=billing_address,
            customer_ip=customer_ip,
            shipping_address=shipping_address,
            time_zone=time_zone,
        )

    @discreet
    async def authorize(
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
        version: int = 2,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Hold an amount on a card (``authorizationv2``): AUTHORIZED, declined, or ACTION_REQUIRED.

        Money moves when it is captured; void what will not be. How long it holds is not documented. That version 2
        starts 3-D Secure as purchases do is inferred. Arguments and exceptions are those of `purchase`.
        """
        first = _check_version(version) == 1
        return await self._charge(
            Operation.AUTHORIZE,
            requests.AUTHORIZATION if first else requests.AUTHORIZATION_V2,
            amount,
            timeout=timeout,
            has_3d_secure=not first,
            attempt={"idempotency_key": idempotency_key, "order": order, "supersedes": supersedes},
            urls={"given": return_urls, "without_webhook": without_webhook},
            card=card,
            billing_address=billing_address,
            customer_ip=customer_ip,
            shipping_address=shipping_address,
            browser_info=browser_info,
            time_zone=time_zone,
        )

    async def _charge(
        self,
        operation: Operation,
        path: str,
        amount: Money,
        *,
        timeout: float,
        has_3d_secure: bool,
        attempt: dict[str, Any],
        urls: dict[str, Any],
        card: Card | None = None,
        token: Secret | None = None,
        customer_ip: str | None = None,
        time_zone: str | None = None,
        currency: str | None = None,
        **details: Any,
    ) -> Payment:
        """Check everything, name the intent, and carry it out."""
        self._check_usable()
        policy.check_timeout(timeout)
        check_amount(amount)
        if token is None:
            self._check_card(card)
        intent = self._intent(
            operation,
            amount=amount,
            currency=currency,
            instrument=instrument_of(card=card, token=token),
            has_3d_secure=has_3d_secure,
            **attempt,
        )
        body = requests.charge_body(
            ref=intent.ref,
            merchant_id=self._settings.merchant_id,
            amount=amount,
            card=card,
            token=token,
            customer_ip=None if customer_ip is None else check_customer_ip(customer_ip),
            time_zone=None if time_zone is None else check_time_zone(time_zone),
            return_urls=self._urls(intent, **urls),
            **details,
        )
        operating = self._operate(intent, path, body, timeout)
        del body  # this frame may be shown in a traceback
        return await operating


def _check_version(version: object) -> int:
    if version not in (1, 2):
        raise InvalidValue(f"version: {mask_text(repr(version))}; the gateway has 1 and 2", field="version")
    return 1 if version == 1 else 2


_warned = False


def _warn_of_v1() -> None:
    """Warn once in a process: a warning for each payment would drown the log."""
    global _warned  # noqa: PLW0603  once in a process is what is wanted
    if not _warned:
        _warned = True
        warnings.warn(
            "purchase(version=1): the vendor has announced this endpoint for deprecation; use version 2",
            DeprecationWarning,
            stacklevel=3,
        )
