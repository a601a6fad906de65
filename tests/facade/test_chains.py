"""One table of scenarios, each through every network: in process, over HTTP, slow, and faulty.

A scenario is the chain of calls, the card, the amount, the states that the last payment of the chain goes through, and
what the bank takes. The faulty network loses the answer to the charge and the first answers to questions: the chain
then begins with UNKNOWN, and ends as if nothing had been lost. Only where the buyer never learnt of the 3-D Secure page
does it stay UNKNOWN, and nothing is charged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from decimal import Decimal

import pytest

from paymentoptions_async import Card, GatewayUnavailable, Money, OutcomeUnknown, Payment
from paymentoptions_async.sandbox import Sandbox, serve
from tests.facade.conftest import ADDRESS, NUMBERS, PUBLIC_URL, client

SCENARIOS = [
    (["purchase"], "approved", "1000 JPY", ["approved"], "1000"),
    (["purchase"], "approved", "10.50 USD", ["approved"], "10.50"),
    (["purchase"], "partial_approval", "1000 JPY", ["partially_approved"], "500"),
    (["purchase"], "insufficient_funds", "1000 JPY", ["declined"], "0"),
    (["purchase"], "risk_rule", "1000 JPY", ["declined"], "0"),
    (["purchase"], "pending", "1000 JPY", ["pending", "approved"], "1000"),
    (["purchase"], "pending_then_declined", "1000 JPY", ["pending", "declined"], "0"),
    (["purchase"], "timeout_charged", "1000 JPY", ["unknown", "approved"], "1000"),
    (["purchase"], "unclear_not_charged", "1000 JPY", ["unknown", "declined"], "0"),
    (["purchase"], "challenge", "1000 JPY", ["action_required", "approved"], "1000"),
    (["purchase"], "challenge_then_declined", "1000 JPY", ["action_required", "declined"], "0"),
    (["purchase"], "challenge_then_timeout", "1000 JPY", ["action_required", "approved"], "1000"),
    (["authorize"], "approved", "1000 JPY", ["authorized"], "0"),
    (["authorize"], "challenge", "1000 JPY", ["action_required", "authorized"], "0"),
    (["authorize", "capture"], "approved", "1.234 KWD", ["approved"], "1.234"),
    (["authorize", "capture"], "capture_declined", "1000 JPY", ["declined"], "0"),
    (["authorize", "capture"], "capture_pending", "1000 JPY", ["pending", "approved"], "1000"),
    (["authorize", "void"], "approved", "1000 JPY", ["approved"], "0"),
    (["authorize", "capture", "refund"], "approved", "1000 JPY", ["approved"], "1000"),
    (["purchase", "refund"], "approved", "1000 JPY", ["approved"], "1000"),
    (["purchase", "refund"], "refund_declined", "1000 JPY", ["declined"], "1000"),
    (["purchase", "refund"], "refund_pending", "1000 JPY", ["pending", "approved"], "1000"),
]
CHARGES = ("payment", "paymentv2", "authorization", "authorizationv2")


@pytest.fixture(params=["in process", "over HTTP", "slow", "faulty"])
async def world(request) -> AsyncIterator[tuple[str, Sandbox, object]]:
    async def deliver(url: str, body: bytes) -> int:
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await gateway.webhooks.receive(ref, token, headers={}, body=body)
        return 200

    bank = Sandbox(deliver=deliver)
    if request.param == "slow":
        bank.faults.add("*", "delay", when="before", seconds=0.02)
        bank.faults.add("*", "delay", when="after", seconds=0.02)
    if request.param == "faulty":
        for charge in CHARGES:
            bank.faults.add(charge, "reset", when="after", times=1)
        bank.faults.add("status", "error", status=503, times=1)
        bank.faults.add("status", "half_reply", nth=2)
    async with AsyncExitStack() as stack:
        if request.param == "in process":
            gateway = client("http://127.0.0.1", transport=bank.transport())
        else:
            gateway = client(await stack.enter_async_context(serve(bank)))
        await stack.enter_async_context(gateway)
        yield request.param, bank, gateway


async def settled(bank: Sandbox, gateway, payment: Payment) -> Payment:
    """Let buyer, bank and webhooks do their part."""
    if payment.redirect_url:
        await bank.answer_challenge(payment.redirect_url)
    for _ in range(3):
        await bank.advance(120)
        await gateway._flow.drain()
        with suppress(GatewayUnavailable):
            payment = await gateway.resolve(payment.ref)
        if payment.is_final:
            break
    return payment


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{'-'.join(s[0])} {s[1]} {s[2]}")
async def test_every_network_leads_to_the_same_end(world, scenario):
    network, bank, gateway = world
    calls, card, money, states, taken = scenario
    amount = Money(*money.split())
    for call in calls:
        try:
            if call in ("purchase", "authorize"):
                payment = await getattr(gateway, call)(
                    amount,
                    card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
                    billing_address=ADDRESS,
                    customer_ip="203.0.113.7",
                    idempotency_key="1",
                )
            else:
                payment = await getattr(gateway, call)(payment.ref)
        except OutcomeUnknown as unknown:
            payment = unknown.payment
        assert payment.transaction_id or payment.redirect_url or payment.status == "unknown"
        payment = await settled(bank, gateway, payment)
    told = [entry.status.value for entry in await gateway.history(payment.ref) if entry.event != "opened"]
    page_lost = network == "faulty" and card.startswith("challenge")
    assert told[-1] == ("unknown" if page_lost else states[-1])
    assert sum(charge.charged for charge in bank.books.charges()) == (0 if page_lost else Decimal(taken))
    assert told == states or network == "faulty"
    if network == "faulty" and len(calls) == 1:
        assert told[0] == "unknown"
