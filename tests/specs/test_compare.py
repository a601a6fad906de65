"""Every kind of change a vendor may make to a page is found, once, and told apart by what it breaks."""

import copy
import json
from pathlib import Path

import compare_specs
import pytest
from specdiff.fields import BREAKING, HARMLESS, NOTICE
from specdiff.files import NotASpecification, load
from specdiff.operations import compare

# The vendor's page without its wording, kept apart so that a new version of it does not change these tests.
PURCHASE = load(Path(__file__).parent / "pages" / "purchase.json")
PATH = "/api/v1/server-to-server-interface/payment"
JSON = "application/json"


def operation(page):
    """The one operation of a page."""
    (item,) = page["paths"].values()
    (found,) = item.values()
    return found


def request(page):
    return operation(page)["requestBody"]["content"][JSON]["schema"]


def answer(page):
    (reply,) = operation(page)["responses"].values()
    return reply["content"][JSON]["schema"]


def asked(page, name):
    return request(page)["properties"][name]


def answered(page, name):
    return answer(page)["properties"][name]


def rename(mapping, old, new):
    mapping[new] = mapping.pop(old)


def moved(page, path):
    page["paths"] = {path: page["paths"].pop(PATH)}


def nested_enum(page, *values):
    answered(page, "transaction_type")["enum"] = list(values)


# name: (severity, part of the line that reports it, what the vendor did to the page)
REQUEST_CHANGES = {
    "field removed": (BREAKING, "request, time_zone: removed", lambda p: request(p)["properties"].pop("time_zone")),
    "nested field removed": (
        BREAKING,
        "request, card.cvc: removed",
        lambda p: asked(p, "card")["properties"].pop("cvc"),
    ),
    "field renamed": (
        BREAKING,
        "request, customer_ip: likely renamed to customer_ip_address",
        lambda p: rename(request(p)["properties"], "customer_ip", "customer_ip_address"),
    ),
    "nested field renamed": (
        BREAKING,
        "request, billing_address.postal_code: likely renamed to zip",
        lambda p: rename(asked(p, "billing_address")["properties"], "postal_code", "zip"),
    ),
    "newly required": (
        BREAKING,
        "request, merchant_txn_ref: now required",
        lambda p: request(p)["required"].append("merchant_txn_ref"),
    ),
    "nested newly required": (
        BREAKING,
        "request, card.cvc: now required",
        lambda p: asked(p, "card").update(required=["cvc"]),
    ),
    "no longer required": (
        HARMLESS,
        "request, card: no longer required",
        lambda p: request(p)["required"].remove("card"),
    ),
    "field required that is described nowhere": (
        BREAKING,
        "request, payer: added, and required",
        lambda p: request(p)["required"].append("payer"),
    ),
    "required field added": (
        BREAKING,
        "request, payer: added, and required",
        lambda p: (
            request(p)["properties"].update(payer={"type": "object"}),
            request(p)["required"].append("payer"),
        ),
    ),
    "optional field added": (
        HARMLESS,
        "request, payer: added",
        lambda p: request(p)["properties"].update(payer={"type": "object"}),
    ),
    "type changed": (
        BREAKING,
        "request, amount: type changed from string to number",
        lambda p: asked(p, "amount").update(type="number"),
    ),
    "type widened": (
        HARMLESS,
        "request, browser_info.javaEnabled: type changed from boolean to boolean or string",
        lambda p: asked(p, "browser_info")["properties"].update(
            javaEnabled={"oneOf": [{"type": "boolean"}, {"type": "string"}]},
        ),
    ),
    "maxLength tightened": (
        BREAKING,
        "request, merchant_txn_ref: maxLength 45 is now 36",
        lambda p: asked(p, "merchant_txn_ref").update(maxLength=36),
    ),
    "maxLength loosened": (
        HARMLESS,
        "request, merchant_txn_ref: maxLength 45 is now 64",
        lambda p: asked(p, "merchant_txn_ref").update(maxLength=64),
    ),
    "maxLength dropped": (
        HARMLESS,
        "request, currency: maxLength 3 is now not set",
        lambda p: asked(p, "currency").pop("maxLength"),
    ),
    "minLength introduced": (
        BREAKING,
        "request, currency: minLength not set is now 3",
        lambda p: asked(p, "currency").update(minLength=3),
    ),
    "format introduced": (
        BREAKING,
        'request, billing_address.email: format not set is now "email"',
        lambda p: asked(p, "billing_address")["properties"]["email"].update(format="email"),
    ),
    "pattern introduced": (
        BREAKING,
        "request, amount: pattern not set is now",
        lambda p: asked(p, "amount").update(pattern="^[0-9]+$"),
    ),
    "values restricted": (
        BREAKING,
        "request, currency: only these values now: JPY or USD",
        lambda p: asked(p, "currency").update(enum=["JPY", "USD"]),
    ),
    "null allowed": (
        HARMLESS,
        "request, time_zone: may now be null",
        lambda p: asked(p, "time_zone").update(nullable=True),
    ),
    "unlisted fields allowed": (
        HARMLESS,
        "request: fields that are not listed may be there now",
        lambda p: request(p).pop("additionalProperties"),
    ),
    "default introduced": (
        NOTICE,
        'request, time_zone: default not set is now "UTC"',
        lambda p: asked(p, "time_zone").update(default="UTC"),
    ),
    "body no longer required": (
        HARMLESS,
        "request: body no longer required",
        lambda p: operation(p)["requestBody"].update(required=False),
    ),
    "body removed": (BREAKING, "request: body removed", lambda p: operation(p).pop("requestBody")),
    "media type changed": (
        BREAKING,
        "request: media type application/json removed",
        lambda p: rename(operation(p)["requestBody"]["content"], JSON, "application/x-www-form-urlencoded"),
    ),
}

