from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import pytest

from paymentoptions_async import refs
from paymentoptions_async.flow import Call, Flow
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.intent import Change, Intent
from paymentoptions_async.journal import MemoryJournal
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.settings import Settings
from paymentoptions_async.values import Money
from tests.support.scripted import MERCHANT, ScriptedWire
from tests.support.status_desk import StatusDesk
from tests.support.virtual_time import unix_time


@dataclass
class Shop:
    """A flow over a scripted wire, with a clock that only a test moves."""

    now: float = 1_700_000_000.0
    wire: ScriptedWire = field(default_factory=ScriptedWire)

    def __post_init__(self) -> None:
        self.settings = Settings.check(
            merchant_id=MERCHANT,
            environment="sandbox",
            sandbox_url="http://127.0.0.1:1",
            signing_secrets="0123456789abcdef",
            public_url="https://shop.example/pay",
            proxy=None,
        )
        self.journal = MemoryJournal(clock=lambda: self.now)
        self.gateway = CardGateway(self.settings)
        self.flow = self.another_flow()

    def another_flow(self) -> Flow:
        """As a second process on the same journal would have it."""
        return Flow(journal=self.journal, wire=self.wire, gateway=self.gateway, random=Random(1))

    def intent(self, key: str = "1042:1", **about: Any) -> Intent:
        known: dict[str, Any] = {
            "operation": Operation.PURCHASE,
            "amount": Money("1000", "JPY"),
            "instrument": "520000******1005 12/29",
        } | about
        ref = refs.make_ref(
            gateway=NAME,
            environment="sandbox",
            merchant_id=MERCHANT,
            family=known["operation"].family,
            idempotency_key=key,
        )
        return Intent(gateway=NAME, environment="sandbox", merchant_id=MERCHANT, idempotency_key=key, ref=ref, **known)

    def call(self, key: str = "1042:1", **about: Any) -> Call:
        intent = self.intent(key, **about)
        return Call(intent, "/paymentv2", b"{}", partial(self.gateway.read_operation, intent=intent))

    async def pay(
        self, key: str = "1042:1", *, timeout: float = 5.0, flow: Flow | None = None, **about: Any
    ) -> Payment:
        return await (flow or self.flow).operate(self.call(key, **about), timeout=timeout)

    def ref(self, key: str = "1042:1", operation: Operation = Operation.PURCHASE) -> str:
        return self.intent(key, operation=operation).ref


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Retries come at once."""
    monkeypatch.setattr("paymentoptions_async.policy.delay_before", lambda *_: 0.0)
    return lambda: None


class CountedJournal(MemoryJournal):
    """Counts how often a record is read and waited for."""

    def __init__(self) -> None:
        super().__init__(clock=unix_time)
        self.reads = self.sleeps = 0

    async def get(self, ref):
        self.reads += 1
        return await super().get(ref)

    async def changed(self, ref, *, after, timeout):
        self.sleeps += 1
        return await super().changed(ref, after=after, timeout=timeout)


@pytest.fixture
def desk(shop):
    """The bank's side of the shop, in virtual time."""
    shop.wire = StatusDesk()
    shop.journal = CountedJournal()
    shop.flow = shop.another_flow()
    return shop.wire


@pytest.fixture
def begin(shop, desk):
    """Put payments into the journal that are not final; the reference of each, with its transaction."""

    async def begin(count, status=PaymentStatus.PENDING):
        begun = {}
        for number in range(count):
            own = f"{number:08x}-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
            known = {"transaction_id": own} if status is PaymentStatus.PENDING else {}
            intent = shop.intent(str(number))
            payment = replace(intent.opened(), status=status, progress=Progress.ANSWERED, **known)
            answered = Change(payment, Source.REPLY, "answered")
            await shop.journal.admit(intent, owner="gone", lease=45.0)
            await shop.journal.change(intent.ref, lambda _, answered=answered: answered)
            begun[intent.ref] = own
        return begun

    return begin
