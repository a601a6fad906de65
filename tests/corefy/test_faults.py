"""Whatever goes wrong at whichever of the three requests: the card is charged at most once, and the truth comes out.

The fault spoils the answer before or after the bank did what it was asked. What the call comes to may be any honest
answer; then the gateway is asked, and the same key is used again until it says how the payment ended.
"""

from __future__ import annotations

import pytest

from paymentoptions_async import GatewayUnavailable, InvalidRequest, NotSent, OutcomeUnknown, Payment, PaymentStatus
from paymentoptions_async.errors import PaymentOptionsError
from paymentoptions_async.payment import Progress
from tests.corefy.conftest import TEN, MakeMerchant, Merchant, client, of, outcome

pytestmark = pytest.mark.usefixtures("impatient")

FAULTS = ["error", "reset", "close", "half_head", "half_reply", "garbage", "html", "empty", "half_body", "redirect"]
WHENS = ["before", "after"]


async def ended(merchant: Merchant, answer: Payment | PaymentOptionsError) -> Payment:
    """Ask, and use the same key again, until there is an end."""
    for _ in range(3):
        if isinstance(answer, Payment) and answer.is_final:
            return answer
        await merchant.settle()
        payment = answer if isinstance(answer, Payment) else answer.payment
        await outcome(merchant.corefy.resolve(payment.ref))
        answer = await outcome(merchant.sale())
    assert isinstance(answer, Payment)
    return answer


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_invoice_whose_answer_is_spoilt_once_is_asked_for_again(open_merchant: MakeMerchant, fault, when):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add("corefy_create", fault, when=when, times=1)
    paid = await merchant.sale()
    assert paid.status is PaymentStatus.APPROVED
    assert merchant.charged() == 10
    assert merchant.requests("corefy_sale") == 1


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_invoice_that_is_never_answered_charges_nothing_and_the_key_goes_on(
    open_merchant: MakeMerchant, fault, when
):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add("corefy_create", fault, when=when, times=4)
    merchant.bank.faults.add("corefy_list", "error", status=503, times=4)
    with pytest.raises((GatewayUnavailable, InvalidRequest)) as raised:
        await merchant.sale()
    assert raised.value.payment.progress is Progress.REFUSED
    assert merchant.requests("corefy_sale") == 0
    merchant.bank.faults.clear()
    assert (await merchant.sale()).status is PaymentStatus.APPROVED
    assert merchant.charged() == 10
    assert len(merchant.bank.corefy.books.invoices) == 1


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_sale_whose_answer_is_spoilt_is_settled_by_its_invoice(open_merchant: MakeMerchant, fault, when):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add("corefy_sale", fault, when=when, times=1)
    answer = await outcome(merchant.sale())
    if when == "after":
        assert isinstance(answer, Payment)
        assert answer.status is PaymentStatus.APPROVED
    else:
        assert isinstance(answer, OutcomeUnknown)
    assert merchant.requests("corefy_sale") == 1
    await outcome(merchant.sale())
    assert merchant.requests("corefy_sale") == 1
    assert merchant.charged() == (10 if when == "after" else 0)


async def test_a_sale_that_never_came_is_over_when_its_invoice_is(nearby: Merchant):
    nearby.bank.faults.add("corefy_sale", "error", when="before", times=1)
    unknown = await of(nearby.sale())
    assert (await nearby.corefy.resolve(unknown.ref)).status is PaymentStatus.PENDING
    nearby.bank.corefy.expire(nearby.invoice(unknown).id)
    assert (await nearby.corefy.resolve(unknown.ref)).status is PaymentStatus.EXPIRED
    assert nearby.charged() == 0


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_invoice_that_can_not_be_read_after_its_sale_leaves_it_to_the_callback(
    open_merchant: MakeMerchant, fault
):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add("corefy_show", fault)
    merchant.bank.faults.add("corefy_sale", "reset", when="after", times=1)
    unknown = await of(merchant.sale())
    assert unknown.status is PaymentStatus.UNKNOWN
    assert unknown.transaction_id == merchant.invoice(unknown).id
    merchant.bank.faults.clear()
    await merchant.settle()
    await merchant.corefy.webhooks.take_up()  # what could not be confirmed waits
    await merchant.settle()
    assert (await merchant.corefy.payment(unknown.ref)).status is PaymentStatus.APPROVED
    assert merchant.charged() == 10


@pytest.mark.parametrize("endpoint", ["corefy_create", "corefy_sale", "corefy_show"])
async def test_a_gateway_that_hangs_is_given_up(open_merchant: MakeMerchant, endpoint):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add(endpoint, "hang", times=1)
    answer = await outcome(merchant.sale(timeout=0.4))
    await merchant.corefy.drain()
    merchant.bank.faults.clear()
    if isinstance(answer, PaymentOptionsError):
        assert isinstance(answer, (OutcomeUnknown, GatewayUnavailable))
    final = await ended(merchant, answer)
    assert final.status is PaymentStatus.APPROVED
    assert merchant.charged() == 10
    assert merchant.requests("corefy_sale") == 1


@pytest.mark.parametrize("where", ["private_url", "cardgate_url"])
async def test_a_host_that_can_not_be_reached_proves_that_nothing_was_sent(nearby: Merchant, where):
    away = client(nearby.url, journal=nearby.corefy._journal, transport=None, **{where: "http://127.0.0.1:9/gone"})
    if where == "cardgate_url":
        away._flow._wire = nearby.corefy._flow._wire
    with pytest.raises(NotSent) as raised:
        await nearby.sale(corefy=away)
    assert raised.value.payment.progress is Progress.NOT_SENT
    assert (await nearby.sale()).status is PaymentStatus.APPROVED
    assert len(nearby.bank.corefy.books.invoices) == 1
    await away.aclose()


@pytest.mark.parametrize("status", [401, 403, 429])
@pytest.mark.parametrize("endpoint", ["corefy_create", "corefy_sale"])
async def test_what_is_refused_charges_nothing_and_may_be_called_again(nearby: Merchant, endpoint, status):
    nearby.bank.faults.add(endpoint, "error", when="before", status=status, times=1)
    error = await outcome(nearby.sale())
    assert isinstance(error, PaymentOptionsError)
    assert error.payment.progress is Progress.REFUSED
    assert nearby.charged() == 0
    assert (await nearby.sale()).status is PaymentStatus.APPROVED
    assert nearby.charged() == 10


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_checkout_whose_answer_is_lost_is_found_again_under_its_key(open_merchant: MakeMerchant, fault, when):
    merchant = await open_merchant(over_http=True)
    merchant.bank.faults.add("corefy_create", fault, when=when, times=4)
    merchant.bank.faults.add("corefy_list", "error", status=503, times=4)
    with pytest.raises((GatewayUnavailable, InvalidRequest)):
        await merchant.corefy.checkout(TEN, idempotency_key="1:1")
    merchant.bank.faults.clear()
    page = await merchant.corefy.checkout(TEN, idempotency_key="1:1")
    assert page.status is PaymentStatus.ACTION_REQUIRED
    await merchant.pay_page(page)
    await merchant.settle()
    assert (await merchant.corefy.payment(page.ref)).status is PaymentStatus.APPROVED
    assert len(merchant.bank.corefy.books.invoices) == 1