ANSWER_CHANGES = {
    "answered field removed": (
        BREAKING,
        "answer 201, is_live: removed",
        lambda p: answer(p)["properties"].pop("is_live"),
    ),
    "deep answered field removed": (
        BREAKING,
        "answer 201, payment_details.card.number: removed",
        lambda p: answered(p, "payment_details")["properties"]["card"]["properties"].pop("number"),
    ),
    "answered field renamed": (
        BREAKING,
        "answer 201, risk-details: likely renamed to risk_details",
        lambda p: rename(answer(p)["properties"], "risk-details", "risk_details"),
    ),
    "answered field added": (
        HARMLESS,
        "answer 201, request_id: added",
        lambda p: answer(p)["properties"].update(request_id={"type": "string"}),
    ),
    "answered field guaranteed": (
        HARMLESS,
        "answer 201, success: now required",
        lambda p: answer(p).update(required=["success"]),
    ),
    "answered type changed": (
        BREAKING,
        "answer 201, payment_details.response_code: type changed from integer to string",
        lambda p: answered(p, "payment_details")["properties"]["response_code"].update(type="string"),
    ),
    "answered type widened": (
        BREAKING,
        "answer 201, status_code: type changed from integer to number",
        lambda p: answered(p, "status_code").update(type="number"),
    ),
    "answered type narrowed": (
        HARMLESS,
        "answer 201, payment_details.amount: type changed from number to integer",
        lambda p: answered(p, "payment_details")["properties"]["amount"].update(type="integer"),
    ),
    "null may come": (
        BREAKING,
        "answer 201, payment_details.auth_code: may now be null",
        lambda p: answered(p, "payment_details")["properties"]["auth_code"].update(nullable=True),
    ),
    "another Python type": (
        BREAKING,
        'answer 201, transaction_details.timestamp: format not set is now "date-time"',
        lambda p: answered(p, "transaction_details")["properties"]["timestamp"].update(format="date-time"),
    ),
    "answered values listed": (
        NOTICE,
        "answer 201, transaction_type: only these values now",
        lambda p: nested_enum(p, "CAPTURE", "PRE_AUTH"),
    ),
    "success in another place": (
        BREAKING,
        "answer 201: status likely changed to 200",
        lambda p: rename(operation(p)["responses"], "201", "200"),
    ),
    "another success": (
        BREAKING,
        "answer 200: answer added",
        lambda p: operation(p)["responses"].update({"200": {"description": "", "content": {}}}),
    ),
    "error described": (
        NOTICE,
        "answer 402: answer added",
        lambda p: operation(p)["responses"].update({"402": {"description": "declined"}}),
    ),
    "answer removed": (BREAKING, "answer 201: answer removed", lambda p: operation(p)["responses"].clear()),
}

