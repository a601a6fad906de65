import pytest
from specbuild.merge import SpecError
from specbuild.shapes import lift_webhooks, name_shapes, wrap_references

CARD = {"type": "object", "x-name": "Card", "properties": {"number": {"type": "string"}}}


def document(first, second):
    schema = {"type": "object", "properties": {"one": first, "two": second}}
    return {"paths": {"/pay": {"post": {"schema": schema}}}, "components": {}}


def test_shapes_of_one_name_become_one_and_are_referred_to():
    other = {"type": "object", "x-name": "Card", "properties": {"cvc": {"type": "string"}}}
    named = name_shapes(document(CARD, {"description": "the other", **other}))
    properties = {"number": {"type": "string"}, "cvc": {"type": "string"}}
    assert named["components"]["schemas"]["Card"]["properties"] == properties
    places = named["paths"]["/pay"]["post"]["schema"]["properties"]
    assert places["one"] == {"$ref": "#/components/schemas/Card"}
    assert places["two"] == {"description": "the other", "$ref": "#/components/schemas/Card"}


def test_inner_shapes_are_named_before_outer_ones():
    outer = {"type": "object", "x-name": "Request", "properties": {"card": CARD}}
    schemas = name_shapes(document(outer, CARD))["components"]["schemas"]
    assert list(schemas) == ["Card", "Request"]
    assert schemas["Request"]["properties"]["card"] == {"$ref": "#/components/schemas/Card"}


def test_shapes_of_one_name_may_not_contradict():
    other = {"type": "object", "x-name": "Card", "properties": {"number": {"type": "integer"}}}
    with pytest.raises(SpecError, match=r"\['Card'\]\['properties'\]\['number'\]\['type'\]"):
        name_shapes(document(CARD, other))


def test_a_reference_with_siblings_is_wrapped_so_that_they_count():
    assert wrap_references({"a": {"description": "d", "$ref": "#/x"}}) == {
        "a": {"description": "d", "allOf": [{"$ref": "#/x"}]}
    }


def test_a_nullable_reference_really_takes_null():
    assert wrap_references({"nullable": True, "$ref": "#/x"}) == {
        "anyOf": [{"$ref": "#/x"}, {"type": "object", "nullable": True, "enum": [None]}]
    }


def test_a_plain_reference_stays_as_it_is():
    assert wrap_references([{"$ref": "#/x"}]) == [{"$ref": "#/x"}]


def test_webhook_paths_go_and_the_others_stay():
    paths = {"/x-webhooks/a": {"post": {"x-webhook": True}}, "/a": {"post": {}}}
    assert list(lift_webhooks({"paths": paths})["paths"]) == ["/a"]
