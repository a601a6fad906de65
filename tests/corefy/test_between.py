"""What happens between the invoice and its sale: givers-up, crashes, slowness, and others under the same key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from paymentoptions_async import (
    Contradiction,
    GatewayUnavailable,
    InvalidRequest,
    MemoryJournal,
    NotSent,
    OutcomeUnknown,
    Payment,
    PaymentStatus,
)
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.payment import Progress
from tests.corefy.conftest import TEN, MakeMerchant, Merchant, client, of, outcome

CREATE, SALE = "/corefy/api/payment-invoices", "/corefy/cardgate/payment/sale"
Step = Callable[[], Awaitable[None]]


class Gated(httpx.AsyncBaseTransport):
    """The sandbox's transport, with something to do before or after the requests to one path."""

    def __init__(self) -> None:
        self.inner: httpx.AsyncBaseTransport | None = None
        self.steps: dict[tuple[str, str, str], Step] = {}

    def at(self, method: str, path: str, when: str, step: Step) -> None:
        self.steps[method, path, when] = step

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert self.inner is not None
        await self._do(request, "before")
        response = await self.inner.handle_async_request(request)
        await self._do(request, "after")
        return response

    async def _do(self, request: httpx.Request, when: str) -> None:
        for (method, path, at), step in list(self.steps.items()):
            if (request.method, at) == (method, when) and request.url.path.startswith(path):
                await step()


class Held:
    """Holds a request until it is released."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.released.wait()


class Crash(BaseException):
    """The process ends here: nothing that follows is recorded."""


async def crash() -> None:
    raise Crash


class Hours:
    """A journal's clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def gate() -> Gated:
    return Gated()


@pytest.fixture
async def merchant(open_merchant: MakeMerchant, gate: Gated) -> Merchant:
    hours = Hours()
    journal = MemoryJournal(clock=hours)
    made: Merchant = await open_merchant(transport=gate, journal=journal)
    gate.inner = made.bank.transport()
    made.hours = hours  # type: ignore[attr-defined]
    return made


def later(merchant: Merchant) -> None:
    """All leases have ended."""
    merchant.hours.now += 3600  # type: ignore[attr-defined]


@pytest.mark.parametrize("at", ["before", "after"])
async def test_a_caller_who_leaves_before_the_sale_is_not_charged(merchant: Merchant, gate: Gated, at):
    held = Held()
    gate.at("POST", CREATE, at, held)
    paying = asyncio.create_task(merchant.sale())
    await held.reached.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    held.released.set()
    await merchant.corefy.drain()
    assert merchant.requests("corefy_sale") == 0

    gate.steps.clear()
    assert (await merchant.sale()).status is PaymentStatus.APPROVED
    assert merchant.charged() == 10
    assert len(merchant.bank.corefy.books.invoices) == 1


async def test_a_caller_who_left_has_no_lost_invoice_asked_for_again(merchant: Merchant, gate: Gated):
    merchant.bank.faults.add("corefy_create", "error", when="before", times=1)
    held = Held()
    gate.at("POST", CREATE, "after", held)
    paying = asyncio.create_task(merchant.sale())
    await held.reached.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    held.released.set()
    await merchant.corefy.drain()
    assert merchant.requests("corefy_create") == 1


async def test_a_caller_who_leaves_once_the_sale_has_left_is_charged_once(merchant: Merchant, gate: Gated):
    held = Held()
    gate.at("POST", SALE, "before", held)
    paying = asyncio.create_task(merchant.sale())
    await held.reached.wait()
    paying.cancel()
    held.released.set()
    with pytest.raises(asyncio.CancelledError):
        await paying
    await merchant.corefy.drain()
    assert (await merchant.sale()).status is PaymentStatus.APPROVED
    assert merchant.requests("corefy_sale") == 1


