"""Samples, built documents and generated models say the same.

Each file of samples/ is one payload that a vendor page shows, or that is composed from what is known, as its `source`
says; `filled` tells which placeholders of the vendor were filled, with what they were.
"""

import copy
import importlib
import json
import re
from decimal import Decimal
from pathlib import Path

import attrs
import httpx
import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

ROOT = Path(__file__).parents[2]
SAMPLES = {
    f"{path.parent.name}/{path.stem}": json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "samples").glob("*/*.json"))
}
DOCUMENTS = {
    api: json.loads((ROOT / "openapi" / f"{api}.json").read_text(encoding="utf-8"))
    for api in ("paymentoptions", "corefy")
}
VENDOR_PAGES = {  # how many samples each vendor page shows
    "tokenization/generate-token": 4,
    "server-to-server/3dsecure": 4,
    "server-to-server/purchase": 2,
    "hpp/generate-link-tokenization": 4,
    "integration/payments/by-token": 7,
}

every_sample = pytest.mark.parametrize("name", SAMPLES)


def shape(name):
    """The name of the shape in the built document that a sample is of."""
    sample = SAMPLES[name]
    if "schema" in sample:
        return sample["schema"]
    method, path = sample["operation"].split(" ")
    operation = DOCUMENTS[name.split("/")[0]]["paths"][path][method]
    part = operation["requestBody"] if sample["part"] == "request" else operation["responses"][sample["part"]]
    return part["content"]["application/json"]["schema"]["$ref"].removeprefix("#/components/schemas/")


def validator(api, shape_name):
    document = DOCUMENTS[api]
    assert shape_name in document["components"]["schemas"]
    schema = {"allOf": [{"$ref": f"#/components/schemas/{shape_name}"}], "components": document["components"]}
    return OAS30Validator(schema, format_checker=oas30_format_checker)


def validator_of(name):
    return validator(name.split("/")[0], shape(name))


def model_of(name):
    models = importlib.import_module(f"{name.split('/')[0]}_client.models")
    return getattr(models, shape(name))


def endpoint_of(name):
    """The generated module of the operation that a sample belongs to."""
    api, (method, path) = name.split("/")[0], SAMPLES[name]["operation"].split(" ")
    operation = DOCUMENTS[api]["paths"][path][method]
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation["operationId"]).lower()
    return importlib.import_module(f"{api}_client.api.{operation['tags'][0]}.{module}")


def models_within(value):
    """Every generated model in a value, the value included, with the path to it."""
    if isinstance(value, list):
        for item in value:
            yield from models_within(item)
    elif attrs.has(type(value)):
        yield value
        for field in attrs.fields(type(value)):
            if field.init:
                yield from models_within(getattr(value, field.name))


def required_places(payload, schema, document):
    """Every object of the payload, with a name that its schema requires."""
    while "$ref" in schema or "allOf" in schema:
        reference = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    if isinstance(payload, dict):
        for required in schema.get("required", []):
            yield payload, required
        for field, inner in schema.get("properties", {}).items():
            if field in payload:
                yield from required_places(payload[field], inner, document)
    if isinstance(payload, list):
        for item in payload:
            yield from required_places(item, schema.get("items", {}), document)


def scalars(payload, path="$"):
    """Every place of the payload that holds no object or list: its path, its container, and its key there."""
    for key, value in list(payload.items() if isinstance(payload, dict) else enumerate(payload)):
        if isinstance(value, dict | list):
            yield from scalars(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", payload, key


@pytest.mark.parametrize("page", VENDOR_PAGES)
def test_every_sample_of_the_vendor_is_here(page):
    sources = [sample["source"] for sample in SAMPLES.values()]
    assert sum(page in source for source in sources) == VENDOR_PAGES[page]


@every_sample
def test_a_sample_is_valid(name):
    errors = [
        f"{error.json_path}: {error.message}" for error in validator_of(name).iter_errors(SAMPLES[name]["payload"])
    ]
    assert errors == []


@every_sample
def test_a_sample_goes_through_the_generated_model_unchanged(name):
    payload = SAMPLES[name]["payload"]
    model = model_of(name).from_dict(copy.deepcopy(payload))
    assert model.to_dict() == payload


@every_sample
def test_the_generated_model_knows_every_field_of_a_sample(name):
    model = model_of(name).from_dict(copy.deepcopy(SAMPLES[name]["payload"]))
    for inner in models_within(model):
        assert inner.unreadable == {}, type(inner).__name__
        if any(field.init for field in attrs.fields(type(inner))):  # a map of free names has no fields of its own
            assert inner.additional_properties == {}, type(inner).__name__


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if "operation" in sample])
def test_the_generated_endpoint_sends_and_reads_a_sample(name):
    payload, endpoint = SAMPLES[name]["payload"], endpoint_of(name)
    if SAMPLES[name]["part"] == "request":
        path = {"invoice_id": "cpi_ADzwZTG99f3q3utQ"} if "{invoice_id}" in SAMPLES[name]["operation"] else {}
        sent = endpoint._get_kwargs(**path, body=model_of(name).from_dict(copy.deepcopy(payload)))
        assert json.loads(sent["content"]) == payload
        assert f"{sent['method']} {sent['url']}" == SAMPLES[name]["operation"].format_map(path)
    else:
        answer = httpx.Response(int(SAMPLES[name]["part"]), json=payload)
        parsed = endpoint._build_response(answer).parsed
        assert isinstance(parsed, model_of(name))
        assert parsed.to_dict() == payload


