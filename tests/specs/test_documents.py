"""The documents as they are committed, and how a build fails."""

import hashlib
import json
import shutil

import pytest
from openapi_schema_validator import OAS30Validator
from specbuild.build import APIS, OPENAPI, as_text, build_document, check_page, load_document, load_pages, read_json
from specbuild.merge import SpecError

BASE = "/api/v1/server-to-server-interface"
# Of the vendor's document as JSON with sorted keys and no spaces: its content may not change by our hand.
PURCHASE_SHA256 = "ed267b2a5147afdf706c215110f5b332181ee2b016cc57f4faa53117be1ffac9"


@pytest.fixture
def openapi(tmp_path):
    shutil.copytree(OPENAPI, tmp_path / "openapi")
    return tmp_path / "openapi"


def change(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_vendors_own_page_is_unchanged():
    page = read_json(OPENAPI / "paymentoptions" / "purchase.json")
    canonical = json.dumps(page, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == PURCHASE_SHA256


def test_every_page_but_the_vendors_own_says_where_it_is_from():
    pages = load_pages("paymentoptions") | load_pages("corefy")
    assert [name for name, page in pages.items() if "x-provenance" not in page] == ["paymentoptions/purchase.json"]


@pytest.mark.parametrize("api", APIS)
def test_the_committed_document_is_what_its_sources_give(api):
    assert (OPENAPI / f"{api}.json").read_text(encoding="utf-8") == as_text(build_document(api))


def test_every_known_operation_is_described():
    operations = {
        (method, path.removeprefix(BASE))
        for path, item in load_document("paymentoptions")["paths"].items()
        for method in item
    }
    assert operations == {
        ("post", "/payment"),
        ("post", "/paymentv2"),
        ("post", "/authorization"),
        ("post", "/authorizationv2"),
        ("post", "/capture"),
        ("post", "/void"),
        ("post", "/refund"),
        ("get", "/transaction/status/{transactionId}"),
        ("post", "/hpp/generate/link"),
        ("post", "/subscription/payment"),
        ("get", "/subscription/list"),
        ("get", "/subscription/{subscription_id}"),
        ("post", "/subscription/{subscription_id}/pause"),
        ("post", "/subscription/{subscription_id}/resume"),
        ("post", "/subscription/{subscription_id}/cancel"),
    }


def test_a_start_of_three_d_secure_and_a_payment_are_both_answers_of_paymentv2():
    responses = load_document("paymentoptions")["paths"][BASE + "/paymentv2"]["post"]["responses"]
    assert {
        status: responses[status]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for status in ("200", "201")
    } == {"200": "ThreeDSecureReply", "201": "PaymentReply"}


def test_a_charge_by_token_and_one_by_card_are_both_valid_on_payment():
    document = load_document("paymentoptions")
    validator = OAS30Validator({"$ref": "#/components/schemas/PurchaseRequest", "components": document["components"]})
    common = {"amount": "1000", "currency": "JPY", "merchant_id": "JP00000001", "billing_address": {"country": "JP"}}
    assert validator.is_valid(common | {"card": {"number": "4000002500003155"}})
    assert validator.is_valid(common | {"payment_method": {"type": "scheme", "stored_payment_method_id": "t"}})
    assert not validator.is_valid(common | {"amount": 1000})


@pytest.mark.parametrize("key", ["risk-details", "risk_details"])
@pytest.mark.parametrize("value", [None, {}, {"risk_score": None}, {"risk_score": "12"}])
def test_both_spellings_of_the_risk_details_are_known_and_may_be_null(key, value):
    document = load_document("paymentoptions")
    for name in ("PaymentReply", "PaymentWebhook", "ErrorReply"):
        assert key in document["components"]["schemas"][name]["properties"]
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        assert OAS30Validator(schema).is_valid({key: value})


def test_every_operation_names_both_keys():
    for item in load_document("paymentoptions")["paths"].values():
        for operation in item.values():
            assert operation["security"] == [{"apiKeyAuth": [], "xApiKeyAuth": []}]


def test_an_undecided_contradiction_stops_the_build(openapi):
    change(openapi / "paymentoptions" / "generate-token.json", '"maxLength": 45', '"maxLength": 46')
    with pytest.raises(SpecError, match=r"no overlay decides(.|\n)*maxLength"):
        build_document("paymentoptions", openapi=openapi)


def test_a_debt_that_was_paid_stops_the_build(openapi):
    file = openapi / "overlays" / "paymentoptions-7-sensitive.json"
    change(file, "$.components.schemas.Card.properties['number','cvc']", "$.components.schemas.Card.properties.gone")
    with pytest.raises(SpecError, match=r"7-sensitive\.json: .*gone: matches nothing"):
        build_document("paymentoptions", openapi=openapi)


def test_an_invalid_result_stops_the_build(openapi):
    change(openapi / "overlays" / "paymentoptions-3-replies.json", '"format": "date-time"', '"type": "moment"')
    with pytest.raises(SpecError, match="not valid OpenAPI"):
        build_document("paymentoptions", openapi=openapi)


def test_an_overlay_for_another_gateway_stops_the_build(openapi):
    change(openapi / "overlays" / "paymentoptions-7-sensitive.json", '"x-api": "paymentoptions"', '"x-api": "corefy"')
    with pytest.raises(SpecError, match="the file's name says"):
        build_document("paymentoptions", openapi=openapi)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"3.0.1"', '"3.1.0"', "not 3.0.1"),
        ('"kind": "reconstructed"', '"kind": "guessed"', "needs a kind and a source"),
        ('"responses"', '"respond"', "not valid OpenAPI"),
        ('"securitySchemes"', '"schemas": {}, "securitySchemes"', "shapes stand inline"),
    ],
)
def test_a_page_out_of_form_is_refused(old, new, message):
    text = (OPENAPI / "paymentoptions" / "capture.json").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(SpecError, match=message):
        check_page("capture.json", json.loads(text.replace(old, new)))
