"""Purchases, authorisations (v1 and v2) and the status of a transaction: a valid request in, the answer out.

Fields and shapes: seeds 000 to 002. That a repeated reference charges again is believed of the gateway, not documented.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from . import cards, replies, risk
from .books import Books, CardOnFile, Challenge, Order, Transaction, decimals_of
from .cards import TestCard
from .catalogue import Catalogue
from .endpoint import Endpoint, Refused, origin_of
from .replies import Reply
from .settings import PREFIX, Settings
from .webhooks import Webhooks

MAX_AMOUNT = Decimal("1e12")
CHALLENGE_PATH = "/integration/3ds"


@dataclass(frozen=True)
class Counter:
    """Where payments are taken: the books, what the sandbox is set to, and the webhooks it sends.

    The `catalogue` is asked for what the books do not know.
    """

    books: Books
    settings: Settings
    webhooks: Webhooks
    catalogue: Catalogue | None = None

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the operations that are served here."""
        return (
            Endpoint("payment", "POST", f"{PREFIX}/payment", lambda b, r: self.purchase(b, origin=origin_of(r))),
            Endpoint("paymentv2", "POST", f"{PREFIX}/paymentv2", lambda b, r: self.purchase_v2(b, origin=origin_of(r))),
            Endpoint("authorization", "POST", f"{PREFIX}/authorization", self._authorize("authorization")),
            Endpoint("authorizationv2", "POST", f"{PREFIX}/authorizationv2", self._authorize("authorizationv2")),
            Endpoint(
                "status",
                "GET",
                f"{PREFIX}/transaction/status/{{transactionId}}",
                lambda _, r: self.status(r.path_params["transactionId"]),
            ),
        )

    def purchase(self, body: Mapping[str, Any], *, origin: str) -> Reply:
        """Take POST …/payment (v1): charge, whatever the card asks for; v1 has no documented 3-D Secure."""
        return self._charge(*self.order(body, "payment"), origin=origin)

    def purchase_v2(self, body: Mapping[str, Any], *, origin: str) -> Reply:
        """Take POST …/paymentv2: charge, or send the buyer to the 3-D Secure page below `origin`."""
        return self._charge(*self.order(body, "paymentv2"), origin=origin)

    def _authorize(self, operation: str) -> Callable[[Mapping[str, Any], Request], Reply]:
        def authorize(body: Mapping[str, Any], request: Request) -> Reply:
            return self._charge(*self.order(body, operation), origin=origin_of(request))

        return authorize

    def status(self, transaction_id: str) -> Reply:
        """Answer GET …/transaction/status/{transaction_id}."""
        transaction = self.books.find(transaction_id)
        if transaction is None and self.catalogue is not None:
            transaction = self.catalogue.find(transaction_id, self.settings)
        if transaction is None:
            raise Refused(404, "Transaction not found.", "NOT_FOUND")
        return replies.status(transaction, self.settings)

    def enter(self, order: Order, outcome: cards.Outcome) -> Transaction:
        """Enter a payment and announce it, unless it is still to settle."""
        transaction = self.books.take(order, outcome)
        if transaction.settles_at is None:
            self.webhooks.announce(transaction)
        return transaction

    def _charge(self, order: Order, card: TestCard, *, origin: str) -> Reply:
        outcome = risk.outcome(order) or cards.OUTCOMES[card.outcome]
        if not card.challenge or outcome.gateway_code:
            return replies.payment(self.enter(order, outcome), self.settings)
        if order.operation not in ("paymentv2", "authorizationv2"):
            refused = cards.OUTCOMES["authentication_requested"]
            return replies.payment(self.enter(order, refused), self.settings)
        if not order.urls.get("success_url") or not order.urls.get("decline_url"):
            raise Refused(400, "return_url with success_url and decline_url is mandatory for 3DS.", "BAD_REQUEST")
        challenge = self.books.open_challenge(order, outcome)
        return replies.challenge_started(origin + challenge_link(challenge))

    def order(self, body: Mapping[str, Any], operation: str) -> tuple[Order, TestCard]:
        """Return what a request asks for, and the card that is to pay; Refused if either makes no sense."""
        check_merchant(body, self.settings)
        on_file, card = self._card(body)
        order = Order(
            operation=operation,
            merchant_id=body["merchant_id"],
            merchant_txn_ref=body.get("merchant_txn_ref"),
            amount=amount_of(body["amount"], body["currency"]),
            currency=body["currency"],
            card=on_file,
            customer_ip=body.get("customer_ip"),
            billing_address=dict(body["billing_address"]),
            shipping_address=body.get("shipping_address"),
            urls={name: url for name, url in (body.get("return_url") or {}).items() if url},
            store_card=(body.get("payment_method") or {}).get("store_payment_method") is True,
            token=_token(body),
        )
        return order, card

    def _card(self, body: Mapping[str, Any]) -> tuple[CardOnFile, TestCard]:
        token, given = _token(body), body.get("card")
        if token:
            on_file = self.books.stored_card(token)
            if on_file is None:
                raise Refused(400, "stored_payment_method_id is not known.", "BAD_REQUEST")
            return on_file, cards.by_name(on_file.test_card)
        if not given:
            raise Refused(400, "card is missing.", "BAD_REQUEST")
        missing = [name for name in ("number", "cvc", "expiry_month", "expiry_year", "name") if not given.get(name)]
        if missing:
            raise Refused(400, "; ".join(f"card.{name} is missing" for name in missing), "BAD_REQUEST")
        card = cards.by_number(given["number"])
        if card is None:
            raise Refused(406, "The sandbox takes test cards only; /_sandbox/cards lists them.", "NOT_ACCEPTABLE")
        year = given["expiry_year"]
        on_file = self.books.put_on_file(card, name=given["name"], exp_month=given["expiry_month"], exp_year=year[-2:])
        return on_file, card


def challenge_link(challenge: Challenge) -> str:
    """Return the path of a 3-D Secure page, with the query that the vendor's sample has: token, first 6, acquirer."""
    acquirer = base64.b64encode(b"sandbox").decode()
    query = {"_token": challenge.token, "_c": challenge.order.card.masked[:6], "_a": acquirer}
    return f"{CHALLENGE_PATH}?{urlencode(query)}"


def _token(body: Mapping[str, Any]) -> str | None:
    """Return the stored card that is to pay; a card that is given goes before it."""
    if body.get("card"):
        return None
    return (body.get("payment_method") or {}).get("stored_payment_method_id") or None


def check_merchant(body: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a request that names another merchant than the keys'."""
    if body["merchant_id"] != settings.merchant_id:
        raise Refused(400, "merchant_id is not the merchant of these keys.", "BAD_REQUEST")


def amount_of(given: str | int | Decimal, currency: str) -> Decimal:
    """Return an amount in major units, from the string or the JSON number that the endpoint takes; Refused if bad."""
    decimals = decimals_of(currency)
    if decimals is None:
        raise Refused(400, "currency is not an ISO 4217 code.", "BAD_REQUEST")
    try:
        amount = Decimal(given)
    except InvalidOperation:
        amount = Decimal("NaN")
    strange = isinstance(given, str) and not set(given) <= set("0123456789.")
    if strange or not amount.is_finite() or not 0 < amount < MAX_AMOUNT:
        raise Refused(400, "amount must be a decimal number above 0 and below 10^12.", "BAD_REQUEST")
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= decimals:
        return amount
    rounded = round(amount, decimals)
    if isinstance(given, str) or amount != rounded:
        raise Refused(400, f"amount has more than {decimals} decimals.", "BAD_REQUEST")
    return rounded  # 400.0 is as good a JSON number as 400
