"""The client objects of both packages."""

import subprocess
import sys
from typing import Any

import corefy_client
import httpx
import pytest
from corefy_client.api.cardgate import create_sale
from corefy_client.api.payment_invoices import list_payment_invoices
from corefy_client.models import SaleRequest
from corefy_client.types import RawReply
from paymentoptions_client import AuthenticatedClient

KEYS: dict[str, Any] = {"authorization": "Basic a-secret-key", "x_api_key": "another-secret-key"}


def test_both_keys_are_needed_and_neither_is_shown():
    client = AuthenticatedClient("https://gateway.test", **KEYS, headers={"X-Secret": "third-secret"})
    assert "secret" not in repr(client).lower()
    assert "gateway.test" in repr(client)
    for missing in KEYS:
        with pytest.raises(TypeError):
            AuthenticatedClient("https://gateway.test", **{name: KEYS[name] for name in KEYS if name != missing})


def test_another_header_or_timeout_leaves_the_live_client_as_it_was():
    client = AuthenticatedClient("https://gateway.test", **KEYS)
    live, live_async = client.get_httpx_client(), client.get_async_httpx_client()
    other = client.with_headers({"X-Trace": "1"}).with_timeout(5)
    assert "X-Trace" not in live.headers
    assert "X-Trace" not in live_async.headers
    assert live.timeout == live_async.timeout == httpx.Timeout(60.0, connect=10.0)
    for pool in (other.get_httpx_client(), other.get_async_httpx_client()):
        assert pool.headers["X-Trace"] == "1"
        assert pool.headers["x-api-key"] == "another-secret-key"
        assert pool.timeout == httpx.Timeout(5)
    assert client.get_httpx_client() is live


def test_settings_are_not_silently_lost_with_a_client_set_by_hand():
    client = AuthenticatedClient("https://gateway.test", **KEYS).set_httpx_client(httpx.Client())
    with pytest.raises(RuntimeError):
        client.with_timeout(5)


async def test_redirects_are_not_followed(answering):
    client, requests = answering(302, headers={"X-Trace": "1"}, reply_headers={"Location": "https://elsewhere.test"})
    assert client.get_httpx_client().get("/").status_code == 302
    assert (await client.get_async_httpx_client().get("/")).status_code == 302
    assert [request.url.host for request in requests] == ["gateway.test"] * 2


def corefy(**secrets):
    requests = []

    def answer(request):
        requests.append(request)
        return httpx.Response(500, content=b"oops")

    transport = {"transport": httpx.MockTransport(answer)}
    return corefy_client.AuthenticatedClient("https://corefy.test", **secrets, httpx_args=transport), requests


async def test_invoices_are_signed_in_to_with_account_and_key():
    client, requests = corefy(username="coma_1", password="an-api-key")
    reply = await list_payment_invoices.asyncio(client=client)
    assert reply == RawReply(500, b"oops")
    assert requests[0].headers["Authorization"] == "Basic Y29tYV8xOmFuLWFwaS1rZXk="
    assert "an-api-key" not in repr(client)


async def test_a_sale_is_signed_in_to_with_the_invoices_token():
    client, requests = corefy(token="a-bearer-token")
    await create_sale.asyncio(client=client, body=SaleRequest.from_dict({"data": {"type": "sale-operation"}}))
    assert requests[0].headers["Authorization"] == "Bearer a-bearer-token"
    assert "a-bearer-token" not in repr(client)


@pytest.mark.parametrize("secrets", [{}, {"username": "coma_1"}, {"username": "u", "password": "p", "token": "t"}])
def test_secrets_of_no_way_or_of_two_ways_to_sign_in_are_refused(secrets):
    with pytest.raises(ValueError, match="one way to sign in"):
        corefy(**secrets)


@pytest.mark.parametrize("package", ["paymentoptions_client", "corefy_client"])
def test_importing_a_package_loads_no_model_and_no_httpx(package):
    code = f"import sys, {package}; print(*(name for name in sys.modules if name.startswith(('{package}', 'httpx'))))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == [package]


@pytest.mark.parametrize("package", ["paymentoptions_client", "corefy_client"])
def test_an_unknown_name_is_an_attribute_error(package):
    module = sys.modules[package]
    assert not hasattr(module, "Nothing")
    assert not hasattr(__import__(f"{package}.models").models, "Nothing")
