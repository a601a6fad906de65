"""Which column of a ledger holds what."""

from __future__ import annotations

from typing import Any

import pytest

from paymentoptions_async.reconcile.ledger import LedgerUnreadable
from paymentoptions_async.reconcile.ledger.names import find_columns
from paymentoptions_async.reconcile.options import COLUMN_NAMES, Columns


def found(*header: str, **columns: Any) -> dict[str, str]:
    places = find_columns(header, Columns(**columns))
    return {name: header[place] for name, place in places.items()}


def test_our_own_names_come_first():
    assert found(*reversed(COLUMN_NAMES)) == {name: name for name in COLUMN_NAMES}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Transaction ID", "transaction_id"),
        ("txn_id", "transaction_id"),
        ("gateway_id", "transaction_id"),
        ("PaymentId", "transaction_id"),
        ("ID", "transaction_id"),
        ("merchant_txn_ref", "reference"),
        ("Reference", "reference"),
        ("REF.", "reference"),
        ("reference_id", "reference"),
        ("Order-ID", "order"),
        ("Type", "kind"),
        ("State", "status"),
        ("Total", "amount"),
        ("gross", "amount"),
        ("CCY", "currency"),
        ("Refunded Amount", "refunded"),
        ("Date", "at"),
        ("created_at", "at"),
        ("timestamp", "at"),
        ("Paid At", "at"),
    ],
)
def test_usual_names_are_known(title, name):
    others = [other for other in ("reference", "amount", "currency") if other != name]
    assert found("something", title, *others)[name] == title


def test_a_surer_name_comes_before_one_that_may_be_anything():
    header = (
        "id",
        "transaction_id",
        "ref",
        "merchant_txn_ref",
        "amount",
        "total",
        "currency",
        "date",
        "created_at",
        "paid_at",
    )
    assert found(*header) == {
        "transaction_id": "transaction_id",
        "reference": "merchant_txn_ref",
        "amount": "amount",
        "currency": "currency",
        "at": "paid_at",
    }


def test_two_equally_usual_names_are_refused_with_the_way_out():
    with pytest.raises(LedgerUnreadable, match=r"'txn_id', 'Transaction ID'; say which with --column transaction_id="):
        found("txn_id", "Transaction ID", "amount", "currency")
    header = ("txn_id", "Transaction ID", "amount", "currency")
    assert found(*header, transaction_id="txn_id")["transaction_id"] == "txn_id"


def test_a_named_column_is_found_exactly_or_but_for_case_and_blanks():
    header = ("Betrag", "betrag ", "Währung", "Beleg Nr.")
    columns = {"currency": "währung", "reference": "beleg_nr", "amount": "Betrag"}
    assert found(*header, **columns) == {"reference": "Beleg Nr.", "amount": "Betrag", "currency": "Währung"}


def test_a_named_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(LedgerUnreadable, match="no column 'Betrag' for amount; there are: 'id', 'amount', 'currency'"):
        found("id", "amount", "currency", amount="Betrag")


def test_a_named_column_that_is_there_twice_is_refused():
    with pytest.raises(LedgerUnreadable, match="2 columns are named 'x'"):
        found("id", "x", "x", "currency", amount="x")


def test_a_column_that_is_named_for_one_thing_is_not_guessed_for_another():
    assert found("reference", "amount", "currency", "id", order="reference") == {
        "transaction_id": "id",
        "order": "reference",
        "amount": "amount",
        "currency": "currency",
    }


def test_what_is_needed_is_said():
    with pytest.raises(LedgerUnreadable, match=r"transaction_id or reference, amount, currency .*there are: 'x', 'y'"):
        found("x", "y")
    assert "currency" not in found("id", "amount", one_currency="USD")


def test_a_ledger_without_titles_shows_no_card_number():
    with pytest.raises(LedgerUnreadable) as refused:
        found("4242424242424242", *map(str, range(100)))
    assert "4242424242424242" not in str(refused.value)
    assert "61 more" in str(refused.value)
