import copy
import pickle
import traceback
from decimal import ROUND_FLOOR, Decimal, localcontext
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values import Money


class Currency(StrEnum):
    YEN = "JPY"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1000", "JPY", "1000"),
        (1000, "JPY", "1000"),
        (Decimal("1E+3"), "JPY", "1000"),
        ("10.5", "USD", "10.50"),
        (10, "USD", "10.00"),
        (Decimal("0.010"), "USD", "0.01"),
        ("10.5000", "USD", "10.50"),
        ("1.234", "KWD", "1.234"),
        ("0", "USD", "0.00"),
        ("9999999.99", "USD", "9999999.99"),
        ("9999999999", "JPY", "9999999999"),
        (1000, Currency.YEN, "1000"),
    ],
)
def test_amounts_are_kept_with_the_decimals_of_their_currency(amount, currency, text):
    money = Money(amount, currency)
    assert (money.wire_text, str(money)) == (text, f"{text} {currency}")
    assert type(money.currency) is str
    assert isinstance(money.amount, Decimal)


@pytest.mark.parametrize(
    ("amount", "currency", "rule"),
    [
        (10.5, "USD", "floats are not exact"),
        (True, "USD", "got bool"),
        (None, "USD", "got NoneType"),
        ("10.505", "USD", "USD has 2 decimals (ISO 4217)"),
        ("10.5", "JPY", "JPY has no decimals (ISO 4217)"),
        ("-1", "USD", "digits with at most one point"),
        (-1, "USD", "negative"),
        (Decimal("-0"), "USD", "negative"),
        (Decimal("NaN"), "USD", "NaN"),
        (Decimal("sNaN"), "USD", "NaN"),
        (Decimal("Infinity"), "USD", "infinite"),
        (Decimal("1E+9999"), "USD", "too large"),
        (Decimal("1E-999999999"), "USD", "digits after the point"),
        pytest.param(10**5000, "JPY", "too large", id="huge"),
        ("9" * 100_000, "JPY", "digits with at most one point"),
        ("10,50", "USD", "digits with at most one point"),
        (" 10", "USD", "digits with at most one point"),
        ("1_0", "USD", "digits with at most one point"),
        ("1e3", "USD", "digits with at most one point"),
        ("\u0661\u0660", "USD", "digits with at most one point"),
        ("10\n", "USD", "digits with at most one point"),
        ("", "USD", "digits with at most one point"),
        ("10000000.00", "USD", "11 characters; the gateway takes at most 10"),
        (10_000_000, "USD", "11 characters; the gateway takes at most 10"),
    ],
)
def test_bad_amounts_are_refused_by_name_of_the_rule(amount, currency, rule):
    with pytest.raises(InvalidValue) as raised:
        Money(amount, currency)
    assert raised.value.field == "amount"
    assert str(raised.value).startswith("amount: ")
    assert rule in str(raised.value)


@pytest.mark.parametrize(
    ("currency", "rule"),
    [
        ("usd", "write 'USD'"),
        ("Usd", "write 'USD'"),
        ("XYZ", "ISO 4217"),
        ("DEM", "ISO 4217"),
        ("XAU", "have minor units"),
        ("XXX", "have minor units"),
        ("", "ISO 4217"),
        ("USDT", "ISO 4217"),
        ("USD\n", "ISO 4217"),
        ("\uff35\uff33\uff24", "ISO 4217"),
        ("\ud800SD", "ISO 4217"),
        (840, "needs a str"),
        (None, "needs a str"),
    ],
)
def test_bad_currencies_are_refused(currency, rule):
    with pytest.raises(InvalidValue) as raised:
        Money(1, currency)
    assert raised.value.field == "currency"
    assert rule in str(raised.value)


def test_a_refused_amount_can_be_shown_in_a_traceback_with_locals():
    with pytest.raises(InvalidValue) as raised:
        Money("-1", "USD")
    frames = traceback.StackSummary.extract(traceback.walk_tb(raised.value.__traceback__), capture_locals=True)
    assert any("<Money>" in repr(frame.locals) for frame in frames)


def test_wire_numbers_are_exact():
    assert repr(Money("10.5", "USD").wire_number) == "Decimal('10.50')"
    assert repr(Money("1000", "JPY").wire_number) == "1000"


