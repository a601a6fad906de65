"""`paymentoptions journal --gateway corefy`, on a journal that holds the payments of both gateways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paymentoptions_async.intent import Change, Record
from paymentoptions_async.payment import Operation, PaymentStatus, Source
from tests.cli.test_journal import YEN, Books, intent

ACCOUNT = "coma_SandboxCoffee0001"
INVOICE = "cpi_ADzwZTG99f3q3utQ"
OF_COREFY = {"gateway": "corefy", "environment": "test", "merchant_id": ACCOUNT}
SAID = ["--by", "Ann", "--note", "in the portal", "--yes"]


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    location = str(tmp_path / "payments.db")
    monkeypatch.setenv("PAYMENTOPTIONS_JOURNAL", location)
    monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "sandbox")
    monkeypatch.setenv("PAYMENTOPTIONS_MERCHANT_ID", "JP00000001")
    books = Books(location)
    books.keep("1042:1", PaymentStatus.UNKNOWN)
    books.keep("1042:1", PaymentStatus.UNKNOWN, about=OF_COREFY, transaction_id=INVOICE)
    yield books
    books.close()


OURS = intent("1042:1", Operation.PURCHASE, **OF_COREFY).ref
OPTIONS = ["--gateway", "corefy", "--merchant", ACCOUNT, "--environment", "test"]


def test_each_gateway_has_its_own_list(books: Books):
    listed = books.run("unresolved", *OPTIONS)
    assert listed.exit_code == 1
    assert OURS in listed.output
    assert f"1 unresolved of test {ACCOUNT}" in listed.output
    others = books.run("unresolved")
    assert OURS not in others.output
    assert "1 unresolved of sandbox JP00000001" in others.output


def test_whose_they_are_comes_from_the_clients_own_variables(books: Books, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COREFY_ACCOUNT_ID", ACCOUNT)
    result = books.run("unresolved", "--gateway", "corefy")
    assert result.exit_code == 2
    assert "COREFY_TEST_MODE" in result.output
    monkeypatch.setenv("COREFY_TEST_MODE", "true")
    assert OURS in books.run("unresolved", "--gateway", "corefy").output
    monkeypatch.setenv("COREFY_TEST_MODE", "false")
    assert f"no payment of live {ACCOUNT}" in books.run("unresolved", "--gateway", "corefy").output
    assert OURS in books.run("unresolved", "--gateway", "corefy", "--environment", "test").output


def test_the_clients_own_journal_comes_first(books: Books, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("COREFY_JOURNAL", str(tmp_path / "missing.db"))
    assert "missing.db" in books.run("unresolved", *OPTIONS).output


@pytest.mark.parametrize(("gateway", "environment"), [("corefy", "sandbox"), ("paymentoptions", "test")])
def test_an_environment_of_the_other_gateway_is_refused(books: Books, gateway: str, environment: str):
    result = books.run("unresolved", "--gateway", gateway, "--merchant", ACCOUNT, "--environment", environment)
    assert result.exit_code == 2
    assert f"{gateway} has live" in result.output


@pytest.mark.parametrize("name", [INVOICE, "1042:1", OURS])
def test_one_is_found_by_its_invoice_its_key_or_its_reference(books: Books, name: str):
    shown = books.run("show", *OPTIONS, name)
    assert OURS in shown.output.splitlines()[0]


def test_one_is_settled_with_the_invoices_id(books: Books):
    other = "cpi_BDzwZTG99f3q3utQ"
    settled = books.run("settle", *OPTIONS, OURS, "--happened", "--transaction-id", other, *SAID)
    assert settled.output == f"{OURS} is APPROVED now.\n"
    record = books.do(lambda journal: journal.get(OURS))
    assert record.payment.transaction_id == other


def test_an_id_that_is_none_is_refused(books: Books):
    assert books.run("settle", *OPTIONS, OURS, "--happened", "--transaction-id", "../x", *SAID).exit_code == 2


def test_where_a_refund_is_found_is_said(books: Books):
    paid = books.keep("1043:1", PaymentStatus.APPROVED, about=OF_COREFY)
    about = {**OF_COREFY, "parent": paid, "charge_ref": paid}
    refund = books.keep("back", PaymentStatus.UNKNOWN, Operation.REFUND, about=about)
    asked = books.run("show", refund)
    assert f"as the refund {refund} of the invoice {paid}" in " ".join(asked.output.split())


def test_what_was_charged_back_is_in_the_balance(books: Books):
    def decide(record: Record) -> Change:
        payment = replace(record.payment, status=PaymentStatus.APPROVED, charged_back=YEN)
        return Change(payment, Source.STATUS, "charged_back")

    books.do(lambda journal: journal.change(OURS, decide))
    assert "Charged back" in books.run("show", OURS).output