OPERATION_CHANGES = {
    "operation removed": (BREAKING, f"POST {PATH}: operation removed", lambda p: p["paths"].clear()),
    "operation renamed": (
        BREAKING,
        "operation renamed from processPayment to purchase",
        lambda p: operation(p).update(operationId="purchase"),
    ),
    "operation moved": (
        BREAKING,
        f"POST {PATH}: likely moved to POST /api/v2/payments",
        lambda p: moved(p, "/api/v2/payments"),
    ),
    "method changed": (
        BREAKING,
        f"POST {PATH}: likely moved to PUT {PATH}",
        lambda p: rename(p["paths"][PATH], "post", "put"),
    ),
    "operation added": (
        HARMLESS,
        "GET /api/v2/payments: operation added",
        lambda p: p["paths"].update({"/api/v2/payments": {"get": {"responses": {}}}}),
    ),
    "deprecated": (
        NOTICE,
        "deprecated not set is now true",
        lambda p: operation(p).update(deprecated=True),
    ),
    "one key less": (
        BREAKING,
        "security changed from key in header Authorization with key in header x-api-key to key in header Authorization",
        lambda p: p.update(security=[{"apiKeyAuth": []}]),
    ),
    "another header": (
        BREAKING,
        "to key in header Authorization with key in header x-token",
        lambda p: p["components"]["securitySchemes"]["xApiKeyAuth"].update(name="x-token"),
    ),
    "another way to sign in": (
        HARMLESS,
        "security may also be key in header x-api-key",
        lambda p: p["security"].append({"xApiKeyAuth": []}),
    ),
    "operation signs in otherwise": (
        BREAKING,
        "security changed from key in header Authorization with key in header x-api-key to none",
        lambda p: operation(p).update(security=[]),
    ),
    "header required": (
        BREAKING,
        f"POST {PATH}, header parameter Idempotency-Key: added, and required",
        lambda p: operation(p).update(
            parameters=[{"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}]
        ),
    ),
    "host of one path": (
        NOTICE,
        f"POST {PATH}: servers not set is now",
        lambda p: p["paths"][PATH].update(servers=[{"url": "https://pay.example"}]),
    ),
    "marked in a way of their own": (
        NOTICE,
        'document: x-status not set is now "old"',
        lambda p: p.update({"x-status": "old"}),
    ),
    "host changed": (
        NOTICE,
        "document: servers",
        lambda p: p["servers"][0].update(url="https://api.paymentoptions.com"),
    ),
}

CHANGES = REQUEST_CHANGES | ANSWER_CHANGES | OPERATION_CHANGES
FOLLOW_UPS = {  # what a change brings along besides, and rightly so
    "media type changed": {"media type application/x-www-form-urlencoded added"},
}


def changed(page, change):
    new = copy.deepcopy(page)
    change(new)
    return new


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_found_once_and_classified(name):
    severity, line, change = CHANGES[name]
    comparison = compare(PURCHASE, changed(PURCHASE, change))
    found = [c for c in comparison.changes if line in str(c)]
    assert [c.severity for c in found] == [severity], str(comparison)
    others = [c.what for c in comparison.changes if c not in found]
    assert set(others) == FOLLOW_UPS.get(name, set())


def test_no_change_is_nothing():
    comparison = compare(PURCHASE, copy.deepcopy(PURCHASE))
    assert comparison.changes == ()
    assert comparison.wording == 0


def test_order_of_keys_is_no_change():
    turned = json.loads(json.dumps(PURCHASE, sort_keys=True))
    request(turned)["required"].reverse()
    assert compare(PURCHASE, turned).changes == ()


def places(node):
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def test_nothing_that_is_taken_away_goes_unseen():
    page = copy.deepcopy(PURCHASE)
    for container, key in places(page):
        if container is page and key == "paths":
            continue  # refused when the file is read
        if key == "type" and "properties" in container:
            continue  # said by the properties too
        before = copy.copy(container)
        container.pop(key)
        comparison = compare(PURCHASE, page)
        assert comparison.changes or comparison.wording, f"{key} of {list(before)[:5]}"
        container.clear()
        container.update(before) if isinstance(container, dict) else container.extend(before)
    assert page == PURCHASE


def test_wording_is_counted_only():
    new = copy.deepcopy(PURCHASE)
    asked(new, "amount")["description"] = "How much."
    asked(new, "amount")["example"] = "7"
    operation(new)["summary"] = "Buy"
    new["info"]["version"] = "1.0.1"
    comparison = compare(PURCHASE, new)
    assert comparison.changes == ()
    assert comparison.wording == 4


def test_a_field_called_description_is_a_field():
    old = changed(PURCHASE, lambda p: request(p)["properties"].update(description={"type": "string"}))
    (change,) = compare(old, PURCHASE).changes
    assert (change.severity, change.what) == (BREAKING, "removed")
    assert change.where.endswith("request, description")


def test_breaking_changes_come_first():
    new = copy.deepcopy(PURCHASE)
    asked(new, "merchant_txn_ref")["maxLength"] = 64
    asked(new, "time_zone")["default"] = "UTC"
    request(new)["properties"].pop("shipping_address")
    comparison = compare(PURCHASE, new)
    assert [c.severity for c in comparison.changes] == [BREAKING, NOTICE, HARMLESS]
    assert str(comparison).splitlines()[0].startswith("BREAKING")
    assert [c.what for c in comparison.breaking] == ["removed"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["CAPTURE", "VOID"], ["CAPTURE", "VOID", "REFUND"], (NOTICE, "value 'REFUND' added")),
        (["CAPTURE", "VOID"], ["CAPTURE"], (BREAKING, "value 'VOID' removed")),
        (["CAPTURE", "VOID"], ["CAPTURE", "CANCEL"], (BREAKING, "value 'VOID' likely renamed to 'CANCEL'")),
        (["CAPTURE", "VOID"], None, (NOTICE, "no longer only the listed values")),
        (["CAPTURE", "VOID"], ["VOID", "CAPTURE"], None),
    ],
)
@pytest.mark.parametrize("keyword", ["enum", "x-extensible-enum"])
def test_values_of_an_answer(keyword, before, after, expected):
    old = changed(PURCHASE, lambda p: answered(p, "transaction_type").update({keyword: before}))
    new = changed(PURCHASE, lambda p: after and answered(p, "transaction_type").update({keyword: after}))
    assert [(c.severity, c.what) for c in compare(old, new).changes] == ([expected] if expected else [])