async def test_a_caller_who_waits_no_longer_is_not_charged_behind_their_back(merchant: Merchant, gate: Gated):
    held = Held()
    gate.at("POST", CREATE, "after", held)
    with pytest.raises(OutcomeUnknown, match="not answered in time"):
        await merchant.sale(timeout=1)
    held.released.set()
    await merchant.corefy.drain()
    [closed] = await merchant.corefy._journal.records(merchant.corefy._scope)
    assert (closed.payment.status, closed.payment.progress) == (PaymentStatus.CANCELLED, Progress.NOT_SENT)
    assert closed.payment.transaction_id == merchant.invoice(closed.ref).id
    assert merchant.requests("corefy_sale") == 0
    assert (await merchant.sale()).status is PaymentStatus.APPROVED


async def test_whoever_leaves_while_a_known_invoice_is_read_is_let_go_at_once(merchant: Merchant, gate: Gated):
    merchant.bank.faults.add("corefy_sale", "error", when="before", status=429, times=1)
    await outcome(merchant.sale())
    gate.at("GET", CREATE, "before", Held())
    with pytest.raises(NotSent):
        await asyncio.wait_for(merchant.sale(timeout=0.05), 2)
    assert merchant.charged() == 0


@pytest.mark.parametrize(
    ("path", "when", "sold"), [(CREATE, "before", 0), (CREATE, "after", 0), (SALE, "before", 0), (SALE, "after", 1)]
)
async def test_after_a_crash_the_same_key_goes_on_without_a_second_sale(
    merchant: Merchant, gate: Gated, path, when, sold
):
    gate.at("POST", path, when, crash)
    with pytest.raises(Crash):
        await merchant.sale()
    gate.steps.clear()
    assert merchant.requests("corefy_sale") == sold
    later(merchant)
    async with client(merchant.url, journal=merchant.corefy._journal, transport=gate) as next_one:
        if path == CREATE:  # no invoice was named, so no sale was sent: the journal knows
            assert await next_one.unresolved() == []
            assert (await merchant.sale(corefy=next_one)).status is PaymentStatus.APPROVED
        else:  # an invoice was named, so a sale may have been sent: the invoice says how it ended
            [left] = await next_one.unresolved()
            assert left.status is PaymentStatus.UNKNOWN
            with pytest.raises(OutcomeUnknown):
                await merchant.sale(corefy=next_one)
            said = await next_one.resolve(left.ref)
            assert said.status is (PaymentStatus.APPROVED if sold else PaymentStatus.PENDING)
            assert (await merchant.sale(corefy=next_one)).status is said.status
    assert merchant.charged() == (0 if path == SALE and not sold else 10)
    assert merchant.requests("corefy_sale") <= 1


async def test_an_invoice_whose_process_crashed_is_named_by_its_callback(merchant: Merchant, gate: Gated):
    gate.at("POST", CREATE, "after", crash)
    with pytest.raises(Crash):
        await merchant.sale()
    later(merchant)
    gate.steps.clear()
    await merchant.settle()
    [record] = await merchant.corefy._journal.records(merchant.corefy._scope)
    assert (record.payment.transaction_id, record.payment.progress) == (
        merchant.invoice(record.ref).id,
        Progress.REFUSED,
    )
    merchant.bank.faults.add("corefy_create", "error")
    assert (await merchant.sale()).status is PaymentStatus.APPROVED
    assert merchant.requests("corefy_create") == 1


async def test_an_invoice_that_was_lost_and_then_paid_on_its_page_is_paid(merchant: Merchant, gate: Gated):
    gate.at("POST", CREATE, "after", crash)
    with pytest.raises(Crash):
        await merchant.sale()
    later(merchant)
    gate.steps.clear()
    [invoice] = merchant.bank.corefy.books.invoices
    merchant.bank.corefy.process(invoice.id)
    await merchant.settle()
    assert (await merchant.sale()).status is PaymentStatus.APPROVED
    assert merchant.charged() == 10
    assert merchant.requests("corefy_sale") == 0