@every_sample
def test_a_sample_without_a_required_field_is_not_valid(name):
    payload = copy.deepcopy(SAMPLES[name]["payload"])
    document = DOCUMENTS[name.split("/")[0]]
    check = validator_of(name)
    root = {"$ref": f"#/components/schemas/{shape(name)}"}
    for place, field in list(required_places(payload, root, document)):
        taken = place.pop(field)
        assert not check.is_valid(payload), f"still valid without {field}"
        place[field] = taken
    assert check.is_valid(payload)


@pytest.mark.parametrize(
    ("name", "fewest"),
    [
        ("paymentoptions/generate-token-request", 4),
        ("paymentoptions/3dsecure-request", 6),
        ("paymentoptions/hosted-page-request", 3),
        ("corefy/tokenise-request", 8),
        ("corefy/write-off-sale-request", 3),
        ("corefy/card-on-checkout-answer", 5),
    ],
)
def test_what_must_be_sent_is_required(name, fewest):
    root = {"$ref": f"#/components/schemas/{shape(name)}"}
    assert len(list(required_places(SAMPLES[name]["payload"], root, DOCUMENTS[name.split("/")[0]]))) >= fewest


# Where anything may stand, because the merchant, the acquirer or a page that is not at hand gives the names.
FREE = (".metadata.cart", ".params.creq", ".meta.total", "$.links.self", "$.included.")


@every_sample
def test_a_sample_with_a_value_of_another_type_is_not_valid(name):
    payload = copy.deepcopy(SAMPLES[name]["payload"])
    check = validator_of(name)
    for path, place, key in scalars(payload):
        kept, place[key] = place[key], ["another type"]
        assert any(free in path for free in FREE) or not check.is_valid(payload), path
        place[key] = kept


@pytest.mark.parametrize("name", [name for name in SAMPLES if "request" not in name and "store-" not in name])
def test_an_answer_may_hold_what_is_not_known_yet(name):
    payload = copy.deepcopy(SAMPLES[name]["payload"]) | {"new_field": {"a": [1, None]}}
    assert validator_of(name).is_valid(payload)
    assert model_of(name).from_dict(copy.deepcopy(payload)).to_dict() == payload


def test_amounts_stay_exact():
    name = "paymentoptions/generate-token-answer"
    payload = copy.deepcopy(SAMPLES[name]["payload"])
    payload["payment_details"]["amount"] = Decimal("0.10")
    model = model_of(name).from_dict(payload)
    assert str(model.to_dict()["payment_details"]["amount"]) == "0.10"
    assert not isinstance(model.payment_details.amount, float)


@pytest.mark.parametrize("empty", [None, [], {}])
@pytest.mark.parametrize("field", ["metadata", "flow_data", "payload", "original_data", "return_urls"])
def test_corefy_may_write_an_empty_map_in_three_ways(field, empty):
    name = "corefy/write-off-answer"
    payload = copy.deepcopy(SAMPLES[name]["payload"])
    payload["data"]["attributes"][field] = empty
    assert validator_of(name).is_valid(payload)
    model = model_of(name).from_dict(payload)
    assert model.to_dict() == payload
    assert model.data.attributes.unreadable == {}


def test_a_list_with_something_in_it_is_no_empty_map():
    payload = copy.deepcopy(SAMPLES["corefy/write-off-answer"]["payload"])
    payload["data"]["attributes"]["flow_data"] = [1]
    assert not validator_of("corefy/write-off-answer").is_valid(payload)


def test_a_refund_may_be_answered_with_the_invoice():
    answer = copy.deepcopy(SAMPLES["corefy/get-answer"]["payload"])
    answer["data"]["attributes"] |= {"status": "refunded", "refunded_amount": 1}
    assert validator("corefy", "RefundReply").is_valid(answer)
    models = importlib.import_module("corefy_client.models")
    reply = models.RefundReply.from_dict(answer)
    assert reply.to_dict() == answer
    assert models.Invoice.from_dict(reply.data.to_dict()).attributes.refunded_amount == 1


SECRETS = {
    "paymentoptions/generate-token-request": ["4000000000001091", "'100'"],
    "paymentoptions/3dsecure-answer": ["_token=", "integration/3ds"],
    "paymentoptions/generate-token-answer": ["094db781-fabc-4c6d-8fcd-18bee06a527a", "4000000000001091"],
    "paymentoptions/hosted-page-answer": ["HostedPaymentPage/hKJsdByR"],
    "corefy/sale-by-card-request": ["5123817234060000", "'123'", "JOHN DOE"],
    "corefy/write-off-request": ["zsmmfyTkG6hn9DdwDhxh69LdQNJgZWk5xMdY7vg"],
    "corefy/write-off-answer": ["eyJ0eXAiOiJKV1Qi", "hpp/cgi_", "2fac2a84"],
    "corefy/callback": ["4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x", "John Doe"],
    "corefy/sale-answer-flat": ["acs.example", "creq"],
}


@pytest.mark.parametrize("name", SECRETS)
def test_the_repr_of_a_model_shows_no_secret(name):
    payload = SAMPLES[name]["payload"]
    text = json.dumps(payload)
    shown = repr(model_of(name).from_dict(copy.deepcopy(payload)))
    for secret in SECRETS[name]:
        assert secret.strip("'") in text
        assert secret not in shown
