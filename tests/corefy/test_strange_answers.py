"""Answers that the sandbox never gives: what is odd before the sale stops it, what is odd after it settles nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from paymentoptions_async import (
    EnvironmentMismatch,
    GatewayUnavailable,
    InvalidRequest,
    OutcomeUnknown,
    Payment,
    PaymentStatus,
)
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.payment import Progress
from paymentoptions_async.wire.exchange import Reply
from tests.corefy.conftest import TEN, card, client, encoded, invoice_document
from tests.support.scripted import ScriptedWire, answer, lost, not_sent

pytestmark = pytest.mark.usefixtures("impatient")


@dataclass
class Played:
    """A client whose two hosts play a script."""

    corefy: Corefy
    private: ScriptedWire
    cardgate: ScriptedWire

    @property
    def ref(self) -> str:
        return str(self.private.sent[0].body).partition('"reference_id":"')[2].partition('"')[0]

    def invoice(self, http_status: int = 201, /, **attributes: Any) -> Any:
        """A step that answers with the invoice of the reference that was asked for."""
        return lambda _: answer(encoded(invoice_document(self.ref, **attributes)), http_status)

    async def pay(self) -> Payment:
        return await self.corefy.sale(TEN, card=card(), idempotency_key="1:1", without_webhook=True)


@pytest.fixture
async def played() -> AsyncIterator[Played]:
    private, cardgate = ScriptedWire(), ScriptedWire()
    async with client("http://127.0.0.1:9", public_url=None) as corefy:
        for wire in corefy._wires:
            await wire.aclose()
        corefy._flow._wire, corefy._cardgate = private, cardgate
        corefy._wires = (private, cardgate)
        yield Played(corefy, private, cardgate)
    assert not private.steps
    assert not cardgate.steps


SOLD = answer({"status": "processed", "resolution": "ok"})


async def test_an_invoice_that_may_have_been_made_is_not_said_to_be_unsent(played: Played):
    played.private.then(lost(), *[not_sent()] * 4)
    with pytest.raises(GatewayUnavailable) as raised:
        await played.pay()
    assert raised.value.payment is not None
    assert raised.value.payment.progress is Progress.REFUSED
    assert raised.value.evidence is not None
    assert not raised.value.evidence.not_sent


async def test_an_invoice_that_is_paid_already_is_not_sold(played: Played):
    played.private.then(played.invoice(status="processed", processed_amount=10))
    assert (await played.pay()).status is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"amount": 9}, "it is for 9.00 USD"),
        ({"status": "verified"}, "its status is 'verified'"),
        ({"currency": "EUR"}, "10.00 EUR"),
    ],
)
async def test_an_invoice_for_something_else_is_not_sold(played: Played, attributes: dict[str, Any], why: str):
    played.private.then(played.invoice(**attributes))
    with pytest.raises(GatewayUnavailable, match=why):
        await played.pay()


async def test_an_invoice_without_a_bearer_is_not_sold(played: Played):
    played.private.then(played.invoice(flow_data={"metadata": {"sid": "cgi_1"}}))
    with pytest.raises(InvalidRequest, match="no bearer"):
        await played.pay()


async def test_an_invoice_of_the_other_mode_is_not_sold_and_ends_the_client(played: Played):
    played.private.then(played.invoice(test_mode=False))
    with pytest.raises(EnvironmentMismatch, match="live mode"):
        await played.pay()
    with pytest.raises(EnvironmentMismatch, match="charges no more"):
        await played.corefy.sale(TEN, card=card(), idempotency_key="2:1", without_webhook=True)


@pytest.mark.parametrize("sold", [answer({"status": "odd"}), answer(b"<html>"), lost(), answer({}, 502)])
async def test_the_invoice_speaks_for_a_sale_that_does_not(played: Played, sold: Reply):
    played.private.then(played.invoice(), played.invoice(200, status="processed", processed_amount=10))
    played.cardgate.then(sold)
    assert (await played.pay()).status is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    "attributes",
    [
        {"id": "cpi_other", "status": "processed", "processed_amount": 10},
        {"status": "processed", "processed_amount": 99},
        {"status": "process_pending"},
    ],
)
async def test_an_invoice_that_does_not_fit_settles_no_lost_sale(played: Played, attributes: dict[str, Any]):
    played.private.then(played.invoice(), played.invoice(200, **attributes))
    played.cardgate.then(lost())
    with pytest.raises(OutcomeUnknown) as raised:
        await played.pay()
    assert raised.value.payment is not None
    assert raised.value.payment.transaction_id == "cpi_ADzwZTG99f3q3utQ"


async def test_a_sale_that_says_it_is_done_waits_for_its_invoice(played: Played):
    played.private.then(played.invoice(), played.invoice(200))
    played.cardgate.then(SOLD)
    assert (await played.pay()).status is PaymentStatus.PENDING


async def test_the_sale_carries_the_invoices_bearer_and_nothing_of_ours(played: Played):
    played.private.then(played.invoice(), played.invoice(200))
    played.cardgate.then(SOLD)
    await played.pay()
    [sale] = played.cardgate.sent
    assert sale.authentication is not None
    assert sale.authentication.headers() == {"Authorization": "Bearer eyJ0eXAi.eyJzaWQi.c2ln"}
    assert sale.path == "/payment/sale"
    assert [(request.method, request.path) for request in played.private.sent] == [
        ("POST", "/payment-invoices"),
        ("GET", "/payment-invoices/cpi_ADzwZTG99f3q3utQ"),
    ]