async def test_a_callback_that_overtakes_the_sale_takes_it_from_nobody(merchant: Merchant, gate: Gated):
    held = Held()
    gate.at("POST", CREATE, "after", held)
    paying = asyncio.create_task(merchant.sale())
    await held.reached.wait()
    await merchant.bank.flush()  # says that the invoice is pending, which it is
    await asyncio.sleep(0.05)
    [record] = await merchant.corefy._journal.records(merchant.corefy._scope)
    assert record.payment.progress is Progress.SENDING
    assert [notice.state for notice in await merchant.corefy._journal.notices(record.ref)] == [NoticeState.WAITING]
    held.released.set()
    assert (await paying).status is PaymentStatus.APPROVED


async def test_a_slow_call_that_others_have_taken_over_sells_nothing(merchant: Merchant, gate: Gated):
    held = Held()
    gate.at("POST", CREATE, "after", held)
    slow = asyncio.create_task(of(merchant.sale()))
    await held.reached.wait()
    later(merchant)
    gate.steps.clear()
    async with client(merchant.url, journal=merchant.corefy._journal, transport=gate) as other:
        assert (await merchant.sale(corefy=other)).status is PaymentStatus.APPROVED
    held.released.set()
    assert (await slow).status is PaymentStatus.APPROVED
    assert merchant.requests("corefy_sale") == 1
    assert merchant.charged() == 10


async def test_a_slow_call_leaves_the_sale_to_the_one_that_has_it_now(merchant: Merchant, gate: Gated):
    slow_one, other_one = Held(), Held()
    gate.at("POST", CREATE, "after", slow_one)
    slow = asyncio.create_task(outcome(merchant.sale()))
    await slow_one.reached.wait()
    later(merchant)
    gate.steps.clear()
    gate.at("POST", SALE, "before", other_one)
    async with client(merchant.url, journal=merchant.corefy._journal, transport=gate) as other:
        selling = asyncio.create_task(merchant.sale(corefy=other))
        await other_one.reached.wait()
        slow_one.released.set()
        assert (await of(slow)).status is PaymentStatus.PENDING
        assert merchant.requests("corefy_sale") == 0
        other_one.released.set()
        assert (await selling).status is PaymentStatus.APPROVED
    assert merchant.requests("corefy_sale") == 1


async def test_a_machine_that_slept_after_the_invoice_sells_nothing(merchant: Merchant, gate: Gated, monkeypatch):
    async def sleep() -> None:
        monkeypatch.setattr("paymentoptions_async.wire.exchange.uptime", lambda: 1e12)

    gate.at("POST", CREATE, "after", sleep)
    with pytest.raises(NotSent):
        await merchant.sale()
    assert merchant.requests("corefy_sale") == 0


async def test_a_sale_is_not_begun_without_time_for_it(merchant: Merchant, gate: Gated, monkeypatch):
    monkeypatch.setattr("paymentoptions_async.corefy.errands.LEAST_FOR_SALE", 1000.0)
    with pytest.raises(GatewayUnavailable, match="no time was left"):
        await merchant.sale()
    assert merchant.requests("corefy_sale") == 0
    monkeypatch.undo()
    assert (await merchant.sale()).status is PaymentStatus.APPROVED


async def test_a_bearer_that_has_ended_is_not_used(open_merchant: MakeMerchant):
    now = Hours()
    now.now = time.time()
    merchant = await open_merchant(clock=now)
    merchant.bank.faults.add("corefy_sale", "error", when="before", status=429, times=1)
    await outcome(merchant.sale())
    now.now += 3600
    with pytest.raises(InvalidRequest, match="no longer good; nothing was charged, use a new key"):
        await merchant.sale()
    assert merchant.requests("corefy_sale") == 1
    assert merchant.charged() == 0


async def test_a_bearer_that_the_cardgate_does_not_take_is_not_blamed_on_the_api_key(open_merchant: MakeMerchant):
    merchant = await open_merchant(settings={"bearer_seconds": 0})
    with pytest.raises(InvalidRequest, match="bearer no more; nothing was charged, use a new key"):
        await merchant.sale()


