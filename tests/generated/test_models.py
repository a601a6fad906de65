"""The models: nothing is lost, nothing is shown, nothing raises."""

import copy
import datetime as dt
import json
import pickle
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import attrs
import corefy_client.models
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paymentoptions_client import models
from paymentoptions_client.models import (
    Card,
    PaymentDetails,
    PaymentReply,
    PurchaseV2Request,
    RiskDetails,
    TransactionDetails,
)
from paymentoptions_client.types import UNSET, Unset, read_json, write_json
from specbuild.build import load_document

PAN, CVC = "4000002500003155", "100"

numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=5) | st.just("2024-11-25T08:24:36Z")
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=5), leaves, max_size=3)


def objects_of(model, depth=2):
    """Give objects with some of the model's properties, holding anything, and with others."""
    names = st.sampled_from([name for name, _ in model._readers().values()] + ["new"])
    inner = objects_of(TransactionDetails, depth - 1) | objects_of(PaymentDetails, depth - 1) if depth else st.nothing()
    return st.dictionaries(names, values | inner, max_size=6)


@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("name", models.__all__)
@given(data=st.data())
def test_any_object_is_read_and_given_back_unchanged(name, data):
    model = getattr(models, name)
    source = data.draw(objects_of(model))
    assert model.from_dict(source).to_dict() == source


def test_an_unknown_property_is_kept_at_any_depth():
    source = {"new": [1], "transaction_details": {"newer": {"a": None}}}
    reply = PaymentReply.from_dict(source)
    assert reply.additional_properties == {"new": [1]}
    assert isinstance(reply.transaction_details, TransactionDetails)
    assert reply.transaction_details.additional_properties == {"newer": {"a": None}}
    assert reply.to_dict() == source


def test_a_closed_object_keeps_unknown_properties_too():
    assert Card.from_dict({"number": PAN, "new": 1}).to_dict() == {"number": PAN, "new": 1}


@pytest.mark.parametrize("value", [None, "soon", 5, [], "2024-13-45T99:00:00Z"])
def test_a_bad_date_costs_only_itself(value):
    source = {"id": "fc565b43-26f5-4906-92ae-d849edc3c3a1", "timestamp": value}
    details = TransactionDetails.from_dict(source)
    assert details.id == UUID("fc565b43-26f5-4906-92ae-d849edc3c3a1")
    assert details.to_dict() == source
    if value is None:
        assert details.timestamp is None
    else:
        assert details.timestamp is UNSET
        assert details.unreadable == {"timestamp": value}


@pytest.mark.parametrize("text", ["2024-11-25T08:24:36.000Z", "2024-11-25T08:24:36+00:00", "20241125T082436Z"])
def test_a_date_is_read_and_written_back_as_it_was_spelt(text):
    details = TransactionDetails.from_dict({"timestamp": text})
    assert details.timestamp == dt.datetime(2024, 11, 25, 8, 24, 36, tzinfo=dt.UTC)
    assert details.to_dict() == {"timestamp": text}


def test_a_date_that_was_changed_is_written_as_changed():
    details = TransactionDetails.from_dict({"timestamp": "2024-11-25T08:24:36.000Z"})
    details.timestamp = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    assert details.to_dict() == {"timestamp": "2025-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("success", "true"),
        ("success", 1),
        ("status_code", "UNSET"),
        ("status_code", "201"),
        ("status_code", True),
        ("payment_details", "<html>"),
        ("payment_details", []),
        ("transaction_type", 7),
    ],
)
def test_a_value_of_another_type_costs_only_itself(name, value):
    reply = PaymentReply.from_dict({"is_live": False, name: value})
    assert reply.is_live is False
    assert reply.unreadable == {name: value}
    assert reply.to_dict() == {"is_live": False, name: value}


@pytest.mark.parametrize("name", ["payment_details", "transaction_details", "risk_details", "gateway_response"])
def test_a_null_object_is_none(name):
    reply = PaymentReply.from_dict({name: None})
    assert getattr(reply, name) is None
    assert reply.unreadable == {}


def test_the_two_spellings_of_risk_details_stay_apart():
    reply = PaymentReply.from_dict({"risk-details": {"risk_score": "1"}, "risk_details": {"risk_score": "2"}})
    assert (reply.riskdetails, reply.risk_details) == (RiskDetails(risk_score="1"), RiskDetails(risk_score="2"))


