from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    MERCHANT_ID,
    OUTCOMES,
    X_API_KEY,
    Clock,
    Sandbox,
    Settings,
    Transaction,
)

PREFIX = "/api/v1/server-to-server-interface"
NUMBERS = {card.name: card.number for card in CARDS}
paying_cards = st.sampled_from(
    [
        "approved",
        "partial_approval",
        "pending",
        "timeout_charged",
        "declined",
        "verification_only",
        "unclear_not_charged",
    ]
)
operated_cards = st.sampled_from(
    [
        *("capture_declined", "capture_timeout", "capture_pending", "void_declined", "void_timeout"),
        *("refund_declined", "refund_timeout", "refund_pending", "refund_pending_then_declined", "refund_unclear"),
    ]
)
cards = paying_cards | operated_cards | st.just("approved")
amounts = st.sampled_from([1, 3, 7, 11])


class Shop(RuleBasedStateMachine):
    """A shop that authorises, pays, captures, voids and refunds in any order and amount, and lets time pass."""

    payments = Bundle("payments")
    charges = Bundle("charges")
    several_captures = True

    def __init__(self) -> None:
        super().__init__()
        clock = Clock(datetime(2026, 1, 2, tzinfo=UTC))
        options = Settings(several_captures=self.several_captures, authorization_seconds=600)
        self.sandbox = Sandbox(seed=1, clock=clock, settings=options)
        self.runner = asyncio.Runner()
        self.told: dict[str, tuple[bool, Decimal]] = {}

    def teardown(self) -> None:
        self.runner.close()

    @rule(target=payments, card=cards)
    def authorize(self, card: str) -> str:
        return self.pay("authorizationv2", card, 12)

    @rule(target=charges, card=cards)
    def purchase(self, card: str) -> str:
        return self.pay("paymentv2", card, 12)

    @rule(target=charges, card=operated_cards, amounts=st.tuples(amounts, amounts))
    def authorize_and_capture_twice(self, card: str, amounts: tuple[int, int]) -> str:
        payment = self.pay("authorizationv2", card, 12)
        self.captured(payment, amounts[0])
        return self.captured(payment, amounts[1])

    @rule(target=charges, payment=payments, amount=amounts)
    def capture(self, payment: str, amount: int) -> str:
        return self.captured(payment, amount)

    @rule(payment=payments)
    def void(self, payment: str) -> None:
        authorisation = self.found(payment)
        untouched = not any(one.reserved for one in self.sandbox.books.operations_on(authorisation))
        allowed = untouched and self.sandbox.operations.capturable(authorisation) > 0
        self.operate("void", authorisation, None, allowed=allowed)

    @rule(charge=charges, amount=amounts)
    def refund(self, charge: str, amount: int) -> None:
        charged = self.found(charge)
        self.operate("refund", charged, amount, allowed=amount <= self.sandbox.operations.refundable(charged))

    @rule(charge=consumes(charges))
    def refund_what_is_left(self, charge: str) -> None:
        charged = self.found(charge)
        left = self.sandbox.operations.refundable(charged)
        if left > 0:
            self.operate("refund", charged, left, allowed=True)

    @rule(seconds=st.sampled_from([1, 60, 61, 300]))
    def wait(self, seconds: int) -> None:
        self.runner.run(self.sandbox.advance(seconds))

    @invariant()
    def nothing_moves_that_was_not_there(self) -> None:
        for payment in self.sandbox.books.payments:
            below = self.sandbox.books.operations_on(payment)
            captured, voided = total(below, "CAPTURE"), total(below, "VOID")
            if payment.transaction_type == "PRE_AUTH":
                assert captured + voided <= payment.moved
                assert not (captured and voided)
                assert sum(1 for one in below if one.transaction_type == "VOID" and one.moved) <= 1
            for charge in (payment, *below):
                assert total(self.sandbox.books.operations_on(charge), "REFUND") <= charge.charged

    @invariant()
    def balances_add_up(self) -> None:
        for payment in self.sandbox.books.payments:
            balance = self.sandbox.operations.balance(payment)
            assert min(balance.captured, balance.refunded, balance.released, balance.capturable) >= 0
            assert 0 <= balance.refundable <= balance.captured - balance.refunded
            if balance.authorised:
                below = self.sandbox.books.operations_on(payment)
                pending = total(below, "CAPTURE") - balance.captured
                assert balance.authorised == balance.captured + balance.released + balance.capturable + pending

    @invariant()
    def what_was_told_is_what_moved(self) -> None:
        for transaction_id, (success, amount) in self.told.items():
            transaction = self.found(transaction_id)
            if success and transaction.outcome.charges:
                assert transaction.moved == amount

    def captured(self, payment: str, amount: int) -> str:
        authorisation = self.found(payment)
        allowed = amount <= self.sandbox.operations.capturable(authorisation)
        return self.operate("capture", authorisation, amount, allowed=allowed)

    def pay(self, path: str, card: str, amount: int) -> str:
        body = {
            "amount": str(amount),
            "currency": "JPY",
            "card": {"cvc": "100", "expiry_month": "12", "expiry_year": "29", "name": "J", "number": NUMBERS[card]},
            "merchant_txn_ref": f"order-{len(self.sandbox.books.payments)}",
            "customer_ip": "127.0.0.1",
            "merchant_id": MERCHANT_ID,
            "billing_address": {"country": "JP"},
        }
        return self.noted(self.send(path, body))

    def operate(self, operation: str, parent: Transaction, amount: int | Decimal | None, *, allowed: bool) -> str:
        body: dict[str, Any] = {"transactionId": parent.id, "merchant_id": MERCHANT_ID}
        reply = self.send(operation, body if amount is None else body | {"amount": int(amount)})
        transaction = self.found(self.noted(reply))
        assert transaction.merchant_txn_ref == parent.merchant_txn_ref
        assert transaction.parent_id == parent.id
        assert (transaction.outcome.name in OUTCOMES) is allowed  # what the card decides, or what the books refuse
        return transaction.id

    def noted(self, reply: dict[str, Any]) -> str:
        transaction_id: str = reply["transaction_details"]["id"]
        assert transaction_id not in self.told
        self.told[transaction_id] = (reply["success"], Decimal(reply["payment_details"]["amount"]))
        return transaction_id

    def found(self, transaction_id: str) -> Transaction:
        transaction = self.sandbox.books.find(transaction_id)
        assert transaction is not None
        return transaction

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async def sent() -> httpx.Response:
            key = base64.b64encode(f"{API_KEY}:".encode()).decode()
            headers = {"authorization": f"Basic {key}", "x-api-key": X_API_KEY}
            transport = self.sandbox.transport()
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
                return await client.post(f"{PREFIX}/{path}", json=body)

        reply = self.runner.run(sent())
        assert reply.status_code in {201, 412}
        decoded: dict[str, Any] = reply.json()
        return decoded


def total(operations: list[Transaction], kind: str) -> Decimal:
    return sum((one.reserved for one in operations if one.transaction_type == kind), Decimal(0))


class ShopWithSingleCaptures(Shop):
    several_captures = False

    @invariant()
    def one_capture_is_all(self) -> None:
        for payment in self.sandbox.books.payments:
            captures = [one for one in self.sandbox.books.operations_on(payment) if one.transaction_type == "CAPTURE"]
            assert sum(1 for one in captures if one.reserved) <= 1


@pytest.mark.parametrize("shop", [Shop, ShopWithSingleCaptures])
def test_no_order_of_operations_breaks_a_balance(shop):
    case = shop.TestCase
    case.settings = settings(
        max_examples=20,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    case("runTest").runTest()
