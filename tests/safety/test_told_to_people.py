"""What the command line prints and what servers log."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from paymentoptions_async import Payment
from paymentoptions_async.cli import main
from paymentoptions_async.cli.webhooks.deliveries import Answer, Delivery, shown
from paymentoptions_async.redirects import Purpose, Signer
from paymentoptions_async.sandbox import MERCHANT_ID
from paymentoptions_async.web import mask_access_logs
from tests.safety import tour
from tests.safety.marks import CVC, PAN, SIGNING_SECRET, X_API_KEY, Marks, rendered
from tests.safety.test_durable import logged
from tests.safety.test_kept_words import BODIES
from tests.support.postgres import GUARDED, PASSWORD, Cluster, new_schema, postgres
from tests.web.shops import opened

__all__ = ["logged", "postgres"]  # fixtures

WHOSE = {"PAYMENTOPTIONS_ENVIRONMENT": "sandbox", "PAYMENTOPTIONS_MERCHANT_ID": MERCHANT_ID}


@pytest.fixture(scope="module")
def toured(tmp_path_factory) -> tuple[str, list[Payment], Marks]:
    """A journal that a client has filled, with buyers who have not come back yet; and its payments."""
    file, marks = str(tmp_path_factory.mktemp("toured") / "journal.db"), Marks(also=[PASSWORD])

    async def fill() -> list[Payment]:
        async with tour.opened("mock", marks, journal=file) as shop:
            await tour.take(shop, share=slice(0, None, 6))
            for _ in range(2):
                waiting = await shop.purchase("challenge")
                marks.private.add(waiting.redirect_url)
            return [one for one in shop.returned if isinstance(one, Payment)]

    return file, asyncio.run(fill()), marks


def run(journal: str, *words: str, answer: str | None = None) -> str:
    env = {**WHOSE, "PAYMENTOPTIONS_JOURNAL": journal, "PAYMENTOPTIONS_SIGNING_SECRETS": SIGNING_SECRET}
    result = CliRunner().invoke(main, words, env=env, input=answer)
    error = result.exception if not isinstance(result.exception, SystemExit) else None
    return f"{result.output}{result.stderr}{rendered(error) if error else ''}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("unresolved",), "unresolved of sandbox"),
        (("unresolved", "--json"), '"settled_by"'),
        (("export", "--format", "csv"), "520000******1005"),
        (("export", "--format", "jsonl"), "520000******1005"),
        (("show", PAN), "reads as a card number"),
        (("show", "PONONE"), "no payment"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else None,
)
def test_the_journals_commands_print_nothing_private(toured, words, told):
    journal, _, marks = toured
    printed = run(journal, "journal", *words)
    assert told in printed
    assert marks.found_in(printed.replace(PAN, "") if PAN in words else printed) == set()


def test_all_of_each_payment_is_shown_without_what_is_private(toured):
    journal, payments, marks = toured
    refs = {(one.operation, one.status): one.ref for one in payments if one.merchant_id}
    assert len(refs) > 10
    printed = [run(journal, "journal", "show", ref) for ref in refs.values()]
    assert all(ref in text for ref, text in zip(refs.values(), printed, strict=True))
    assert marks.found_in("\n".join(printed)) == set()


def test_a_person_who_types_a_card_number_into_a_note_sees_it_masked_and_keeps_it_masked(toured):
    journal, payments, marks = toured
    ref = next(one.ref for one in reversed(payments) if one.redirect_url)
    note = ("--note", f"card {PAN}, cvc: {CVC}, x-api-key={X_API_KEY}", "--by", f"Jo {PAN}")
    printed = run(journal, "journal", "settle", ref, "--not-happened", *note, answer="y\n")
    printed += run(journal, "journal", "show", ref)
    assert "520000******1005" in printed
    assert marks.found_in(printed) == set()


def test_the_databases_password_is_not_printed(postgres: Cluster):
    marks = Marks(also=[PASSWORD])
    good = postgres.url(user=GUARDED, password=PASSWORD, journal_schema=new_schema())
    wrong = postgres.url(user=GUARDED, password=f"{PASSWORD}!")
    for url in (good, wrong, good.replace("postgresql", "mysql"), f"{good}@"):
        printed = run(url, "journal", "unresolved") + run(url, "journal", "show", "PONONE")
        assert printed
        assert marks.found_in(printed) == set()


@pytest.mark.parametrize("form", BODIES)
def test_a_webhook_that_is_watched_is_shown_without_card_and_token(form):
    token = Signer((SIGNING_SECRET,), MERCHANT_ID, "sandbox").token("PO", Purpose.WEBHOOK)
    headers = (("content-type", "application/x-www-form-urlencoded" if form == "form" else "text/plain"),)
    delivery = Delivery(1, datetime.now(UTC), "POST", f"/pay/webhook/PO/{token}?card={PAN}", headers, BODIES[form])
    text = f"{shown(delivery, Answer(200, 0.1), again=False)} {delivery!r}"
    assert Marks().found_in(text) == set()


def test_a_webhook_that_is_sent_is_shown_without_its_token(tmp_path: Path):
    body = tmp_path / "body"
    body.write_bytes(json.dumps({"card": {"number": PAN, "cvc": CVC}}).encode())
    for more in ((), ("--forged",), ("--form",), ("--body", str(body))):
        printed = run("", "webhooks", "send", "http://127.0.0.1:9/pay/webhook/{ref}/{token}", *more)
        assert "POST" in printed
        assert Marks().found_in(printed) == set()


@pytest.mark.parametrize("kind", ["starlette", "aiohttp", "django"])
async def test_no_server_logs_a_token_or_a_card(kind, logged):
    mask_access_logs()
    async with opened(kind) as shop, httpx.AsyncClient(trust_env=False) as sender:
        webhook, success = await shop.urls("7")
        tokens = {webhook.rpartition("/")[2], success.rpartition("/")[2]}
        with tour.elsewhere():
            for body in (*BODIES.values(), b"x" * 100_000):
                assert (await sender.post(webhook, content=body)).status_code in (200, 413)
            for url in (success, success.replace("success", "decline"), f"{success}x", f"{webhook}x"):
                await sender.get(url)
                await sender.post(url, content=BODIES["JSON"])
        await shop.gateway.drain()
    assert "/***" in logged()
    assert [token for token in tokens if token in logged()] == []
    assert Marks().found_in(logged()) == set()
