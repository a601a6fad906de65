"""`paymentoptions webhooks send`: what goes out, where it may go, and what the exit code says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner, Result
from paymentoptions_client.models import PaymentWebhook

from paymentoptions_async import WebhookRejected
from paymentoptions_async.cli import main
from paymentoptions_async.cli.webhooks import sending
from paymentoptions_async.notices import read_notice
from paymentoptions_async.redirects import Purpose, Signer

SECRET, MERCHANT = "sixteen-bytes-or-more", "JP00000001"
SIGNER = Signer((SECRET,), MERCHANT, "sandbox")


class Shop(ThreadingHTTPServer):
    """An application that keeps what it is sent, and answers what the test says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str, bytes]] = []
        self.status = 200
        self.says = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def body(self) -> bytes:
        return self.got[-1][2]


class _Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], body))
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", str(len(self.server.says)))
        self.end_headers()
        self.wfile.write(self.server.says)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an application under development, which a shell exports."""
    monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "sandbox")
    monkeypatch.setenv("PAYMENTOPTIONS_MERCHANT_ID", MERCHANT)
    monkeypatch.setenv("PAYMENTOPTIONS_SIGNING_SECRETS", f"{SECRET}, an-older-signing-secret")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as shop:
        serving = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield shop
        shop.shutdown()
        serving.join()


def send(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["webhooks", "send", *arguments], input=stdin)


def test_reference_and_token_are_filled_in_as_the_client_signs_them(shop):
    result = send(f"{shop.url}/webhook/{{ref}}/{{token}}", "--ref", "1042 a/b")
    assert result.exit_code == 0, result.output
    [(path, kind, _)] = shop.got
    ref, token = path.removeprefix("/webhook/").split("/")
    assert ref == "1042%20a%2Fb"
    SIGNER.verify("1042 a/b", Purpose.WEBHOOK, token, now=0)
    assert kind == "application/json"
    assert token not in result.output
    assert "200 in " in result.output


def test_the_body_is_the_vendors_envelope(shop):
    identity = "ab8444e7-fec0-40dd-994d-0ad813785f74"
    result = send(
        *(shop.url, "--ref", "1042", "--transaction-id", identity, "--type", "REFUND"),
        *("--amount", "10.50", "--currency", "USD", "--response-code", "51", "--status-code", "201"),
    )
    assert result.exit_code == 0, result.output
    body = json.loads(shop.body, parse_float=Decimal)
    assert PaymentWebhook.from_dict(json.loads(shop.body)).to_dict().keys() == body.keys()
    assert read_notice("1042", shop.body).transaction_ids == (identity,)
    assert (body["success"], body["status_code"], body["is_live"], body["transaction_type"]) == (
        *(False, 201, False, "REFUND"),
    )
    assert body["merchant_details"]["mid"] == MERCHANT
    assert body["merchant_details"]["merchant_txn_ref"] == body["transaction_details"]["merchant_txn_ref"] == "1042"
    payment = body["payment_details"]
    assert (payment["amount"], payment["currency"], payment["response_code"]) == (Decimal("10.50"), "USD", 51)
    assert b'"amount":10.5,' in shop.body
    assert "REFUND, 10.5 USD, success false, response_code 51 (declined, insufficient funds)" in result.output


@pytest.mark.parametrize(("code", "success"), [("0", True), ("8", True), ("10", True), ("578", False), ("5", False)])
def test_whether_it_succeeded_follows_from_the_code(shop, code, success):
    send(shop.url, "--response-code", code)
    assert json.loads(shop.body)["success"] is success


def test_a_form_tells_the_same(shop):
    send(shop.url, "--form", "--ref", "1042")
    assert shop.got[0][1] == "application/x-www-form-urlencoded"
    form = dict(parse_qsl(shop.body.decode(), keep_blank_values=True))
    assert (form["success"], form["payment_details[amount]"], form["payment_details[auth_code]"]) == (
        "true",
        "1000",
        "",
    )
    assert UUID(form["transaction_details[id]"])
    notice = read_notice("1042", shop.body, content_type=shop.got[0][1])
    assert notice.transaction_ids == (form["transaction_details[id]"],)


def test_a_file_goes_out_byte_for_byte(shop, tmp_path):
    (tmp_path / "body").write_bytes(b"\x00\xff{not json, card 4111111111111111")
    result = send(shop.url, "--body", str(tmp_path / "body"))
    assert shop.body == b"\x00\xff{not json, card 4111111111111111"
    assert "4111111111111111" not in result.output
    send(shop.url, "--body", "-", stdin=b"{}")
    assert shop.body == b"{}"


def test_made_up_deliveries_differ_and_repeated_ones_do_not(shop):
    send(shop.url + "/{ref}", "--count", "3")
    send(shop.url + "/{ref}")
    assert [first == shop.got[0] for first in shop.got] == [True, True, True, False]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (303, 1), (404, 1), (500, 1)])
def test_the_exit_code_says_whether_it_was_taken(shop, status, code):
    shop.status = status
    result = send(shop.url, "--count", "2")
    assert result.exit_code == code
    assert result.output.count(f"{status} in ") == 2
    assert len(shop.got) == 2  # a redirect is not followed


@pytest.mark.parametrize(("status", "code"), [(404, 0), (401, 0), (200, 1), (500, 1)])
def test_a_forged_one_should_be_refused(shop, status, code):
    shop.status = status
    result = send(f"{shop.url}/webhook/{{ref}}/{{token}}", "--ref", "1042", "--forged")
    assert result.exit_code == code
    token = shop.got[0][0].rpartition("/")[2]
    assert len(token) == len(SIGNER.token("1042", Purpose.WEBHOOK))
    with pytest.raises(WebhookRejected):
        SIGNER.verify("1042", Purpose.WEBHOOK, token, now=0)


def test_what_the_application_says_is_shown_masked_and_harmless(shop):
    shop.says = b"thanks\n\x1b[31m for card 4111111111111111 " + b"x" * 500
    output = send(shop.url).output
    assert "thanks" in output
    assert "411111******1111" in output
    assert "\x1b" not in output
    assert "x" * 300 not in output


def test_nobody_there_is_told(shop):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = send(f"http://127.0.0.1:{port}/")
    assert result.exit_code == 1
    assert "no answer (" in result.output
    assert "refused" in result.output


def test_no_answer_in_time_is_told(monkeypatch):
    monkeypatch.setattr(sending, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = send(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert result.exit_code == 1
    assert "no answer (it took more than 0.05 s)" in result.output


@pytest.mark.parametrize(
    "url", ["http://shop.example/hook", "http://10.0.0.1/", "ftp://127.0.0.1/", "https://me:secret@shop.example/", "x"]
)
def test_it_goes_to_loopback_or_over_https_only(url, monkeypatch):
    monkeypatch.setattr(httpx, "post", None)
    result = send(url)
    assert result.exit_code == 2
    assert "needs https, or http on loopback" in result.output


@pytest.mark.parametrize("given", ["option", "variable"])
def test_live_is_refused_wherever_it_goes(shop, monkeypatch, given):
    if given == "variable":
        monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "live")
    result = send(shop.url, *(("--environment", "live") if given == "option" else ()))
    assert result.exit_code == 2
    assert "not for environment live" in result.output
    assert shop.got == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SIGNING_SECRETS", "", "signed URLs need a signing secret: set PAYMENTOPTIONS_SIGNING_SECRETS"),
        ("SIGNING_SECRETS", "short", "signing secret: needs at least 16 bytes"),
        ("ENVIRONMENT", "", "pass --environment, or set PAYMENTOPTIONS_ENVIRONMENT"),
        ("MERCHANT_ID", "", "pass --merchant, or set PAYMENTOPTIONS_MERCHANT_ID"),
    ],
)
def test_what_signing_needs_is_named(shop, monkeypatch, variable, value, said):
    monkeypatch.setenv(f"PAYMENTOPTIONS_{variable}", value)
    result = send(f"{shop.url}/{{token}}")
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert send(shop.url).exit_code == 0  # without a token nothing is signed


def test_options_come_before_variables(shop):
    assert (
        send(f"{shop.url}/{{token}}", "--ref", "1", "--environment", "staging", "--merchant", "JP00000002").exit_code
        == 0
    )
    token = shop.got[0][0].removeprefix("/")
    Signer((SECRET,), "JP00000002", "staging").verify("1", Purpose.WEBHOOK, token, now=0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--forged",), "URL needs a {token}"),
        (("--amount", "10.5"), "JPY has no decimals"),
        (("--amount", "much"), "amount:"),
        (("--currency", "YEN2"), "currency"),
        (("--merchant", "a shop " * 20), "merchant"),
        (("--transaction-id", "7"), "not a valid UUID"),
        (("--count", "0"), "1<=x<=100"),
        (("--type", "SALE"), "PRE_AUTH"),
    ],
)
def test_wrong_options_send_nothing(shop, arguments, said):
    result = send(shop.url, *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert shop.got == []
