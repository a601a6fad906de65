import copy
import dataclasses
import io
import json
import logging
import pickle
import traceback
from datetime import date
from typing import Any

import pytest

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values import Card, MaskedCard, Secret

NUMBER, CVC = "4000002500003155", "987"
MIDDLE = NUMBER[6:12]


TYPED: dict[str, Any] = {"number": NUMBER, "cvc": CVC, "expiry_month": 12, "expiry_year": 2029, "name": "John Doe"}


def card(**changes):
    return Card(**(TYPED | changes))


def hides_it(text):
    return MIDDLE not in text.replace(" ", "").replace("-", "") and CVC not in text


@pytest.mark.parametrize("number", [NUMBER, "4000 0025 0000 3155", "4000-0025-0000-3155", Secret(NUMBER)])
def test_the_wire_form_is_the_vendors(number):
    assert card(number=number).to_wire() == {
        "number": NUMBER,
        "cvc": CVC,
        "expiry_month": "12",
        "expiry_year": "29",
        "name": "John Doe",
    }


@pytest.mark.parametrize(
    ("month", "year", "wire"),
    [(1, 29, ("01", "29")), ("1", "29", ("01", "29")), ("01", "2029", ("01", "29")), (12, 2005, ("12", "05"))],
)
def test_expiry_is_sent_as_two_digits_each(month, year, wire):
    sent = card(expiry_month=month, expiry_year=year).to_wire()
    assert (sent["expiry_month"], sent["expiry_year"]) == wire


def test_a_card_without_a_code_sends_none():
    assert "cvc" not in card(cvc=None).to_wire()


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        (
            {"number": NUMBER + "0"},
            "number",
            "17 digits; the gateway takes at most 16 (vendor's purchase page, maxLength)",
        ),
        ({"number": "40000025000"}, "number", "11 digits; cards have at least 12"),
        ({"number": "4000002500003156"}, "number", "Luhn"),
        ({"number": "4000.0025.0000.3155"}, "number", "digits 0 to 9"),
        ({"number": "\uff14" * 16}, "number", "digits 0 to 9"),
        ({"number": "\ud800" + NUMBER[1:]}, "number", "digits 0 to 9"),
        ({"number": ""}, "number", "digits 0 to 9"),
        ({"number": int(NUMBER)}, "number", "needs a str, got int"),
        ({"number": NUMBER.encode()}, "number", "needs a str, got bytes"),
        ({"cvc": "12"}, "cvc", "3 digits, 4 for American Express"),
        ({"cvc": "98765"}, "cvc", "3 digits, 4 for American Express"),
        ({"cvc": "98a"}, "cvc", "3 digits"),
        ({"cvc": "\uff19" * 3}, "cvc", "3 digits"),
        ({"cvc": 987}, "cvc", "in a str"),
        ({"cvc": ""}, "cvc", "3 digits"),
        ({"expiry_month": 0}, "expiry_month", "1 to 12"),
        ({"expiry_month": 13}, "expiry_month", "1 to 12"),
        ({"expiry_month": "1x"}, "expiry_month", "1 to 12"),
        ({"expiry_month": True}, "expiry_month", "1 to 12"),
        ({"expiry_month": None}, "expiry_month", "1 to 12"),
        ({"expiry_year": 1999}, "expiry_year", "29 or 2029"),
        ({"expiry_year": 2100}, "expiry_year", "29 or 2029"),
        ({"expiry_year": 229}, "expiry_year", "29 or 2029"),
        ({"expiry_year": "20290"}, "expiry_year", "29 or 2029"),
        ({"expiry_year": -1}, "expiry_year", "29 or 2029"),
        ({"name": ""}, "name", "empty"),
        ({"name": "  "}, "name", "empty"),
        ({"name": "x" * 256}, "name", "256 characters; the gateway takes at most 255"),
        ({"name": "John\nDoe"}, "name", "control characters"),
        ({"name": "\udcff"}, "name", "surrogate"),
        ({"name": NUMBER}, "name", "reads as a card number"),
        ({"name": None}, "name", "needs a str"),
    ],
)
def test_bad_fields_are_refused_by_name_and_rule_and_never_shown(changes, field, rule):
    with pytest.raises(InvalidValue) as raised:
        card(**changes)
    assert raised.value.field == f"card.{field}"
    assert str(raised.value).startswith(f"card.{field}: ")
    assert rule in str(raised.value)
    assert hides_it(str(raised.value))


def test_the_check_digit_may_go_unchecked():
    assert card(number="4000002500003156", check_luhn=False).to_wire()["number"] == "4000002500003156"


def test_cards_are_good_through_the_last_day_of_their_month():
    assert not card().is_expired(date(2029, 12, 31))
    assert card().is_expired(date(2030, 1, 1))
    assert not card(expiry_month=2).is_expired(date(2029, 1, 31))
    assert card(expiry_month=2).is_expired(date(2029, 3, 1))


def test_what_may_be_shown_is_first_6_last_4_and_expiry():
    masked = card(expiry_month=3).masked
    assert masked == MaskedCard("400000", "3155", "03", "29")
    assert str(masked) == "400000******3155"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda it: f"{it}",
        lambda it: "%s %r" % (it, it),  # noqa: UP031  the old way too
        lambda it: repr([it, {"card": it}]),
        lambda it: repr(dataclasses.asdict(it)),
        lambda it: repr(dataclasses.astuple(it)),
        lambda it: repr(it.number) + repr(it.cvc) + str(it.number) + f"{it.cvc}",
        lambda it: repr([getattr(it.number, name) for name in it.number.__slots__]),
        lambda it: json.dumps({"card": it}, default=repr),
    ],
)
def test_nothing_shows_number_or_code(show):
    shown = show(card())
    assert hides_it(shown)


def test_logs_do_not_show_them():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("test_values_card")
    logger.addHandler(handler)
    try:
        logger.warning("%s %r", card(), {"number": card().number})
    finally:
        logger.removeHandler(handler)
    assert "400000******3155" in stream.getvalue()
    assert hides_it(stream.getvalue())


def test_rich_does_not_show_them():
    pretty = pytest.importorskip("rich.pretty")
    assert hides_it(pretty.pretty_repr({"card": card(), "secret": card().number}, expand_all=True))


@pytest.mark.parametrize("changes", [{"expiry_month": 13}, {"number": NUMBER + "1"}, {"cvc": CVC + "12"}, {"name": ""}])
def test_no_local_of_ours_shows_them_in_a_traceback(changes):
    given = TYPED | changes
    with pytest.raises(InvalidValue) as raised:
        Card(**given)
    frames = traceback.StackSummary.extract(traceback.walk_tb(raised.value.__traceback__), capture_locals=True)
    ours = [frame for frame in frames if "paymentoptions_async" in frame.filename]
    assert ours
    assert hides_it(repr([frame.locals for frame in ours]))


@pytest.mark.parametrize("it", [card(), card().number, {"card": card()}])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_cards_and_secrets_are_not_pickled(it, protocol):
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(it, protocol)


def test_copies_are_the_card_itself():
    it = card()
    assert copy.copy(it) is it
    assert copy.deepcopy([it])[0] is it
    assert dataclasses.replace(it, name="Jane Doe").to_wire()["number"] == NUMBER


def test_secrets_are_equal_by_content_and_neither_hashable_nor_changeable():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert card() == card()
    assert card() != card(cvc="111")
    with pytest.raises(TypeError):
        hash(Secret("a"))
    with pytest.raises(AttributeError):
        Secret("a").reveal = str
    with pytest.raises(AttributeError):
        del Secret("a").reveal
    with pytest.raises(AttributeError):
        card().name = "x"
