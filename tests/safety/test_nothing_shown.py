"""No card number, code, key or token in any text that this package makes, however a call ends."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
from types import FunctionType
from typing import Any

import pytest

from paymentoptions_async import (
    AuthenticationFailed,
    EnvironmentMismatch,
    IdempotencyConflict,
    InvalidRequest,
    InvalidValue,
    JournalUnavailable,
    Money,
    NotAllowed,
    OutcomeUnknown,
    PaymentOptionsError,
    RateLimited,
)
from tests.safety.conftest import ADDRESS, card, shop
from tests.safety.marks import CVC, LINK_TOKEN, PAN, TOKEN, marks_in, shown_by
from tests.support.scripted import envelope

YEN = Money("1000", "JPY")
WIRES = ["pool", "httpx", "mock"]


def ref_in(request: bytes) -> str:
    return str(json.loads(request)["merchant_txn_ref"])


def echoing(status: int, **about: Any):
    """An answer that repeats the card, as an unkind gateway would."""

    def answer(request: bytes) -> tuple[int, bytes]:
        told = envelope(ref_in(request), **about)
        told["payment_details"]["card"] |= {"number": PAN, "cvc": CVC}
        told["gateway_response"]["message"] = f"card {PAN} cvc={CVC}"
        told["transaction_details"]["stored_payment_method_id"] = TOKEN
        return status, json.dumps(told).encode()

    return answer


def refusing(status: int):
    return lambda request: (status, json.dumps({"message": f"{PAN} with cvc: {CVC} is bad"}).encode())


def lost(request: bytes) -> tuple[int, bytes]:
    raise ConnectionError


def redirecting(request: bytes) -> tuple[int, bytes]:
    url = f"https://checkout-dev.paymentoptions.com/integration/3ds?_token={LINK_TOKEN}"
    return 200, json.dumps({"success": True, "redirect_url": url, "url": url}).encode()


async def pay(gateway, **more: Any):
    asked: dict[str, Any] = {
        "card": card(),
        "billing_address": ADDRESS,
        "customer_ip": "203.0.113.7",
        "idempotency_key": "1042:1",
    }
    return await gateway.purchase(more.pop("amount", YEN), **asked | more)


async def pay_by_token(gateway, **more: Any):
    asked: dict[str, Any] = {"token": TOKEN, "billing_address": ADDRESS, "idempotency_key": "t:1"}
    return await gateway.purchase_with_token(YEN, **asked | more)


async def pay_twice_otherwise(gateway):
    await pay(gateway)
    await pay(gateway, amount=Money("999", "JPY"))


async def pay_an_order_twice(gateway):
    await pay(gateway, order="1042")
    await pay(gateway, order="1042", idempotency_key="1042:2")


async def pay_without_journal(gateway):
    await gateway._journal.aclose()
    await pay(gateway)


async def pay_by_token_badly(gateway):
    await pay_by_token(gateway, token=PAN)


async def pay_by_token_to_nowhere(gateway):
    await pay_by_token(gateway, billing_address=None)


async def pay_by_token_without_urls(gateway):
    await pay_by_token(gateway, customer_ip="nowhere")


FAILURES = [
    (lost, pay, OutcomeUnknown),
    (echoing(201, amount=1), pay, OutcomeUnknown),
    (echoing(201, live=True), pay, EnvironmentMismatch),
    (lambda _: (201, f"<html>{PAN} cvc={CVC}".encode()), pay, OutcomeUnknown),
    (refusing(400), pay, InvalidRequest),
    (refusing(401), pay, AuthenticationFailed),
    (refusing(429), pay, RateLimited),
    (echoing(201), pay_twice_otherwise, IdempotencyConflict),
    (echoing(201), pay_an_order_twice, NotAllowed),
    (lost, pay_without_journal, JournalUnavailable),
    (lost, lambda gateway: pay(gateway, customer_ip="nowhere"), InvalidValue),
    (lost, lambda gateway: pay(gateway, billing_address=None), AttributeError),
    (lost, pay_by_token, OutcomeUnknown),
    (refusing(400), pay_by_token, InvalidRequest),
    (lost, pay_by_token_badly, InvalidValue),
    (lost, pay_by_token_to_nowhere, AttributeError),
    (lost, pay_by_token_without_urls, InvalidValue),
]
NAMES = [
    "lost", "other amount", "mismatch", "html", "refused", "keys", "rate", "conflict", "order", "journal",
    "bad ip", "no address", "token lost", "token refused", "number as token", "token and no address",
    "token and bad ip",
]  # fmt: skip


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("answer", "act", "kind"), FAILURES, ids=NAMES)
async def test_no_exception_shows_a_secret_in_its_text_its_locals_or_its_pickle(wire, answer, act, kind):
    async with shop(wire, answer) as gateway:
        with pytest.raises(kind) as failed:
            await act(gateway)
    assert shown_by(failed.value) == set()
    if isinstance(failed.value, PaymentOptionsError):
        assert marks_in(repr(pickle.dumps(failed.value))) == []
        assert marks_in(repr(vars(copy.deepcopy(failed.value)))) == []


MISPLACED = [
    lambda gateway: pay(gateway, card=PAN),
    lambda gateway: pay(gateway, idempotency_key=PAN),
    lambda gateway: pay(gateway, order=f"order {PAN}"),
    lambda gateway: pay(gateway, order="1042", supersedes=PAN),
    lambda gateway: pay(gateway, customer_ip=PAN),
    lambda gateway: pay(gateway, time_zone=PAN),
    lambda gateway: pay(gateway, timeout=PAN),
    lambda gateway: pay(gateway, version=PAN),
    lambda gateway: gateway.refund(PAN),
    lambda gateway: gateway.payment(PAN),
    lambda gateway: gateway.status(PAN),
    lambda gateway: gateway.wait(PAN, timeout=1),
    lambda gateway: gateway.subscription(f"{PAN} "),
]


@pytest.mark.parametrize("act", MISPLACED)
async def test_a_card_number_in_the_wrong_place_is_refused_without_showing_it(act):
    async with shop("mock", lost) as gateway:
        with pytest.raises(InvalidValue) as refused:
            await act(gateway)
        assert shown_by(refused.value) == set()
        assert await gateway.unresolved() == []


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("answer", [echoing(201), echoing(201, code=51), redirecting, lost, refusing(400)])
async def test_nothing_is_logged_or_kept_in_clear(wire, answer, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(enabled=True)
    asyncio.get_running_loop().slow_callback_duration = 0.0  # so that every callback is logged
    async with shop(wire, answer) as gateway:
        for act in (pay, pay_by_token):
            try:
                payment = await act(gateway)
            except PaymentOptionsError:
                continue
            assert marks_in(f"{payment!r} {payment!s}") == []
            assert marks_in(repr(pickle.dumps(payment))) == []
            assert marks_in(repr(payment.raw)) == []
            logging.getLogger("a shop").debug("%r %s %r", payment, payment, gateway)
            for record in [await gateway._journal.get(payment.ref)]:
                assert marks_in(repr(record)) == []
                assert marks_in(repr(await gateway.history(payment.ref))) == []
    asyncio.get_running_loop().set_debug(enabled=False)
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "Executing" in logged
    assert marks_in(logged) == []
    assert marks_in("".join(capfd.readouterr())) == []


def test_the_search_would_find_what_it_looks_for():
    def fails(body: bytes) -> None:
        held = {"body": [body]}
        raise ValueError(len(held))

    with pytest.raises(ValueError) as failed:  # noqa: PT011
        ours(fails)(f"5200 0000 0000 1005 {CVC}".encode())
    assert {mark for _, _, mark in shown_by(failed.value)} == {PAN, CVC}


def ours(function):
    """A function of the tests as if it stood in the package."""
    code = function.__code__.replace(co_filename="/paymentoptions_async/as_if.py")
    return FunctionType(code, {"__name__": "paymentoptions_async.as_if", "__builtins__": __builtins__})
