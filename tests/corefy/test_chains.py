"""One table of scenarios, each through every network: in process, over HTTP, slow, and faulty.

A scenario is the chain of calls, the test card, its expiry date, what the last payment of the chain ends as, what the
bank takes, and what it gives back. The faulty network loses one answer to each kind of request, and the chain ends as
if nothing had been lost. Only where the buyer never learnt of the 3-D Secure page does nothing come of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from paymentoptions_async import GatewayUnavailable, Money, Payment
from tests.corefy.conftest import BUYER, TEN, MakeMerchant, Merchant, of

ANY, NEVER, POOR = (10, 2031), (7, 2077), (5, 2029)
SCENARIOS = [
    (["checkout"], "processed", ANY, "approved", 10, 0),
    (["checkout"], "processed_3ds", ANY, "approved", 10, 0),
    (["checkout", "refund"], "processed", ANY, "approved", 10, 10),
    (["sale"], "processed", ANY, "approved", 10, 0),
    (["sale"], "processed", NEVER, "pending", 0, 0),
    (["sale"], "failed", POOR, "declined", 0, 0),
    (["sale"], "processed_3ds", ANY, "approved", 10, 0),
    (["sale"], "failed_3ds", POOR, "declined", 0, 0),
    (["sale", "part", "refund"], "processed", ANY, "approved", 10, 10),
    (["sale", "write_off"], "processed", ANY, "approved", 20, 0),
    (["sale", "write_off", "refund"], "processed", ANY, "approved", 20, 10),
]


@pytest.fixture(params=["in process", "over HTTP", "slow", "faulty"])
async def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def merchant(network: str, open_merchant: MakeMerchant) -> Merchant:
    made: Merchant = await open_merchant(over_http=network != "in process")
    if network == "slow":
        made.bank.faults.add("*", "delay", when="before", seconds=0.02)
        made.bank.faults.add("*", "delay", when="after", seconds=0.02)
    if network == "faulty":
        for charging in ("corefy_create", "corefy_sale", "corefy_refund"):
            made.bank.faults.add(charging, "reset", when="after", times=1)
        made.bank.faults.add("corefy_show", "error", status=503, times=1)
        made.bank.faults.add("corefy_show", "half_reply", nth=2)
        made.bank.faults.add("corefy_callback", "reorder", nth=1)
    return made


async def call(merchant: Merchant, name: str, before: Payment | None, card: str, expiry: tuple[int, int]) -> Payment:
    """Make one call of a chain, after the payment that it follows."""
    if name == "checkout":
        return await merchant.corefy.checkout(TEN, customer=BUYER, idempotency_key="1:1")
    if name == "sale":
        return await of(merchant.sale(card, expiry=expiry, tokenize=True))
    assert before is not None
    if name == "write_off":
        assert before.stored_payment_method_id is not None
        return await of(merchant.write_off(before.stored_payment_method_id))
    part: dict[str, Any] = {"amount": Money("3.00", "USD"), "idempotency_key": "part"} if name == "part" else {}
    return await of(merchant.corefy.refund(before.ref if before.parent is None else before.parent, **part))


async def settled(merchant: Merchant, payment: Payment, card: str) -> Payment:
    """Let buyer, bank and callbacks do their part."""
    if payment.redirect_form is not None:
        handed = {"action": payment.redirect_url, "method": "POST", "params": dict(payment.redirect_form)}
        await merchant.bank.corefy.answer_challenge(handed)
    elif payment.redirect_url is not None:
        bank_page = await merchant.bank.corefy.pay_page(payment.redirect_url, card)
        if card.endswith("3ds") and bank_page is not None:
            await merchant.bank.corefy.answer_challenge(bank_page)
    for _ in range(3):
        await merchant.bank.advance(60)
        await merchant.corefy.drain()
        with suppress(GatewayUnavailable):
            payment = await merchant.corefy.resolve(payment.ref)
        if payment.is_final:
            break
    return payment


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{'-'.join(s[0])} {s[1]} {s[2]}")
async def test_every_network_leads_to_the_same_end(network: str, merchant: Merchant, scenario):
    calls, card, expiry, end, taken, given_back = scenario
    payment: Payment | None = None
    for name in calls:
        payment = await settled(merchant, await call(merchant, name, payment, card, expiry), card)
    assert payment is not None
    if network == "faulty" and calls == ["sale"] and card.endswith("3ds"):
        end, taken = "pending", 0  # the way to the bank's page is lost
    assert payment.status == end
    assert merchant.charged() == taken
    assert sum(refund.amount for refund in merchant.bank.corefy.books.refunds()) == given_back
    assert merchant.requests("corefy_sale") == sum(name in ("sale", "write_off") for name in calls)
    assert merchant.requests("corefy_refund") == sum(name in ("part", "refund") for name in calls)
