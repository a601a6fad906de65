"""Opening a client: what an earlier process left is reported, taken up and handed over, and no secret is missing."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from paymentoptions_async import (
    ConfigurationError,
    MemoryJournal,
    Operation,
    OutcomeUnknown,
    PaymentStatus,
    WebhookRejected,
)
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.redirects import Purpose
from paymentoptions_async.sandbox import Sandbox
from paymentoptions_async.webhooks import Inbox
from tests.facade.conftest import PUBLIC_URL, Merchant, client

OLD, NEW = "the old secret of the tests", "the new secret of the tests"


class Clock:
    """A clock that only a test moves on, for journal and clients."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(clock):
    """Open clients one after the other on one journal and one bank, as restarts would."""
    journal = MemoryJournal(clock=clock)
    inboxes: list[Inbox] = []

    async def deliver(url: str, body: bytes) -> int:
        if not inboxes:
            return 503
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await inboxes[-1].receive(ref, token, headers={}, body=body)
        return 200

    bank = Sandbox(deliver=deliver)

    @asynccontextmanager
    async def opened(**more):
        options = {"journal": journal, "clock": clock, "transport": bank.transport(), **more}
        async with client("http://127.0.0.1", **options) as gateway:
            inboxes.append(gateway.webhooks)
            try:
                yield Merchant(gateway, bank, [])
            finally:
                inboxes.clear()

    return opened


async def test_a_secret_that_an_open_payments_webhook_needs_is_not_retired(opened):
    async with opened(signing_secrets=OLD) as merchant:
        started = await merchant.pay("challenge")
    with pytest.raises(ConfigurationError, match=f"1 open payments .*{started.ref}") as refused:
        async with opened(signing_secrets=NEW):
            pass
    for secret in (OLD, NEW):
        assert secret not in str(refused.value)
    async with opened(signing_secrets=[NEW, OLD]) as merchant:
        await merchant.bank.answer_challenge(started.redirect_url)
        await merchant.settle()  # its webhook was signed with the old secret
        assert (await merchant.gateway.payment(started.ref)).status is PaymentStatus.APPROVED
    async with opened(signing_secrets=NEW):
        pass


async def test_a_secret_that_a_payment_in_flight_needs_is_not_retired(opened):
    async with opened(signing_secrets=OLD) as merchant:
        intent = merchant.gateway._intent(Operation.PURCHASE, idempotency_key="on its way")
        signed = replace(intent, signing_key=merchant.gateway._settings.signer.key_ids[0])
        await merchant.gateway._journal.admit(signed, owner="another process", lease=45.0)
    with pytest.raises(ConfigurationError, match=f"1 open payments .*{intent.ref}"):
        async with opened(signing_secrets=NEW):
            pass


async def test_a_client_that_could_not_be_opened_closes_its_wire_and_leaves_the_journal_open(opened, monkeypatch):
    async with opened(signing_secrets=OLD) as merchant:
        started = await merchant.pay("challenge")
        journal = merchant.gateway._journal
    closed, transport = [], merchant.bank.transport()

    async def aclose():
        closed.append(transport)

    monkeypatch.setattr(transport, "aclose", aclose)
    gateway = client("http://127.0.0.1", journal=journal, signing_secrets=NEW, transport=transport)
    with pytest.raises(ConfigurationError, match="add it again"):
        await gateway.__aenter__()
    assert closed == [transport]
    with pytest.raises(ConfigurationError, match="is closed"):
        await gateway.payment(started.ref)
    assert (await journal.get(started.ref)).payment.status is PaymentStatus.ACTION_REQUIRED


async def test_new_urls_are_signed_with_the_first_secret(opened):
    async with opened(signing_secrets=[NEW, OLD]) as merchant:
        started = await merchant.pay("challenge")
        record = await merchant.gateway._journal.get(started.ref)
        assert record.intent.signing_key == merchant.gateway._settings.signer.key_ids[0]
    async with opened(signing_secrets=NEW):
        pass


async def test_what_passed_its_deadline_is_reported_and_listed(opened, clock, caplog):
    caplog.set_level(logging.WARNING, logger="paymentoptions_async")
    async with opened() as merchant:
        intents = []
        for number in range(12):
            intent = merchant.gateway._intent(Operation.PURCHASE, idempotency_key=f"lost:{number}")
            await merchant.gateway._journal.admit(intent, owner="gone", lease=45.0)
            intents.append(intent.ref)
            clock.now += 1
        on_its_way = merchant.gateway._intent(Operation.PURCHASE, idempotency_key="on its way")
        await merchant.gateway._journal.admit(on_its_way, owner="another", lease=100.0)
    clock.now += 60
    async with opened() as merchant:
        [said] = [record.getMessage() for record in caplog.records]
        assert said.startswith("12 payments passed their deadline without an answer")
        assert all(ref in said for ref in intents[:10])
        assert not any(ref in said for ref in (*intents[10:], on_its_way.ref))
        assert [payment.ref for payment in await merchant.gateway.unresolved()] == intents
        assert {payment.status for payment in await merchant.gateway.unresolved()} == {PaymentStatus.UNKNOWN}


async def test_where_nothing_was_left_nothing_is_said(opened, caplog):
    async with opened() as merchant:
        await merchant.pay("challenge")
    async with opened():
        pass
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_webhooks_that_an_earlier_process_could_not_confirm_are_confirmed(opened):
    async with opened() as merchant:
        started = await merchant.pay("challenge")
        await merchant.bank.answer_challenge(started.redirect_url)
        merchant.bank.faults.add("status", "error", status=503, times=4)
        await merchant.settle()
        [notice] = await merchant.gateway._journal.notices(started.ref)
        assert notice.state is NoticeState.WAITING
    async with opened() as merchant:
        await merchant.gateway.drain()
        assert (await merchant.gateway.payment(started.ref)).status is PaymentStatus.APPROVED


async def test_events_that_an_earlier_process_did_not_hand_over_are_handed_over(opened, clock):
    heard = []

    async def dies(event):
        raise SystemError

    async def hears(event):
        heard.append(event)

    async with opened(on_payment=dies) as merchant:
        paid = await merchant.pay()
        await merchant.gateway.drain()
    clock.now += 60
    async with opened(on_payment=hears) as merchant:
        await merchant.gateway.drain()
    assert [(event.payment.ref, event.event, event.attempt) for event in heard] == [(paid.ref, "answered", 2)]


async def test_a_lost_answer_of_an_earlier_process_is_settled_by_its_webhook_here(opened):
    async with opened() as merchant:
        merchant.bank.faults.add("paymentv2", "reset", when="after", times=1)
        with pytest.raises(OutcomeUnknown) as unknown:
            await merchant.pay()
    async with opened() as merchant:
        await merchant.settle()
        assert (await merchant.pay()).status is PaymentStatus.APPROVED
    assert len(merchant.bank.books.charges(unknown.value.ref)) == 1


async def test_a_webhook_with_a_secret_that_was_retired_is_refused(opened):
    async with opened(signing_secrets=OLD) as merchant:
        paid = await merchant.pay()
        token = merchant.gateway._settings.signer.token(paid.ref, Purpose.WEBHOOK)
    async with opened(signing_secrets=NEW) as merchant:
        with pytest.raises(WebhookRejected):
            await merchant.gateway.webhooks.receive(paid.ref, token, headers={}, body=b"{}")
        assert merchant.gateway.webhooks.refused == 1
