"""Schemathesis knows nothing of us but the built document, and finds no answer of the sandbox that is not in it.

Three runs: the document as it is, with data that fits and data that does not; narrowed to what the sandbox accepts, so
that every operation succeeds; and chains of operations. Each prints its seed, and what it found as curl commands.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY, Sandbox, serve_in_thread
from tests.crosscheck.narrowing import Json, Known, named, operations, with_ids, with_links

ROOT = Path(__file__).resolve().parents[2]
SCHEMATHESIS = ROOT / ".cache" / "crosscheck" / "schemathesis" / "bin" / "st"
PREFIX = "/api/v1/server-to-server-interface"
KEYS = {"authorization": "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode(), "x-api-key": X_API_KEY}
SEED = 1042
SECONDS = 240  # bounded by cases; a busy machine may be slow
OPERATIONS = 15

CONFIGURATION = """
seed = {seed}
base-url = "{url}"
continue-on-failure = true
cache.enabled = false
headers = {headers}

[generation]
max-examples = {examples}
database = "none"

[checks]
positive_data_acceptance.enabled = {must_accept}
# 406 and 412: a decline, or a state in which it can't be done. 404: an id that the data made up.
positive_data_acceptance.expected-statuses = ["2xx", "404", "406", "412"]

[phases]
examples.enabled = {beyond_chains}
coverage.enabled = {beyond_chains}
fuzzing.enabled = {beyond_chains}
stateful.enabled = {chains}
stateful.max-steps = 6
# Only the links of the document: what else it could guess starts every chain at the list of subscriptions.
stateful.inference.algorithms = []
"""


class Served:
    """A sandbox served over HTTP, and what it answered."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url

    def answers(self) -> Counter[tuple[str, int]]:
        return Counter((line.endpoint, line.status) for line in self.sandbox.requests)

    def succeeded(self) -> set[str]:
        return {endpoint for endpoint, status in self.answers() if status in (200, 201)}


@pytest.fixture
def served() -> Iterator[Served]:
    async def deliver(url: str, body: bytes) -> int:
        return 200

    sandbox = Sandbox(seed=SEED, deliver=deliver)
    with serve_in_thread(sandbox) as url:
        yield Served(sandbox, url)


@pytest.fixture(scope="module")
def document() -> Json:
    read: Json = json.loads((ROOT / "openapi" / "paymentoptions.json").read_text("utf-8"))
    assert len(operations(read)) == OPERATIONS
    return read


@pytest.fixture
def run(served: Served, tmp_path: Path) -> Callable[..., None]:
    if not SCHEMATHESIS.exists():
        pytest.skip("schemathesis is not set up; `make crosscheck` does it")

    def run(document: Json, *, mode: str, examples: int, must_accept: bool = False, chains: bool = False) -> None:
        configuration = CONFIGURATION.format(
            seed=SEED,
            url=served.url,
            headers="{ " + ", ".join(f'{name} = "{value}"' for name, value in KEYS.items()) + " }",
            examples=examples,
            must_accept=str(must_accept).lower(),
            chains=str(chains).lower(),
            beyond_chains=str(not chains).lower(),
        )
        (tmp_path / "schemathesis.toml").write_text(configuration, "utf-8")
        (tmp_path / "document.json").write_text(json.dumps(document), "utf-8")
        served.sandbox.requests.clear()
        done = subprocess.run(
            [SCHEMATHESIS, "--no-color", "run", "--mode", mode, "document.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_whatever_is_sent_no_answer_is_undocumented(document, run, served):
    run(named(document), mode="all", examples=12)
    statuses = {status for _, status in served.answers()}
    assert statuses <= {200, 201, 400, 401, 403, 404, 406, 412, 413, 415}
    assert {400, 401, 403, 404, 415} <= statuses  # the data got as far as this


def test_what_the_sandbox_can_accept_it_accepts_as_documented(document, run, served):
    run(with_ids(document, known(served.url)), mode="positive", examples=12, must_accept=True)
    assert len(served.succeeded()) == OPERATIONS


def test_chains_of_operations_are_answered_as_documented(document, run, served):
    run(with_links(document), mode="positive", examples=100, must_accept=True, chains=True)
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
