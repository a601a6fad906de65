"""The same of Corefy: its key, its callbacks' secret, bearers, cards, tokens, and what 3-D Secure posts to a bank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import Card, Money, Payment, PaymentEvent, PaymentOptionsError, policy
from paymentoptions_async.corefy import Corefy, Customer
from paymentoptions_async.sandbox import COREFY_ACCOUNT_ID, COREFY_CARDS, CorefySettings, Sandbox, Settings
from paymentoptions_async.sandbox.corefy.bearer import Bearers
from tests.safety.marks import CALLBACK_SECRET, COREFY_KEY, CVC, PAN, SIGNING_SECRET, Marks
from tests.safety.test_durable import assert_silent, files_of, logged
from tests.safety.tour import FAULTS, PUBLIC_URL, Prompt

__all__ = ["logged"]  # a fixture

TEN = Money("10.00", "USD")
NUMBERS = {card.name: card.number for card in COREFY_CARDS}
BUYER = Customer(reference_id="customer-1", name="John Doe", email="buyer@example.com")


@dataclass
class Shop:
    """A client of the sandbox's Corefy, and all that it ever gave back or raised."""

    corefy: Corefy
    bank: Sandbox
    returned: list[object] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    keys: Any = field(default_factory=lambda: map("{}:1".format, range(1, 10_000)))

    async def see(self, call: Any) -> Any:
        try:
            answer = await call
        except PaymentOptionsError as error:
            self.raised.append(error)
            return error
        self.returned += answer if isinstance(answer, (list, tuple)) else [answer]
        return answer

    async def sale(self, named: str = "processed", **more: Any) -> Any:
        card = Card(number=NUMBERS[named], cvc=CVC, expiry_month=10, expiry_year=2031, name="John Doe")
        asked = {"card": card, "customer": BUYER, "idempotency_key": next(self.keys), "customer_ip": "203.0.113.7"}
        return await self.see(self.corefy.sale(TEN, **asked | more))

    async def write_off(self, token: str, **more: Any) -> Any:
        asked = {"token": token, "customer": BUYER, "idempotency_key": next(self.keys)}
        return await self.see(self.corefy.write_off(TEN, **asked | more))

    async def settle(self) -> None:
        await self.bank.flush()
        await self.corefy.drain()


async def take(shop: Shop, marks: Marks, faults_here: list[tuple[str, dict[str, Any]]]) -> None:
    """Everything that goes well, then every fault of every endpoint, then what is refused on this side."""
    corefy, see, faults = shop.corefy, shop.see, shop.bank.faults
    stored = await shop.sale(tokenize=True)
    token = stored.stored_payment_method_id
    marks.private.add(token)
    for named in NUMBERS:
        challenged = await shop.sale(named, order=named)
        if isinstance(challenged, Payment) and challenged.redirect_form:
            assert challenged.redirect_url is not None
            posted = challenged.redirect_form
            marks.private |= {challenged.redirect_url, *(posted[name] for name in ("creq", "PaReq") if name in posted)}
    await shop.write_off(token)
    page = await see(corefy.checkout(TEN, idempotency_key=next(shop.keys), customer=BUYER, token=token))
    marks.private.add(page.redirect_url)
    await see(corefy.refund(stored.ref, Money("1.00", "USD"), idempotency_key=next(shop.keys)))
    await see(corefy.invoice(stored.transaction_id))
    await shop.settle()
    for fault, options in faults_here:
        for endpoint in ("corefy_create", "corefy_sale", "corefy_show"):
            faults.add(endpoint, fault, times=4, **options)
            await shop.sale("processed_3ds" if endpoint == "corefy_sale" else "processed")
            await shop.write_off(token)
            faults.clear()
        faults.add("corefy_refund", fault, **options)
        await see(corefy.refund(stored.ref, Money("0.01", "USD"), idempotency_key=next(shop.keys)))
        faults.clear()
    for fault in ("forged", "unsigned", "live_secret"):
        faults.add("corefy_callback", fault)
        await shop.sale()
        await shop.settle()
        faults.clear()
    await shop.sale(idempotency_key=PAN)
    await shop.write_off(f"{token}-")
    await see(corefy.refund(PAN))
    await see(corefy.invoice(PAN))
    await see(corefy.webhooks.receive_signed(headers={"X-Signature": CALLBACK_SECRET}, body=PAN.encode()))
    await see(corefy.unresolved())
    await see(corefy.history(stored.ref))


@pytest.mark.parametrize("three_d_secure", [1, 2])
async def test_nothing_is_shown_or_kept_of_all_that_is_done_with_corefy(
    three_d_secure, tmp_path: Path, logged, monkeypatch, capfd
):
    monkeypatch.setattr(policy, "EXCHANGE_FLOOR", 0.05)
    marks = Marks()
    issue = Bearers.issue
    monkeypatch.setattr(Bearers, "issue", lambda *about: marks.keep_secret(issue(*about)))
    events: list[PaymentEvent] = []

    async def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await shop.see(shop.corefy.webhooks.receive(ref, token, headers=headers, body=body))
        return 200

    async def fulfil(event: PaymentEvent) -> None:
        events.append(event)

    settings = CorefySettings(api_key=COREFY_KEY, test_secret=CALLBACK_SECRET, three_d_secure=three_d_secure)
    bank = Sandbox(settings=Settings(corefy=settings), deliver_callback=deliver)
    client = Corefy(
        account_id=COREFY_ACCOUNT_ID,
        api_key=COREFY_KEY,
        private_url="http://127.0.0.1/corefy/api",
        cardgate_url="http://127.0.0.1/corefy/cardgate",
        test_mode=True,
        callback_secrets=CALLBACK_SECRET,
        signing_secrets=SIGNING_SECRET,
        public_url=PUBLIC_URL,
        transport=bank.transport(),
        journal=str(tmp_path / "journal.db"),
        on_payment=fulfil,
        random=Prompt(),
    )
    async with client:
        shop = Shop(client, bank)
        await take(shop, marks, FAULTS[three_d_secure - 1 :: 2])
        assert files_of(tmp_path, marks) == set(), "while it is open"
    assert files_of(tmp_path, marks) == set(), "after it was closed"
    shop.returned += events
    assert any(isinstance(one, Payment) and one.redirect_form for one in shop.returned)
    assert len(events) > 3
    assert len({type(error) for error in shop.raised}) > 4
    assert_silent(shop, marks)
    assert marks.found_in(logged()) == set()
    assert marks.found_in("".join(capfd.readouterr())) == set()
