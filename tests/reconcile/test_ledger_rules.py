"""Which rows can be used, what they say then, and why the others can't."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.masking import looks_like_pan
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.reconcile.ledger.batches import shown
from paymentoptions_async.reconcile.ledger.words import kind_of, status_of
from paymentoptions_async.reconcile.options import Columns, Kind, Selection
from paymentoptions_async.values import Money
from tests.reconcile.ledger_reading import GOOD, HEADER, UUID, money, take_csv, take_row


def test_a_good_row_is_taken_as_it_is(tmp_path):
    assert take_row(tmp_path).row == {
        "line": 2,
        "transaction_id": UUID,
        "reference": "r-1",
        "order_name": "o-1",
        "kind": "payment",
        "status": "approved",
        "amount": money("10.5"),
        "currency": "USD",
        "refunded": None,
        "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
    }


def test_blanks_around_cells_do_not_count(tmp_path):
    cells: dict[str, Any] = {name: f" \t{cell}\N{NO-BREAK SPACE}" for name, cell in GOOD.items()}
    row = take_row(tmp_path, **cells).row
    assert row == take_row(tmp_path).row


class TestTransactionIds:
    def test_a_uuid_is_kept_in_lower_case(self, tmp_path):
        assert take_row(tmp_path, transaction_id=UUID.upper()).row["transaction_id"] == UUID

    @pytest.mark.parametrize(
        "wrong", ["1", UUID[:-1], UUID + "0", UUID.replace("-", ""), f"{{{UUID}}}", "cpi_abc", "1.2E+15"]
    )
    def test_something_else_is_refused(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, transaction_id=wrong).fault
        assert field == "transaction_id"
        assert "UUID" in reason

    def test_on_corefy_an_invoice_is_meant(self, tmp_path):
        row = take_row(tmp_path, scope="corefy/sandbox/m1", transaction_id="cpi_AbC123").row
        assert row["transaction_id"] == "cpi_AbC123"

    @pytest.mark.parametrize("wrong", [UUID, "cpi_", "cpi_a/b", "CPI_abc", "cpi_" + 61 * "a"])
    def test_on_corefy_a_uuid_is_refused(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, scope="corefy/sandbox/m1", transaction_id=wrong).fault
        assert field == "transaction_id"
        assert "cpi_" in reason

    def test_a_reference_is_enough(self, tmp_path):
        row = take_row(tmp_path, transaction_id=" ").row
        assert row["transaction_id"] is None
        assert row["reference"] == "r-1"

    def test_one_of_both_is_needed(self, tmp_path):
        field, reason = take_row(tmp_path, transaction_id="", reference=" ").fault
        assert field is None
        assert "neither" in reason


AMOUNTS = st.one_of(
    st.from_regex(r"-?[0-9]{1,11}(\.[0-9]{1,6})?", fullmatch=True),
    st.from_regex(r"1{20,36}(\.[0-9]{1,6})?", fullmatch=True),
    st.text("01.,-+ e", max_size=10),
)


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "currency", "exact"),
        [
            ("0", "USD", "0"),
            ("007", "USD", "7"),
            ("10.5", "USD", "10.5"),
            ("10.5000000000000000000000000000000000000000", "USD", "10.5"),
            ("1000", "JPY", "1000"),
            ("1000.00", "JPY", "1000"),
            ("1.234", "KWD", "1.234"),
            ("1.2345", "UYW", "1.2345"),
            (24 * "9" + ".99", "USD", 24 * "9" + ".99"),
            ("-0.00", "USD", "0"),
        ],
    )
    def test_are_exact(self, tmp_path, amount, currency, exact):
        assert take_row(tmp_path, amount=amount, currency=currency).row["amount"] == Decimal(exact)

    @pytest.mark.parametrize(
        "wrong", ["ten", "1,234.50", "1 234", "$5", "1e3", "5.", ".5", "+5", "1.2.3", "١٢", "(5)", "0x1"]
    )
    def test_need_digits(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, amount=wrong).fault
        assert field == "amount"
        assert "digits with at most one point" in reason

    def test_a_comma_brings_the_advice(self, tmp_path):
        assert "--decimal-comma" in take_row(tmp_path, amount="10,50").fault[1]

    def test_none_is_refused(self, tmp_path):
        assert take_row(tmp_path, amount="").fault == ("amount", "amount: is empty")

    @pytest.mark.parametrize(("amount", "currency"), [("10.505", "USD"), ("1.5", "JPY"), ("1.2345", "KWD")])
    def test_have_no_more_decimals_than_the_currency(self, tmp_path, amount, currency):
        field, reason = take_row(tmp_path, amount=amount, currency=currency).fault
        assert field == "amount"
        assert currency in reason
        assert "ISO 4217" in reason

    def test_too_many_digits_are_refused(self, tmp_path):
        assert "too large" in take_row(tmp_path, amount=25 * "9").fault[1]

    @pytest.mark.parametrize("kind", ["refund", "credit", ""])
    def test_a_negative_one_is_a_refund(self, tmp_path, kind):
        row = take_row(tmp_path, amount="-10.50", kind=kind).row
        assert row["amount"] == money("10.5")
        assert row["kind"] == "refund"

    def test_where_no_column_tells_the_kind_a_negative_one_is_a_refund(self, tmp_path):
        taken = take_csv(f"id,amount,currency\n{UUID},-5,USD\n{UUID},5,USD\n", tmp_path)
        assert [(row["kind"], row["amount"]) for row in taken.rows] == [("refund", money("5")), (None, money("5"))]

    @pytest.mark.parametrize("kind", ["payment", "capture", "void", "auth"])
    def test_a_negative_payment_is_refused(self, tmp_path, kind):
        field, reason = take_row(tmp_path, amount="-10.50", kind=kind).fault
        assert field == "amount"
        assert "refund" in reason

    def test_with_a_decimal_comma(self, tmp_path):
        columns = Columns(decimal_comma=True)
        assert take_row(tmp_path, columns, amount="1234,56", refunded="0,5").row["amount"] == money("1234.56")
        assert "comma" in take_row(tmp_path, columns, amount="1.234,56").fault[1]
        assert "comma" in take_row(tmp_path, columns, amount="10.50").fault[1]

    @pytest.mark.parametrize(
        ("minor", "currency", "major"),
        [
            ("1050", "USD", "10.5"),
            ("5", "USD", "0.05"),
            ("1050", "JPY", "1050"),
            ("1", "KWD", "0.001"),
            ("12.00", "USD", "0.12"),
        ],
    )
    def test_in_minor_units(self, tmp_path, minor, currency, major):
        row = take_row(tmp_path, Columns(minor_units=True), amount=minor, currency=currency, refunded=minor).row
        assert row["amount"] == row["refunded"] == Decimal(major)

    def test_in_minor_units_a_fraction_is_refused(self, tmp_path):
        assert "minor units" in take_row(tmp_path, Columns(minor_units=True), amount="10.5").fault[1]

    @pytest.mark.parametrize("wrong", ["x", "1.234", 25 * "9", "-1"])
    def test_what_was_refunded_follows_the_same_rules(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, refunded=wrong).fault
        assert field == "refunded"
        assert reason.startswith("refunded: ")

    @settings(max_examples=20)
    @given(st.lists(st.tuples(AMOUNTS, st.sampled_from(["USD", "JPY", "KWD", "UYW", "EUR"])), min_size=1, max_size=60))
    def test_are_what_money_takes_them_for(self, tmp_path_factory, cells):
        content = "reference;amount;currency\n" + "".join(f"r;{amount};{currency}\n" for amount, currency in cells)
        taken = take_csv(content, tmp_path_factory.mktemp("one"))
        found = {row["line"]: row["amount"] for row in taken.rows}
        assert found == {line: amount for line, cell in enumerate(cells, 2) if (amount := exact(*cell)) is not None}

    def test_a_card_number_is_none(self, tmp_path):
        for column, fault in (
            ("amount", take_row(tmp_path, amount="4242424242424242").fault),
            ("refunded", take_row(tmp_path, refunded="4242424242424242").fault),
        ):
            assert fault == (column, f"{column}: reads as a card number, and not as an amount")


def exact(amount: str, currency: str) -> Decimal | None:
    """What `Money` makes of it, as far as it fits, and not counting zeros."""
    try:
        found = Money.from_wire(amount.strip().removeprefix("-"), currency).amount
    except InvalidValue:
        return None
    return found if found < Decimal(10) ** 24 and not looks_like_pan(amount.partition(".")[0].strip("- ")) else None


class TestCurrencies:
    def test_are_kept_in_capitals(self, tmp_path):
        assert take_row(tmp_path, currency="eur").row["currency"] == "EUR"

    @pytest.mark.parametrize("wrong", ["XXX", "XAU", "US", "dollar", "€", "U\N{LATIN SMALL LETTER LONG S}D"])
    def test_are_those_of_iso_4217(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, currency=wrong).fault
        assert field == "currency"
        assert "ISO 4217" in reason

    def test_an_empty_one_brings_the_advice(self, tmp_path):
        assert "--currency" in take_row(tmp_path, currency="").fault[1]

    def test_one_for_all_rows_stands_in_for_a_column_and_for_empty_cells(self, tmp_path):
        columns = Columns(one_currency="JPY")
        assert take_csv(f"id,amount\n{UUID},1000\n", tmp_path, columns=columns).row["currency"] == "JPY"
        assert take_row(tmp_path, columns, currency="", amount="5").row["currency"] == "JPY"
        assert take_row(tmp_path, columns).row["currency"] == "USD"


class TestWords:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            *(
                (word, "approved")
                for word in ("paid", "captured", "SUCCESS", "Succeeded", "Approved", "settled", "completed")
            ),
            *(
                (word, "approved")
                for word in ("refunded", "partially_refunded", "Partially Refunded", "partially-refunded")
            ),
            *((word, "authorized") for word in ("authorised", "AUTHORIZED", "pre_auth", "Pre-Auth")),
            *((word, "declined") for word in ("declined", "failed", "refused", "rejected", "error")),
            *((word, "pending") for word in ("pending", "processing", "open", "initiated")),
            *((word, "cancelled") for word in ("cancelled", "canceled", "voided")),
            *((status.value, status.value) for status in PaymentStatus),
        ],
    )
    def test_usual_statuses(self, tmp_path, word, status):
        assert take_row(tmp_path, status=word).row["status"] == status

    def test_corefy_has_words_of_its_own(self):
        assert status_of("process_failed", {}, corefy=True) == "declined"
        assert status_of("terminated", {}, corefy=True) == "cancelled"
        assert status_of("rejected", {}, corefy=True) == "cancelled"
        assert status_of("rejected", {}, corefy=False) == "declined"

    def test_what_is_said_comes_first(self, tmp_path):
        columns = Columns(statuses={"Bezahlt ": PaymentStatus.APPROVED, "open": PaymentStatus.AUTHORIZED})
        assert take_row(tmp_path, columns, status="BEZAHLT").row["status"] == "approved"
        assert take_row(tmp_path, columns, status="Open").row["status"] == "authorized"

    def test_an_unknown_status_says_how_to_make_it_known(self, tmp_path):
        field, reason = take_row(tmp_path, status="bezahlt").fault
        assert field == "status"
        assert "--status 'bezahlt'=STATUS" in reason

    def test_an_empty_status_is_refused(self, tmp_path):
        assert "is empty" in take_row(tmp_path, status="").fault[1]

    def test_without_a_column_one_is_assumed(self, tmp_path):
        content = f"id,amount,currency\n{UUID},1,USD\n"
        assert take_csv(content, tmp_path).row["status"] == "approved"
        columns = Columns(assume=PaymentStatus.AUTHORIZED)
        assert take_csv(content, tmp_path, columns=columns).row["status"] == "authorized"

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            *((word, "payment") for word in ("payment", "Purchase", "SALE", "charge")),
            *((word, "authorization") for word in ("auth", "pre_auth", "Pre-Auth", "authorization", "authorisation")),
            ("capture", "capture"),
            *((word, "refund") for word in ("refund", "credit")),
            *((word, "void") for word in ("void", "reversal")),
            ("", None),
        ],
    )
    def test_usual_kinds(self, tmp_path, word, kind):
        assert take_row(tmp_path, kind=word).row["kind"] == kind

    def test_an_unknown_kind_says_how_to_make_it_known(self, tmp_path):
        field, reason = take_row(tmp_path, kind="Zahlung").fault
        assert field == "kind"
        assert "--kind 'Zahlung'=KIND" in reason
        assert take_row(tmp_path, Columns(kinds={"zahlung": Kind.PAYMENT}), kind="Zahlung").row["kind"] == "payment"

    def test_every_word_means_one_of_ours(self):
        assert kind_of("sale", {"sale": Kind.REFUND}) == "refund"
        assert status_of("no word", {}, corefy=True) is None


class TestTimes:
    @pytest.mark.parametrize(
        ("written", "at"),
        [
            ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
            ("2026-01-31T12:34", datetime(2026, 1, 31, 12, 34, tzinfo=UTC)),
            ("2026-01-31 12:34:56", datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
            ("2026-01-31T12:34:56.5Z", datetime(2026, 1, 31, 12, 34, 56, 500_000, tzinfo=UTC)),
            ("2026-01-31T12:34:56,123456789z", datetime(2026, 1, 31, 12, 34, 56, 123_456, tzinfo=UTC)),
            ("2026-01-31 12:34:56 UTC", datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
            ("2026-01-31t12:34:56+02:00", datetime(2026, 1, 31, 10, 34, 56, tzinfo=UTC)),
            ("2026-01-31T12:34:56 -0330", datetime(2026, 1, 31, 16, 4, 56, tzinfo=UTC)),
            ("2026-01-31T00:34+01", datetime(2026, 1, 30, 23, 34, tzinfo=UTC)),
            ("1769862896", datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
            ("1769862896.25", datetime(2026, 1, 31, 12, 34, 56, 250_000, tzinfo=UTC)),
            ("1769862896123", datetime(2026, 1, 31, 12, 34, 56, 123_000, tzinfo=UTC)),
            ("", None),
        ],
    )
    def test_are_in_utc(self, tmp_path, written, at):
        assert take_row(tmp_path, at=written).row["at"] == at

    @pytest.mark.parametrize(
        "wrong",
        ["yesterday", "2026-02-30", "31.01.2026", "01/31/2026", "2026-01-31T25:00:00", "2026-01-31T12:00+15:00", "5"],
    )
    def test_others_are_refused(self, tmp_path, wrong):
        field, reason = take_row(tmp_path, at=wrong).fault
        assert field == "at"
        assert "ISO 8601" in reason

    @settings(max_examples=20)
    @given(
        st.lists(
            st.tuples(st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 30)), st.integers(-14 * 60, 14 * 60)),  # noqa: DTZ001
            min_size=1,
            max_size=60,
        )
    )
    def test_are_what_python_takes_them_for(self, tmp_path_factory, moments):
        aware = [moment.replace(tzinfo=timezone(timedelta(minutes=offset))) for moment, offset in moments]
        content = "reference,amount,currency,at\n" + "".join(f"r,1,USD,{moment.isoformat()}\n" for moment in aware)
        assert [row["at"] for row in take_csv(content, tmp_path_factory.mktemp("one")).rows] == aware


class TestWindow:
    CONTENT = f"{HEADER}\n" + "".join(
        f"{UUID},r,,,paid,{amount},USD,,{day}\n"
        for amount, day in [
            ("1", "2026-01-30"),
            ("2", "2026-01-31"),
            ("3", "2026-02-01"),
            ("4", ""),
            ("x", "2026-01-30"),
            ("x", ""),
        ]
    )

    def test_rows_outside_are_left_out_and_counted(self, tmp_path):
        window = Selection(since=datetime(2026, 1, 31, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
        taken = take_csv(self.CONTENT, tmp_path, selection=window)
        assert [row["amount"] for row in taken.rows] == [2, 4]
        assert [row["line"] for row in taken.invalid] == [7]
        assert taken.counts.outside == 3

    def test_a_window_may_have_one_side_and_another_zone(self, tmp_path):
        east = timezone(timedelta(hours=1))
        taken = take_csv(self.CONTENT, tmp_path, selection=Selection(since=datetime(2026, 2, 1, 1, tzinfo=east)))
        assert [row["amount"] for row in taken.rows] == [3, 4]
        taken = take_csv(self.CONTENT, tmp_path, selection=Selection(until=datetime(2026, 1, 31, 1, tzinfo=east)))
        assert [row["amount"] for row in taken.rows] == [1, 4]


class TestHiding:
    PAN = "4242424242424242"

    def test_references_and_orders_show_no_card_number(self, tmp_path):
        row = take_row(tmp_path, reference=self.PAN, order="paid with 4242 4242 4242 4242").row
        assert row["reference"] == "424242******4242"
        assert row["order_name"] == "paid with 424242******4242"

    @pytest.mark.parametrize("separator", [".", "\u2007", "\u2013", "\u200b", "\u3000"], ids=ascii)
    @pytest.mark.parametrize("zero", ["0", "\uff10", "\u0660"], ids=ascii)
    def test_card_numbers_in_references_are_masked_however_they_are_written(self, tmp_path, separator, zero):
        digits = [chr(ord(zero) + int(digit)) for digit in self.PAN]
        grouped = separator.join("".join(digits[start : start + 4]) for start in (0, 4, 8, 12))
        row = take_row(tmp_path, reference=f"card {grouped}").row
        assert row["reference"] == "card 424242******4242"

    def test_secrets_and_links_are_hidden_too(self, tmp_path):
        row = take_row(tmp_path, reference="cvc=123", order="https://a.example/pay/secret").row
        assert row["reference"] == "cvc=[redacted]"
        assert row["order_name"] == "https://a.example/[redacted]"

    def test_other_rows_keep_their_texts(self, tmp_path):
        content = (
            f"{HEADER}\n{UUID},{self.PAN},,,paid,1,USD,,\n{UUID},1042:1,Ünïcode,,paid,1,USD,,\n{UUID},,,,paid,1,USD,,\n"
        )
        assert [row["reference"] for row in take_csv(content, tmp_path).rows] == ["424242******4242", "1042:1", None]

    @pytest.mark.parametrize("column", list(GOOD))
    def test_a_bad_row_shows_no_card_number_wherever_it_stands(self, tmp_path, column):
        cells: dict[str, Any] = {"amount": "x", column: self.PAN}
        (row,) = take_row(tmp_path, **cells).invalid
        assert self.PAN not in row["cells"] + row["reason"]
        assert "424242******4242" in row["cells"]

    def test_a_bad_row_shows_no_code(self, tmp_path):
        content = f"id,amount,currency,cvv\n{UUID},x,USD,987\n{UUID},1,USD,987,too,many\n"
        taken = take_csv(content, tmp_path)
        assert len(taken.invalid) == 2
        assert not [row for row in taken.invalid if "987" in row["cells"]]

    def test_what_is_shown_is_short(self, tmp_path):
        (row,) = take_row(tmp_path, amount="x", order=100 * self.PAN).invalid
        assert len(row["cells"]) <= 501

    def test_what_is_cut_off_leaves_no_part_of_a_card_number(self):
        for before in range(1_900, 2_000):
            text = shown(["order"], [f"secret={before * 'x'} {self.PAN}"])
            assert "42424242" not in text
