"""What the README shows works, and what can be used stands in it."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import paymentoptions_async
from paymentoptions_async import Address, Card, Money, PaymentOptions, settings
from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_CARDS,
    MERCHANT_ID,
    X_API_KEY,
    FaultPlan,
    Sandbox,
    serve,
    serve_in_thread,
)

README = Path(__file__).resolve().parents[1].joinpath("README.md").read_text("utf-8")
PROGRAM, *SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
UNREACHABLE = "http://127.0.0.1:9"  # the discard port: webhooks find nobody


def shown(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found is not None, f"the README shows no {language}"
    return found[1]


@pytest.fixture
def sandbox_url() -> Iterator[str]:
    with serve_in_thread(Sandbox()) as url:
        yield url


@pytest.mark.parametrize("card", ["5200000000001005", "4000002500003155", "4000000000000515"])
def test_the_program_runs_with_the_settings_beside_it(sandbox_url: str, card: str):
    exported = dict(re.findall(r"^export (\w+)=(\S+)$", shown("sh"), re.MULTILINE))
    exported |= {"PAYMENTOPTIONS_SANDBOX_URL": sandbox_url, "PAYMENTOPTIONS_PUBLIC_URL": UNREACHABLE}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.replace("5200000000001005", card)],
        env={**os.environ, **exported},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = {
        "5200000000001005": re.escape(shown("text")),
        "4000002500003155": rf"send the buyer to {sandbox_url}/\S+\n",
        "4000000000000515": "declined: insufficient_funds\n",
    }[card]
    assert (run.stderr, run.returncode) == ("", 0)
    assert re.fullmatch(expected, run.stdout)


@pytest.fixture
async def surroundings() -> AsyncIterator[dict[str, Any]]:
    """What the snippets take for granted: a client, a card and an address, and a payment made with them."""
    card = Card(number=CARDS[0].number, cvc="100", expiry_month=12, expiry_year=2029, name="John Doe")
    address = Address(country="JP")
    async with (
        serve(Sandbox()) as url,
        PaymentOptions(
            api_key=API_KEY,
            x_api_key=X_API_KEY,
            merchant_id=MERCHANT_ID,
            environment="sandbox",
            sandbox_url=url,
            public_url=UNREACHABLE,
            signing_secrets="sixteen-bytes-or-more",
        ) as gateway,
    ):
        payment = await gateway.purchase(
            Money("1000", "JPY"),
            card=card,
            billing_address=address,
            customer_ip="203.0.113.7",
            idempotency_key="readme",
        )
        names = {"Card": Card, "Money": Money, "PaymentOptions": PaymentOptions, "address": address, "card": card}
        yield {**names, "gateway": gateway, "payment": payment, "sandbox_url": url}


async def test_the_snippets_run_one_after_the_other(surroundings: dict[str, Any], capsys: pytest.CaptureFixture[str]):
    for snippet in SNIPPETS:
        code = compile(snippet, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, surroundings)  # noqa: S307  the README is ours
        if running is not None:
            await running
    printed = capsys.readouterr().out
    assert "3000 JPY 2000 JPY" in printed
    assert "status was refused with HTTP 401" in printed
    assert surroundings["reply"].to_dict()["transaction_details"]["id"] == surroundings["payment"].transaction_id
    assert str(surroundings["again"].approved_amount) == "12.00 USD"
    await surroundings["in_process"].aclose()


def test_the_fault_plan_is_one():
    plan = FaultPlan()
    plan.load(json.loads(shown("json")))
    assert len(plan.rules) == 1


@pytest.mark.parametrize("name", paymentoptions_async.__all__)
def test_every_public_name_can_be_found(name: str):
    assert re.search(rf"\b{name}\b", README)


def test_every_setting_can_be_found():
    arguments = set(inspect.signature(PaymentOptions).parameters)
    assert {name for name in arguments if not re.search(rf"^\| .*`{name}`.* \|", README, re.MULTILINE)} == set()
    assert {variable for variable in settings._VARIABLES.values() if f"`{variable}`" not in README} == set()


def test_every_method_can_be_found():
    methods = {name for name in dir(PaymentOptions) if not name.startswith("_")} - {"aclose"}
    assert {name for name in methods if not re.search(rf"\b{name}\b", README)} == set()


def test_every_target_of_make_that_it_names_exists():
    makefile = Path(__file__).resolve().parents[1].joinpath("Makefile").read_text("utf-8")
    for target in re.findall(r"(?:\$ |`)make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_file_that_it_links_to_exists():
    root = Path(__file__).resolve().parents[1]
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert linked
    assert [link for link in linked if not (root / link).exists()] == []


def test_every_card_that_it_names_is_a_test_card():
    numbers = set(re.findall(r"\b\d{16}\b", README))
    assert numbers <= {card.number for card in CARDS} | {card.number for card in COREFY_CARDS}
