"""Links to the gateway's own pages: hosted cards, and wallets. The card never touches this application."""

from __future__ import annotations

from functools import partial

from paymentoptions_async import policy, requests
from paymentoptions_async.client.base import Base
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import check_amount
from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.flow import Call
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.values import Address, Money, ReturnUrls, check_customer_ip, check_text, check_time_zone


class Linking(Base):
    """Pages on which the buyer pays."""

    @discreet
    async def hosted_page(
        self,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        currency: str | None = None,
        method: str = requests.CARDS,
        merchant_email: str | None = None,
        store_card: bool = False,
        billing_address: Address | None = None,
        shipping_address: Address | None = None,
        customer_ip: str | None = None,
        order: str | None = None,
        supersedes: str | None = None,
        return_urls: ReturnUrls | None = None,
        time_zone: str | None = None,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Make a link to a page on which the buyer pays by card or wallet. Making it charges nothing.

        The payment returned is ACTION_REQUIRED: send the buyer to its ``redirect_url``. The webhook, confirmed by a
        status query, settles it. A declined card may be followed by another on the same page, so a decline is told in
        ``decline`` and leaves the payment ACTION_REQUIRED; only an approval ends it.

        Args:
            amount: What is to be paid, in major units; left out, the buyer types it, and ``currency`` is needed.
            idempotency_key: Names this attempt. The same key again gives the same link.
            currency: ISO 4217, where there is no amount.
            method: ``scheme`` for cards, ``gcash``, or another wallet's type as the vendor spells it.
            merchant_email: Required for cards by the vendor's page; at most 45 characters.
            store_card: Put the card on file; the confirmed payment has its ``stored_payment_method_id``.
            billing_address: Shown on the page; required for cards by the vendor's page.
            shipping_address: Shown on the page.
            customer_ip: The buyer's IP address.
            order: Groups attempts, as in `purchase`.
            supersedes: As in `purchase`.
            return_urls: Instead of those made from ``public_url``, with ``cancel_url``.
            time_zone: The buyer's IANA time zone.
            timeout: Bounds this call, seconds.

        Raises:
            InvalidValue, NotAllowed, IdempotencyConflict: Nothing was sent.
            JournalUnavailable: Nothing was charged; call again with the same key.
            GatewayUnavailable: No link came back. Call again with the same key: nothing was charged.
            NotSent, InvalidRequest, AuthenticationFailed, RateLimited: Likewise.
        """
        self._check_usable()
        policy.check_timeout(timeout)
        currency = _currency(amount, currency)
        if method == requests.CARDS and (merchant_email is None or billing_address is None):
            raise InvalidValue(
                "merchant_email and billing_address: needed for cards (vendor's hosted page)", field="merchant_email"
            )
        intent = self._intent(
            Operation.HOSTED_PAGE,
            idempotency_key=idempotency_key,
            amount=amount,
            currency=currency if amount is None else None,
            instrument=_check_method(method),
            order=order,
            supersedes=supersedes,
        )
        urls = self._urls(intent, given=return_urls, without_webhook=False, with_cancel=True)
        if urls is None:
            raise NotAllowed("a hosted page needs return URLs", ref=intent.ref, operation=intent.operation)
        body = requests.link_body(
            ref=intent.ref,
            merchant_id=self._settings.merchant_id,
            currency=currency,
            amount=amount,
            method=method,
            return_urls=urls,
            merchant_email=None
            if merchant_email is None
            else check_text("merchant_email", merchant_email, 45, "vendor's hosted page, maximum length"),
            store_card=store_card,
            billing_address=billing_address,
            shipping_address=shipping_address,
            customer_ip=None if customer_ip is None else check_customer_ip(customer_ip),
            time_zone=None if time_zone is None else check_time_zone(time_zone),
        )
        call = Call(intent, requests.LINK, body, partial(self._gateway.read_link, intent=intent))
        del body  # this frame may be shown in a traceback
        return await self._flow.operate(call, timeout=timeout)


def _currency(amount: Money | None, currency: str | None) -> str:
    if amount is not None:
        check_amount(amount)
        if currency not in (None, amount.currency):
            raise InvalidValue("currency: is not the amount's; give one of the two", field="currency")
        return amount.currency
    if currency is None:
        raise InvalidValue("currency: needed where the buyer types the amount", field="currency")
    return Money.zero(currency).currency


def _check_method(method: object) -> str:
    if not isinstance(method, str) or not method.isascii() or not method.replace("_", "").isalnum():
        raise InvalidValue("method: needs a type as the vendor spells it: scheme, gcash, …", field="method")
    return method
