"""Schemathesis knows nothing of us but the built document, and finds no answer of the sandbox that is not in it.

Three runs: the document as it is, with data that fits and data that does not; narrowed to what the sandbox accepts, so
that every operation succeeds; and chains of operations. Each prints its seed, and what it found as curl commands.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY
from tests.crosscheck.narrowing import Json, Known, named, operations, with_ids, with_links

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/api/v1/server-to-server-interface"
KEYS = {"authorization": "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode(), "x-api-key": X_API_KEY}
OPERATIONS = 15


@pytest.fixture(scope="module")
def document() -> Json:
    read: Json = json.loads((ROOT / "openapi" / "paymentoptions.json").read_text("utf-8"))
    assert len(operations(read)) == OPERATIONS
    return read


def test_whatever_is_sent_no_answer_is_undocumented(document, run, served):
    run(named(document), keys=KEYS, mode="all", examples=12)
    statuses = {status for _, status in served.answers()}
    assert statuses <= {200, 201, 400, 401, 403, 404, 406, 412, 413, 415}
    assert {400, 401, 403, 404, 415} <= statuses  # the data got as far as this


def test_what_the_sandbox_can_accept_it_accepts_as_documented(document, run, served):
    run(with_ids(document, known(served.url)), keys=KEYS, mode="positive", examples=12, must_accept=True)
    assert len(served.succeeded()) == OPERATIONS


def test_chains_of_operations_are_answered_as_documented(document, run, served):
    run(with_links(document), keys=KEYS, mode="positive", examples=100, must_accept=True, chains=True)
    succeeded = served.succeeded()
    assert {"capture", "void", "refund", "status"} <= succeeded
    assert succeeded & {"subscription_show", "subscription_pause", "subscription_cancel"}


def known(url: str) -> Known:
    """Make what later requests can name: large enough that no amount is too much for it."""
    body = {
        "amount": "90000000",
        "currency": "JPY",
        "card": {
            "number": "5200000000001005",
            "cvc": "100",
            "expiry_month": "12",
            "expiry_year": "2039",
            "name": "John Doe",
        },
        "merchant_id": MERCHANT_ID,
        "merchant_txn_ref": "known",
        "customer_ip": "127.0.0.1",
        "billing_address": {"country": "JP"},
    }
    plan = {"plan_name": "Monthly box", "cycle_type": "MONTHS", "cycle_interval": 1}
    terms = plan | {"subscription_end_type": "CYCLE", "max_cycle_count": 12}
    with httpx.Client(base_url=url + PREFIX, headers=KEYS, trust_env=False) as http:

        def made(path: str, **more: Any) -> Any:
            reply = http.post(path, json=body | more)
            assert reply.status_code == 201, reply.text
            return reply.json()

        stored = made("/payment", payment_method={"type": "scheme", "store_payment_method": True})
        return Known(
            authorization=made("/authorization")["transaction_details"]["id"],
            voidable=made("/authorization")["transaction_details"]["id"],
            purchase=made("/paymentv2")["transaction_details"]["id"],
            subscription=made("/subscription/payment", subscription=terms)["subscription_details"]["id"],
            cancellable=made("/subscription/payment", subscription=terms)["subscription_details"]["id"],
            token=stored["transaction_details"]["stored_payment_method_id"],
        )