def test_sums_and_differences_stay_within_a_currency():
    assert Money("0.10", "USD") + Money("0.20", "USD") == Money("0.30", "USD")
    assert Money("0.30", "USD") - Money("0.30", "USD") == Money.zero("USD")
    assert sum([Money(1, "JPY"), Money(2, "JPY")], Money.zero("JPY")) == Money(3, "JPY")
    with pytest.raises(InvalidValue, match="two currencies"):
        Money(1, "USD") + Money(1, "JPY")
    with pytest.raises(InvalidValue, match="negative"):
        Money(1, "USD") - Money(2, "USD")
    with pytest.raises(TypeError):
        Money(1, "USD") + 1  # type: ignore[operator]


def test_sums_are_exact_whatever_the_callers_decimal_context_is():
    with localcontext(prec=3, rounding=ROUND_FLOOR):
        total = Money("99999.99", "USD") + Money("0.02", "USD")
        nothing = Money("1.00", "USD") - Money("1.00", "USD")
    assert str(total) == "100000.01 USD"
    assert str(nothing) == "0.00 USD"


def test_sums_may_be_longer_than_the_gateway_takes_but_are_not_sent():
    total = Money("9999999999", "JPY") + Money("1", "JPY")
    assert str(total) == "10000000000 JPY"
    with pytest.raises(InvalidValue, match="at most 10"):
        _ = total.wire_text
    with pytest.raises(InvalidValue, match="at most 10"):
        _ = total.wire_number


def test_amounts_of_one_currency_are_ordered():
    small, large = Money("9", "USD"), Money("10", "USD")
    assert small < large
    assert small <= large
    assert large > small
    assert large >= small
    assert not small > large
    with pytest.raises(InvalidValue, match="two currencies"):
        _ = small < Money("10", "JPY")
    with pytest.raises(TypeError):
        _ = small < 10  # type: ignore[operator]


def test_equal_amounts_are_one_key_and_other_currencies_are_not_equal():
    assert {Money("10.5", "USD"), Money(Decimal("10.500"), "USD")} == {Money("10.50", "USD")}
    assert Money(10, "USD") != Money(10, "EUR")
    assert Money(10, "USD") not in [10, "10.00 USD"]


def test_only_more_than_nothing_is_positive():
    assert Money("0.01", "USD").is_positive
    assert not Money("0", "USD").is_positive


def test_money_is_frozen_and_survives_copies_and_pickles():
    money = Money("10.5", "USD")
    with pytest.raises(AttributeError):
        money.amount = Decimal(1)  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(money)) == copy.deepcopy(money) == money  # noqa: S301  our own bytes


@pytest.mark.parametrize("value", [1000, "1000", Decimal("1000.00"), "1000.0"])
def test_amounts_of_answers_come_as_numbers_and_texts(value):
    assert Money.from_wire(value, "jpy") == Money(1000, "JPY")


def test_amounts_of_answers_may_be_long():
    assert str(Money.from_wire(Decimal("123456789012.34"), "USD")) == "123456789012.34 USD"


@pytest.mark.parametrize("value", [10.5, True, None, [], "NaN", Decimal("NaN"), Decimal("10.505"), -1, "1e3", "x" * 99])
def test_unreadable_amounts_of_answers_are_invalid(value):
    with pytest.raises(InvalidValue):
        Money.from_wire(value, "USD")


@given(st.integers(min_value=0, max_value=999_999_999), st.sampled_from([("JPY", 0), ("USD", 2), ("KWD", 3)]))
def test_every_amount_in_minor_units_survives_the_wire(minor, currency):
    code, exponent = currency
    money = Money(Decimal(minor).scaleb(-exponent), code)
    assert Money.from_wire(money.wire_text, code) == money
    assert int(money.amount.scaleb(exponent)) == minor


@pytest.mark.parametrize("amount", [0, 1, 10**9 - 1, 10**9, 10**9 + 1, 10**49])
@pytest.mark.parametrize("currency", ["JPY", "jpy", "USD", "KWD"])
def test_whole_amounts_of_answers_are_read_alike_however_long_they_are(amount, currency):
    found = Money.from_wire(amount, currency)
    assert found == Money.from_wire(Decimal(amount), currency)
    assert found.amount.as_tuple().exponent == -found.exponent
    assert type(found.currency) is str


@pytest.mark.parametrize("amount", [True, -1, -(10**9), 10**50])
def test_what_is_no_amount_is_none_in_an_answer_either(amount):
    with pytest.raises(InvalidValue):
        Money.from_wire(amount, "JPY")