@pytest.mark.parametrize("status", [422, 429])
async def test_a_reference_of_another_journal_is_never_sold_again(open_merchant: MakeMerchant, status):
    merchant = await open_merchant(settings={"duplicate_status": status})
    pending = await merchant.sale(expiry=(7, 2077))
    async with client(merchant.url, transport=merchant.bank.transport()) as forgetful:
        found = await merchant.sale(corefy=forgetful)
        assert (found.status, found.transaction_id) == (PaymentStatus.PENDING, pending.transaction_id)
        merchant.bank.corefy.process(merchant.invoice(pending).id)
        assert (await forgetful.wait(found.ref, timeout=5)).status is PaymentStatus.APPROVED
    assert merchant.requests("corefy_sale") == 1
    async with client(merchant.url, transport=merchant.bank.transport()) as forgetful:
        assert (await merchant.sale(corefy=forgetful)).status is PaymentStatus.APPROVED
        merchant.bank.faults.add("corefy_list", "change", set={"data": []})
    async with client(merchant.url, transport=merchant.bank.transport()) as forgetful:
        with pytest.raises(OutcomeUnknown, match="used before, and not under this journal"):
            await merchant.sale(corefy=forgetful)
    assert merchant.charged() == 10


async def test_two_processes_with_one_key_charge_once(open_merchant: MakeMerchant, tmp_path: Path):
    merchant = await open_merchant(over_http=True, journal=tmp_path / "journal.db")
    async with client(merchant.url, journal=tmp_path / "journal.db") as other:
        calls = [merchant.sale(corefy=one, key="1:1") for one in (merchant.corefy, other) for _ in range(4)]
        paid = await asyncio.gather(*calls)
    assert {one.status for one in paid} == {PaymentStatus.APPROVED}
    assert merchant.requests("corefy_create") == merchant.requests("corefy_sale") == 1
    assert merchant.charged() == 10


async def test_a_person_who_was_wrong_is_contradicted(merchant: Merchant):
    merchant.bank.faults.add("corefy_sale", "reset", when="after", times=1)
    merchant.bank.faults.add("corefy_show", "error")
    unknown = await of(merchant.sale())
    assert isinstance(unknown, Payment)
    await merchant.corefy.settle(unknown.ref, "not_happened", by="Ann", note="not in the portal")
    merchant.bank.faults.clear()
    with pytest.raises(Contradiction):
        await merchant.corefy.resolve(unknown.ref)


async def test_what_a_person_found_is_asked_for_under_the_invoices_id(merchant: Merchant):
    page = await merchant.corefy.checkout(TEN, idempotency_key="1:1")
    told = await merchant.corefy.settle(
        page.ref, "happened", by="Ann", note="in the portal", transaction_id=page.transaction_id
    )
    assert told.transaction_id == page.transaction_id


async def test_an_invoice_that_someone_else_is_paying_is_not_sold(merchant: Merchant):
    merchant.bank.faults.add("corefy_sale", "error", when="before", status=429, times=1)
    await outcome(merchant.sale())
    active = {"data.relationships.active-payment": {"data": {"type": "payments", "id": "pay_1"}}}
    merchant.bank.faults.add("corefy_show", "change", set=active)
    assert (await merchant.sale()).status is PaymentStatus.PENDING
    assert merchant.requests("corefy_sale") == 1


async def test_a_sale_that_is_refused_while_another_is_under_way_is_pending(merchant: Merchant):
    merchant.bank.faults.add("corefy_sale", "error", when="after", status=422, times=1)
    pending = await merchant.sale(expiry=(7, 2077))
    assert pending.status is PaymentStatus.PENDING
    merchant.bank.corefy.process(merchant.invoice(pending).id)
    assert (await merchant.corefy.wait(pending.ref, timeout=5)).status is PaymentStatus.APPROVED