def test_what_is_no_object_is_refused_without_being_shown():
    with pytest.raises(TypeError) as caught:
        Card.from_dict(cast("Any", PAN))
    assert PAN not in str(caught.value)


@pytest.mark.parametrize("amount", ["10.50", "0.1", "1000", "12345678901234567890.123456789", "1E+2"])
def test_money_passes_through_unchanged(amount):
    details = PaymentDetails.from_dict(read_json(f'{{"amount": {amount}}}'))
    assert details.amount == Decimal(amount)
    assert not isinstance(details.amount, float)
    exact = format(Decimal(amount), "f")
    assert write_json(details.to_dict()) == f'{{"amount":{exact}}}'


@pytest.mark.parametrize("value", [True, "1000", None])
def test_what_is_no_number_is_no_amount(value):
    details = PaymentDetails.from_dict({"amount": value})
    assert details.amount is (None if value is None else UNSET)
    assert details.to_dict() == {"amount": value}


def test_a_decimal_given_stays_the_decimal():
    details = PaymentDetails.from_dict({"amount": Decimal("10.10")})
    assert str(details.amount) == "10.10"
    assert str(details.to_dict()["amount"]) == "10.10"


@given(values)
def test_what_is_written_is_json_and_reads_the_same(value):
    assert read_json(write_json(value)) == value
    assert json.loads(write_json(value)) is not ...


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_is_not_written(value):
    with pytest.raises(ValueError, match=r"finite|range"):
        write_json({"amount": value})


def test_no_card_number_or_cvc_in_any_representation():
    card = Card(number=PAN, cvc=CVC, name="John Doe")
    card.additional_properties["pan"] = PAN
    request = PurchaseV2Request("1", "JPY", card, "ref", "127.0.0.1", "JP00000001", models.Address())
    bad = Card.from_dict({"number": [PAN], "cvc": 100})
    assert bad.unreadable
    for shown in (repr(card), str(card), repr(request), repr(bad), f"{request}"):
        assert PAN not in shown
        assert CVC not in shown
    assert "John Doe" in repr(card)


def sensitive_properties():
    for package, api in ((models, "paymentoptions"), (corefy_client.models, "corefy")):
        for name, schema in load_document(api)["components"]["schemas"].items():
            for wire_name, property_ in schema.get("properties", {}).items():
                if property_.get("x-sensitive"):
                    yield pytest.param(getattr(package, name), wire_name, id=f"{api}-{name}-{wire_name}")


@pytest.mark.parametrize(("model", "wire_name"), list(sensitive_properties()))
def test_every_property_marked_as_sensitive_is_left_out_of_the_representation(model, wire_name):
    [attribute] = [attribute for attribute, (name, _) in model._readers().items() if name == wire_name]
    assert getattr(attrs.fields(model), attribute).repr is False


def test_what_must_not_be_shown_is_not_shown():
    secrets = {
        "MaskedCard": ["number"],
        "PaymentMethod": ["stored_payment_method_id"],
        "ThreeDSecureReply": ["url", "redirect_url"],
        "HostedPageReply": ["url"],
        "ReturnUrl": ["webhook_url", "success_url", "decline_url", "cancel_url"],
    }
    for name, attributes in secrets.items():
        model = getattr(models, name)(**dict.fromkeys(attributes, "https://secret.test"))
        assert "secret.test" not in repr(model)
    assert "094db781" not in repr(
        TransactionDetails.from_dict({"stored_payment_method_id": "094db781-fabc-4c6d-8fcd-18bee06a527a"})
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_unset_stays_itself_when_pickled_or_copied(protocol):
    assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET  # noqa: S301 - our own bytes
    assert copy.deepcopy(UNSET) is UNSET
    assert copy.copy(UNSET) is UNSET
    reply = PaymentReply.from_dict({"success": True, "transaction_details": {"timestamp": "soon"}})
    again = pickle.loads(pickle.dumps(reply, protocol))  # noqa: S301 - our own bytes
    assert again.is_live is UNSET
    assert again == reply
    assert again.to_dict() == copy.deepcopy(reply).to_dict() == reply.to_dict()


def test_unset_is_false_and_no_value():
    assert not UNSET
    assert isinstance(UNSET, Unset)
    assert repr(UNSET) == "UNSET"
    assert Card().to_dict() == {}
