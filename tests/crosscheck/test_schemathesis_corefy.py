"""The same for Corefy: schemathesis finds no answer of the sandbox that is not in Corefy's document."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path

import httpx
import pytest

from paymentoptions_async.sandbox import COREFY_ACCOUNT_ID, COREFY_API_KEY, COREFY_CARDS
from paymentoptions_async.sandbox.corefy.settings import API_PREFIX, CARDGATE_PREFIX
from tests.crosscheck.narrowing import Json, forget_examples, operations

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"authorization": "Basic " + base64.b64encode(f"{COREFY_ACCOUNT_ID}:{COREFY_API_KEY}".encode()).decode()}
ENDPOINTS = {"corefy_create", "corefy_show", "corefy_list", "corefy_refund", "corefy_sale"}
OF_ANY_SERVER = ("405", "413", "415")

_TEXT = {"type": "string", "pattern": "^[ -~]{1,40}$"}
_URL = {"type": "string", "enum": ["http://127.0.0.1:9/callback", "https://merchant.example/back?order=1042"]}
_WHOLE_AMOUNT = {"type": "integer", "minimum": 1, "maximum": 9999}


@pytest.fixture
def document() -> Json:
    """Return the built document with the paths as the sandbox has them, and what any HTTP server may answer."""
    read: Json = json.loads((ROOT / "openapi" / "corefy.json").read_text("utf-8"))
    read["paths"] = {
        (CARDGATE_PREFIX if path.startswith("/payment/") else API_PREFIX) + path: item
        for path, item in read["paths"].items()
    }
    for operation in operations(read).values():
        del operation["servers"]
        del operation["security"]  # whose check takes no keys away that come from the configuration
        for status in OF_ANY_SERVER:
            operation["responses"][status] = operation["responses"]["400"]
    return read


def test_whatever_is_sent_no_answer_is_undocumented(document, run, served):
    bearer = {"authorization": f"Bearer {made(served.url)['flow_data']['metadata']['token']}"}
    run(document, keys=KEYS, mode="all", examples=12, of_operations={"createSale": bearer})
    statuses = {status for _, status in served.answers()}
    assert statuses <= {200, 201, 400, 401, 404, 413, 415, 422}
    assert {200, 404, 415, 422} <= statuses  # the data got as far as this


def test_every_operation_succeeds_as_documented(document, run, served):
    paid, bearer = made(served.url), {"authorization": f"Bearer {made(served.url)['flow_data']['metadata']['token']}"}
    served.sandbox.corefy.process(paid["id"])
    run(narrowed(document, paid["id"]), keys=KEYS, mode="positive", examples=12, of_operations={"createSale": bearer})
    assert served.succeeded() >= ENDPOINTS


def narrowed(document: Json, paid: str) -> Json:
    """Copy a document, narrowed to what a sandbox that knows a paid invoice can accept."""
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]
    one = {"type": "string", "enum": [paid]}
    fields: dict[str, Json] = {
        "InvoiceCreateData": {"type": _only("payment-invoices"), "callback_url": _URL},
        "InvoiceCreateAttributes": {
            "reference_id": {"type": "string", "pattern": "^[a-z0-9]{12,20}$"},
            "amount": _WHOLE_AMOUNT,
            "currency": _only("USD"),
            "service": _only("payment_card_usd_hpp"),
            "flow": _only("charge"),
            "test_mode": {"type": "boolean", "enum": [True]},
            "expires": {"type": "integer", "minimum": 4_000_000_000, "maximum": 5_000_000_000},
            **dict.fromkeys(("callback_url", "return_url"), _URL),
        },
        "Customer": {"reference_id": _TEXT},
        "RefundData": {"type": _only("refund"), "id": one},
        "RefundRequestAttributes": {
            "invoiceId": one,
            "amount": {"type": "number", "enum": [0.01]},
            "reference_id": _TEXT,
        },
        "SaleData": {"type": _only("sale-operation")},
        "SaleRequestAttributes": {
            "card_number": {"type": "string", "enum": [card.number for card in COREFY_CARDS]},
            "cvv": _only("123"),
            "exp_month": _only("12"),
            "exp_year": _only("31"),
        },
    }
    for name, narrower in fields.items():
        schemas[name]["properties"].update(narrower)
    del schemas["InvoiceCreateAttributes"]["properties"]["token"]
    del schemas["SaleRequestAttributes"]["properties"]["google_pay"]
    schemas["InvoiceCreateAttributes"]["required"] += ["test_mode", "customer"]
    schemas["SaleRequestAttributes"]["required"] = ["card_number", "cvv", "exp_month", "exp_year"]
    for operation in operations(document).values():
        for parameter in operation.get("parameters", ()):
            parameter["schema"]["enum"] = [paid]
    forget_examples(document)
    return document


def made(url: str) -> Json:
    """Make an invoice, and return its attributes and id."""
    attributes = {"test_mode": True, "reference_id": "", "amount": 9000, "currency": "USD"}
    with httpx.Client(base_url=url + API_PREFIX, headers=KEYS, trust_env=False) as http:
        total = http.get("/payment-invoices").json()["meta"]["total"]
        attributes |= {"service": "payment_card_usd_hpp", "reference_id": f"known-{total}"}
        reply = http.post("/payment-invoices", json={"data": {"type": "payment-invoices", "attributes": attributes}})
        assert reply.status_code == 201, reply.text
        data = reply.json()["data"]
        return {"id": data["id"], **data["attributes"]}


def _only(text: str) -> Json:
    return {"type": "string", "enum": [text]}