def test_a_new_value_is_harmless_in_a_request():
    old = changed(PURCHASE, lambda p: asked(p, "currency").update(enum=["JPY"]))
    new = changed(PURCHASE, lambda p: asked(p, "currency").update(enum=["JPY", "USD"]))
    assert [(c.severity, c.what) for c in compare(old, new).changes] == [(HARMLESS, "value 'USD' added")]


def test_a_webhook_is_read_as_an_answer():
    webhook = changed(PURCHASE, lambda p: operation(p).update({"x-webhook": True}))
    gone = changed(webhook, lambda p: request(p)["properties"].pop("time_zone"))
    no_longer_sure = changed(webhook, lambda p: request(p)["required"].remove("card"))
    surer = changed(webhook, lambda p: request(p)["required"].append("customer_ip"))
    assert [c.severity for c in compare(webhook, gone).changes] == [BREAKING]
    assert [c.severity for c in compare(webhook, no_longer_sure).changes] == [BREAKING]
    assert [c.severity for c in compare(webhook, surer).changes] == [HARMLESS]


def test_another_name_for_a_path_parameter_is_a_notice():
    def called(name):
        page = changed(PURCHASE, lambda p: moved(p, f"/status/{{{name}}}"))
        parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        operation(page)["parameters"] = [parameter]
        return page

    (found,) = compare(called("transactionId"), called("id")).changes
    assert (found.severity, found.what) == (NOTICE, "path parameter renamed: /status/{id}")


def test_variants_are_paired_by_type():
    def paid_by(*fields):
        card = {"type": "object", "properties": {field: {"type": "string"} for field in fields}}
        variants = [{"type": "string"}, card]
        return changed(PURCHASE, lambda p: request(p)["properties"].update(payer={"anyOf": variants}))

    (found,) = compare(paid_by("number", "cvc"), paid_by("number")).changes
    assert (found.severity, found.what) == (BREAKING, "removed")
    assert found.where.endswith("request, payer.cvc")


def test_a_reference_is_the_same_as_its_target():
    def refer(page):
        page["components"]["schemas"] = {"Card": asked(page, "card")}
        request(page)["properties"]["card"] = {"allOf": [{"$ref": "#/components/schemas/Card"}]}

    assert compare(PURCHASE, changed(PURCHASE, refer)).changes == ()


def test_a_shape_that_contains_itself_ends():
    def nest(page):
        page["components"]["schemas"] = {
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
        }
        request(page)["properties"]["node"] = {"$ref": "#/components/schemas/Node"}

    old = changed(PURCHASE, nest)
    new = changed(old, lambda p: p["components"]["schemas"]["Node"]["properties"].update(leaf={"type": "string"}))
    assert [str(c) for c in compare(old, new).changes] == [f"HARMLESS  POST {PATH}, request, node.leaf: added"]


