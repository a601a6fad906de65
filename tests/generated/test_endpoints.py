"""Every endpoint, used by itself, over plain httpx."""

import importlib
import inspect
import pkgutil
from decimal import Decimal
from typing import Any

import httpx
import paymentoptions_client.api
import pytest
from paymentoptions_client import AuthenticatedClient
from paymentoptions_client.api.payments import capture_authorization, get_transaction_status, process_payment_v2
from paymentoptions_client.models import (
    Address,
    CaptureRequest,
    Card,
    ErrorReply,
    PaymentDetails,
    PaymentReply,
    PurchaseV2Request,
    ThreeDSecureReply,
)
from paymentoptions_client.types import RawReply
from specbuild.build import load_document

KEYS: dict[str, Any] = {"authorization": "Basic a-secret-key", "x_api_key": "another-secret-key"}
PURCHASE = PurchaseV2Request(
    "1000", "JPY", Card(number="4000002500003155", cvc="100"), "ref", "127.0.0.1", "JP00000001", Address(country="JP")
)


def endpoints():
    found = pkgutil.walk_packages(paymentoptions_client.api.__path__, "paymentoptions_client.api.")
    return [importlib.import_module(module.name) for module in found if not module.ispkg]


def arguments_of(function):
    """Give the least that an endpoint can be called with."""
    arguments = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "body":
            arguments[name] = parameter.annotation.from_dict({"merchant_id": "JP00000001"})
        elif name != "client":
            arguments[name] = "an/id"
    return arguments


def test_there_is_an_endpoint_for_every_operation():
    paths = load_document("paymentoptions")["paths"]
    assert len(endpoints()) == sum(len(item) for item in paths.values()) == 15


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda module: module.__name__.rsplit(".", 1)[1])
async def test_every_endpoint_sends_both_keys_and_reads_any_answer(endpoint, answering):
    client, requests = answering(520, b"<html>down</html>")
    async with client:
        reply = await endpoint.asyncio(client=client, **arguments_of(endpoint.asyncio))
    with client:
        again = endpoint.sync(client=client, **arguments_of(endpoint.sync))
    assert reply == again == RawReply(520, b"<html>down</html>")
    for request in requests:
        assert request.headers["Authorization"] == "Basic a-secret-key"
        assert request.headers["x-api-key"] == "another-secret-key"
        assert "an%2Fid" in str(request.url) or "{" not in str(request.url)


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 403, 418, 429, 500, 520, 599, 999])
@pytest.mark.parametrize(
    "content", [b"", b"<html></html>", b'{"success": tr', b"[1]", b"null", b"\xff\xfe", b"NaN", b"[" * 99999]
)
async def test_an_unreadable_answer_is_given_raw_whatever_its_status(answering, status, content):
    client, _ = answering(status, content)
    response = await process_payment_v2.asyncio_detailed(client=client, body=PURCHASE)
    assert response.status_code == status
    assert response.parsed == RawReply(status, content)


@pytest.mark.parametrize("status", [302, 403, 406, 409, 422, 429, 503, 520])
async def test_an_undocumented_status_with_an_envelope_is_read(answering, status):
    client, _ = answering(status, b'{"success": false, "payment_details": {"response_code": 51}, "message": null}')
    reply = await process_payment_v2.asyncio(client=client, body=PURCHASE)
    assert isinstance(reply, ErrorReply)
    assert (reply.success, reply.message) == (False, None)
    assert isinstance(reply.payment_details, PaymentDetails)
    assert reply.payment_details.response_code == 51


async def test_the_two_successes_of_a_purchase_are_told_apart(answering):
    client, _ = answering(201, b'{"success": true, "payment_details": {"amount": 10.10}}')
    paid = await process_payment_v2.asyncio(client=client, body=PURCHASE)
    assert isinstance(paid, PaymentReply)
    assert isinstance(paid.payment_details, PaymentDetails)
    assert str(paid.payment_details.amount) == "10.10"
    client, _ = answering(200, b'{"success": true, "redirect_url": "https://checkout.test/3ds?_token=t"}')
    started = await process_payment_v2.asyncio(client=client, body=PURCHASE)
    assert isinstance(started, ThreeDSecureReply)
    assert started.redirect_url == "https://checkout.test/3ds?_token=t"
    assert "_token" not in repr(started)


async def test_an_amount_is_written_as_the_exact_number(answering):
    client, requests = answering(201)
    amount = Decimal("0.10000000000000000001")
    await capture_authorization.asyncio(client=client, body=CaptureRequest("id", amount, "JP00000001"))
    assert b'"amount":0.10000000000000000001' in requests[0].content
    assert requests[0].headers["Content-Type"] == "application/json"


async def test_an_id_stays_one_step_of_the_path(answering):
    client, requests = answering()
    await get_transaction_status.asyncio("a/../b?c", client=client)
    assert requests[0].url.raw_path == b"/api/v1/server-to-server-interface/transaction/status/a%2F..%2Fb%3Fc"


def test_a_response_does_not_show_its_body(answering):
    client, _ = answering(
        201, b'{"payment_details": {"card": {"number": "4000002500003155"}}, "x": "4000002500003155"}'
    )
    response = process_payment_v2.sync_detailed(client=client, body=PURCHASE)
    assert isinstance(response.parsed, PaymentReply)
    assert response.parsed.to_dict()["payment_details"]["card"]["number"] == "4000002500003155"
    assert "4000002500003155" not in repr(response)
    assert "4000002500003155" not in repr(RawReply(200, b"4000002500003155"))


async def test_a_timeout_raises_and_is_finite_by_default():
    def late(request):
        raise httpx.ReadTimeout("late", request=request)

    client = AuthenticatedClient("https://gateway.test", **KEYS, httpx_args={"transport": httpx.MockTransport(late)})
    with pytest.raises(httpx.ReadTimeout):
        await process_payment_v2.asyncio(client=client, body=PURCHASE)
    for pool in (client.get_httpx_client(), client.get_async_httpx_client()):
        assert pool.timeout == httpx.Timeout(60.0, connect=10.0)
