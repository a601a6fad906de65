"""What a client needs, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from paymentoptions_async import ConfigurationError, InvalidValue, Money, NotAllowed, ReturnUrls
from paymentoptions_async.corefy import Corefy, Customer, CustomerAddress
from tests.corefy.conftest import BUYER, TEN, Merchant, card, client

NEEDED = {
    "COREFY_ACCOUNT_ID": "coma_1",
    "COREFY_API_KEY": "the api key",
    "COREFY_PRIVATE_URL": "https://api.brand.example/api/",
    "COREFY_TEST_MODE": "true",
    "COREFY_JOURNAL": "memory:",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_it_is_made_from_the_environment(environment: pytest.MonkeyPatch):
    environment.setenv("COREFY_CALLBACK_SECRETS", "sk_test_1, sk_test_2")
    environment.setenv("COREFY_SIGNING_SECRETS", "sixteen-bytes-or-more")
    environment.setenv("COREFY_PUBLIC_URL", "https://shop.example/corefy")
    async with Corefy.from_env() as corefy:
        assert repr(corefy) == "<Corefy test coma_1>"
        assert "key" not in repr(corefy._settings)


@pytest.mark.parametrize("name", ["COREFY_ACCOUNT_ID", "COREFY_API_KEY", "COREFY_PRIVATE_URL", "COREFY_TEST_MODE"])
def test_what_is_missing_is_named(environment: pytest.MonkeyPatch, name: str):
    environment.setenv(name, "")
    with pytest.raises(ConfigurationError, match=name):
        Corefy.from_env()


def test_an_argument_comes_before_its_variable(environment: pytest.MonkeyPatch):
    assert Corefy.from_env(account_id="coma_2")._settings.account_id == "coma_2"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"test_mode": "maybe"}, "test_mode is not set"),
        ({"test_mode": False}, "the sandbox takes tests only"),
        ({"private_url": "http://api.brand.example"}, "private_url: needs https"),
        ({"private_url": "https://user:pass@api.brand.example"}, "private_url"),
        ({"cardgate_url": "https://cardgate.example/?a=b"}, "cardgate_url"),
        ({"private_url": "https://api.brand.example"}, "journal is not set"),
        (
            {"private_url": "https://api.brand.example", "test_mode": False, "journal": "memory:"},
            "survives the process",
        ),
        ({"callback_secrets": None}, "COREFY_CALLBACK_SECRETS"),
        ({"signing_secrets": None}, "COREFY_SIGNING_SECRETS"),
        ({"signing_secrets": "short"}, "16 bytes"),
        ({"public_url": "http://shop.example"}, "public URL: needs https"),
    ],
)
def test_unsafe_settings_are_refused(settings: dict[str, Any], why: str):
    with pytest.raises(ConfigurationError, match=why):
        client("http://127.0.0.1:9", **settings)


async def test_a_sale_needs_the_cardgate_and_a_page_does_not(nearby: Merchant):
    async with client(nearby.url, cardgate_url=None, transport=nearby.bank.transport()) as corefy:
        with pytest.raises(ConfigurationError, match="COREFY_CARDGATE_URL"):
            await nearby.sale(corefy=corefy)
        assert (await corefy.checkout(TEN, idempotency_key="1:1")).redirect_url


WRONG: list[tuple[str, dict[str, Any], type[Exception]]] = [
    ("checkout", {"tokenize": True}, InvalidValue),
    ("checkout", {"token": "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x"}, InvalidValue),
    ("checkout", {"customer": BUYER, "token": "no token"}, InvalidValue),
    ("checkout", {"customer": "customer-1"}, InvalidValue),
    ("checkout", {"service": "../payments"}, InvalidValue),
    ("checkout", {"metadata": {"a": 1}}, InvalidValue),
    ("checkout", {"description": "x" * 256}, InvalidValue),
    ("checkout", {"timeout": None}, InvalidValue),
    ("checkout", {"supersedes": "PO1"}, InvalidValue),
    ("sale", {"card": "5519283812030000"}, InvalidValue),
    ("sale", {"card": card(), "customer_ip": "somewhere"}, InvalidValue),
    ("sale", {"card": card(), "tokenize": True}, InvalidValue),
    ("write_off", {"token": "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x", "customer": None}, InvalidValue),
    ("write_off", {"token": "", "customer": BUYER}, InvalidValue),
]


@pytest.mark.parametrize(("method", "arguments", "error"), WRONG, ids=lambda value: str(value)[:40])
async def test_bad_input_is_refused_before_anything_is_sent(nearby: Merchant, method, arguments, error):
    with pytest.raises(error) as raised:
        await getattr(nearby.corefy, method)(TEN, idempotency_key="1:1", **arguments)
    assert "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x" not in str(raised.value)
    assert len(nearby.bank.requests) == 0


@pytest.mark.parametrize("amount", [Money("0", "USD"), 10, "10 USD", 10.0])
async def test_an_amount_is_a_money_above_zero(nearby: Merchant, amount):
    with pytest.raises(InvalidValue):
        await nearby.corefy.checkout(amount, idempotency_key="1:1")


@pytest.mark.parametrize("invoice_id", ["", "cpi_", "cpi_../refund", "cpi_1/refund", "cpi_1?a=b", None, 7])
async def test_an_invoices_id_hides_no_path(nearby: Merchant, invoice_id):
    with pytest.raises(InvalidValue):
        await nearby.corefy.invoice(invoice_id)


async def test_what_nobody_could_ever_learn_is_refused_unless_the_caller_insists(nearby: Merchant):
    async with client(nearby.url, public_url=None, transport=nearby.bank.transport()) as corefy:
        with pytest.raises(NotAllowed, match="no callback URL"):
            await nearby.sale(corefy=corefy)
        own = ReturnUrls(
            webhook_url="https://shop.example/hook/{ref}/{token}",
            success_url="https://shop.example/ok",
            decline_url="https://shop.example/no",
        )
        paid = await nearby.sale(corefy=corefy, return_urls=own)
    terms = nearby.invoice(paid).terms
    assert terms.return_urls == {
        "success": "https://shop.example/ok",
        "pending": "https://shop.example/ok",
        "fail": "https://shop.example/no",
    }
    assert terms.callback_url.startswith(f"https://shop.example/hook/{paid.ref}/")


async def test_a_customer_arrives_with_all_that_is_known(nearby: Merchant):
    customer = Customer(
        reference_id="customer-9",
        name="Jane Doe",
        email="jane@example.com",
        phone="+15550100",
        date_of_birth="1990-01-31",
        address=CustomerAddress(country="US", region="MI", city="Springfield", street="1 Main St", post_code="49007"),
        metadata={"tier": "gold"},
    )
    page = await nearby.corefy.checkout(TEN, customer=customer, idempotency_key="1:1", metadata={"cart": "7"})
    terms = nearby.invoice(page).terms
    assert terms.metadata == {"cart": "7"}
    assert terms.customer == {
        "reference_id": "customer-9",
        "name": "Jane Doe",
        "email": "jane@example.com",
        "phone": "+15550100",
        "date_of_birth": "1990-01-31",
        "address": {
            "country": "US",
            "region": "MI",
            "city": "Springfield",
            "street": "1 Main St",
            "post_code": "49007",
        },
        "metadata": {"tier": "gold"},
    }
    assert "Jane" not in repr(customer)


def test_a_customer_needs_a_reference():
    for wrong in ("", None, "x" * 256):
        with pytest.raises(InvalidValue):
            Customer(reference_id=wrong)  # type: ignore[arg-type]