def test_several_fields_renamed_at_once_are_paired_by_name():
    new = copy.deepcopy(PURCHASE)
    for before, after in {"screenHeight": "screen_height", "screenWidth": "screen_width"}.items():
        rename(asked(new, "browser_info")["properties"], before, after)
    lines = [c.what for c in compare(PURCHASE, new).changes]
    assert lines == [
        "likely renamed to screen_height (the same schema)",
        "likely renamed to screen_width (the same schema)",
    ]


def test_fields_that_are_not_alike_are_no_rename():
    new = copy.deepcopy(PURCHASE)
    address = asked(new, "billing_address")["properties"]
    for name in ("city", "state"):
        address.pop(name)
    address["prefecture"] = {"type": "string", "maxLength": 65}
    severities = [(c.severity, c.what) for c in compare(PURCHASE, new).changes]
    assert severities == [(BREAKING, "removed"), (BREAKING, "removed"), (HARMLESS, "added")]


def test_another_variant_of_the_same_type():
    def paid_by(*names):
        forms = [{"type": "object", "properties": {name: {"type": "string"}}} for name in names]
        return changed(PURCHASE, lambda p: request(p)["properties"].update(payer={"oneOf": forms}))

    old, new = paid_by("card"), paid_by("card", "token")
    assert [(c.severity, c.what) for c in compare(old, new).changes] == [(HARMLESS, "variant added: object")]
    assert [(c.severity, c.what) for c in compare(new, old).changes] == [(BREAKING, "variant removed: object")]


def write(folder, name, page):
    file = folder / name
    file.write_text(page if isinstance(page, str) else json.dumps(page), encoding="utf-8")
    return str(file)


def test_the_command_tells_by_its_exit_code(tmp_path, capsys):
    old = write(tmp_path, "old.json", PURCHASE)
    same = write(tmp_path, "same.json", changed(PURCHASE, lambda p: asked(p, "amount").update(description="How much.")))
    worse = write(tmp_path, "worse.json", changed(PURCHASE, lambda p: answer(p)["properties"].pop("is_live")))
    assert compare_specs.main([old, same]) == 0
    assert "1 changes of wording" in capsys.readouterr().out
    assert compare_specs.main([old, worse]) == 1
    assert capsys.readouterr().out == f"BREAKING  POST {PATH}, answer 201, is_live: removed\n"
    assert compare_specs.main([old]) == 2
    assert compare_specs.main([old, str(tmp_path / "missing.json")]) == 2
    assert "can't be read" in capsys.readouterr().err
    odd = write(tmp_path, "odd.json", changed(PURCHASE, lambda p: p["paths"][PATH].update(post=[])))
    assert compare_specs.main([old, odd]) == 2
    assert "not valid OpenAPI" in capsys.readouterr().err


YAML = """
openapi: 3.0.1
info: {title: t, version: 1.0.0}
paths:
  /payment:
    post:
      responses:
        201:
          description: taken
          content:
            application/json:
              schema:
                properties:
                  at: {type: string, example: 2024-11-25T07:22:48Z}
                  on: {type: string, enum: [yes, no]}
                  live: {type: boolean, example: false}
"""


def test_yaml_is_read_as_json_has_it(tmp_path):
    page = load(Path(write(tmp_path, "page.yaml", YAML)))
    schema = page["paths"]["/payment"]["post"]["responses"]["201"]["content"][JSON]["schema"]
    assert schema["properties"]["at"]["example"] == "2024-11-25T07:22:48Z"
    assert schema["properties"]["on"]["enum"] == ["yes", "no"]
    assert schema["properties"]["live"]["example"] is False
    json.dumps(page)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("page.json", "{", "neither JSON nor YAML"),
        ("page.yaml", "a: [", "neither JSON nor YAML"),
        ("page.json", "[]", "not an OpenAPI 3 document"),
        ("page.json", '{"swagger": "2.0", "paths": {}}', "not an OpenAPI 3 document"),
        ("page.json", '{"openapi": "3.0.1"}', "no `paths`"),
        ("page.json", '{"openapi": "3.0.1", "paths": {"/a": []}}', "no `paths`"),
    ],
)
def test_what_is_no_specification_is_refused(tmp_path, name, text, reason):
    with pytest.raises(NotASpecification, match=reason):
        load(Path(write(tmp_path, name, text)))
