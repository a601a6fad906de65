"""The generation itself: what stops it, and what it makes of documents other than ours."""

import copy
import importlib
import json
import sys
from typing import Any

import generate
import pytest
from specbuild import generator
from specbuild.merge import SpecError

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "Tiny", "version": "1"},
    "paths": {
        "/a/{id}": {
            "post": {
                "operationId": "doA",
                "security": [{"key": []}],
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Reply"}}},
                    }
                },
            }
        }
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "schemas": {
            "Reply": {
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"type": "string", "enum": ["OK", "NO"]},
                    "states": {"type": "array", "items": {"type": "string", "enum": ["ON"]}},
                    "day": {"type": "string", "format": "date"},
                    "inner": {"type": "object", "properties": {"secret": {"type": "string", "x-sensitive": True}}},
                },
            }
        },
    },
}


@pytest.fixture(scope="session")
def environment():
    return generator.ensure_environment()


@pytest.fixture(scope="session")
def tiny(environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    generator.generate_client(DOCUMENT, "tiny_client", folder, environment=environment)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("tiny_client.models")
    sys.path.remove(str(folder))


@pytest.mark.parametrize(
    "source",
    [
        {"status": "NEW"},
        {"status": None},
        {},
        {"status": "OK", "states": ["ON", "NEW"]},
        {"status": "OK", "states": None},
        {"status": "OK", "inner": None},
        {"status": "OK", "day": "2024-02-31"},
    ],
)
def test_an_unknown_enum_value_or_an_unexpected_null_costs_only_itself(tiny, source):
    reply = tiny.Reply.from_dict(source)
    assert reply.to_dict() == source
    assert reply.status == ("OK" if source.get("status") == "OK" else type(reply.status).UNSET)


def test_a_known_enum_value_is_a_member(tiny):
    assert tiny.Reply.from_dict({"status": "OK"}).status is tiny.ReplyStatus.OK
    assert "hidden" not in repr(tiny.Reply.from_dict({"status": "OK", "inner": {"secret": "hidden"}}))


def test_a_status_that_nobody_documented_gives_the_raw_answer(tiny):
    endpoint = importlib.import_module("tiny_client.api.default.do_a")
    types = importlib.import_module("tiny_client.types")
    assert types.read_reply(404, b'{"status": "OK"}', endpoint._READERS) == types.RawReply(404, b'{"status": "OK"}')
    assert endpoint._get_kwargs("x", limit=2) == {"method": "post", "url": "/a/x", "params": {"limit": 2}}


def test_two_shapes_of_one_title_stop_the_generation(environment, tmp_path):
    document = copy.deepcopy(DOCUMENT)
    for name, kind in (("first", "string"), ("second", "integer")):
        document["components"]["schemas"]["Reply"]["properties"][name] = {
            "type": "object",
            "title": "Same",
            "properties": {"a": {"type": kind}},
        }
    with pytest.raises(SpecError, match="openapi-python-client failed"):
        generator.generate_client(document, "tiny_client", tmp_path, environment=environment)


def test_an_operation_without_security_stops_the_generation(environment, tmp_path):
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/b"] = {"get": {"operationId": "doB", "responses": {"200": {"description": "ok"}}}}
    with pytest.raises(SpecError, match="unsupported"):
        generator.generate_client(document, "tiny_client", tmp_path, environment=environment)


def files_below(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_same_document_gives_the_same_bytes(environment, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        generator.generate_client(DOCUMENT, "tiny_client", tmp_path / name, environment=environment)
    one, two = (files_below(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert any(file.name == "py.typed" for file in one)


def test_a_template_that_changed_upstream_stops_the_generation(environment, tmp_path):
    pins = json.loads(generator.UPSTREAM.read_text()) | {"model.py.jinja": "0" * 64}
    (tmp_path / "upstream.json").write_text(json.dumps(pins))
    with pytest.raises(SpecError, match=r"changed upstream.*model\.py\.jinja"):
        generator.check_upstream(environment, tmp_path / "upstream.json")


def test_every_template_of_ours_is_pinned_to_the_one_it_replaces(environment, tmp_path):
    pins = json.loads(generator.UPSTREAM.read_text())
    del pins["model.py.jinja"]
    (tmp_path / "upstream.json").write_text(json.dumps(pins))
    with pytest.raises(SpecError, match=r"pins no upstream template for model\.py\.jinja"):
        generator.check_upstream(environment, tmp_path / "upstream.json")


def test_the_environment_is_made_once(environment, capsys):
    assert generator.ensure_environment() == environment
    assert capsys.readouterr().out == ""


def test_drift_names_what_was_changed_added_and_removed(tmp_path):
    for name in ("committed", "built"):
        (tmp_path / name / "generated" / "x_client").mkdir(parents=True)
        (tmp_path / name / "openapi").mkdir()
    package = "generated/x_client/"
    files = {"same.py": ("a", "a"), "changed.py": ("a", "b"), "added.py": ("a", None), "removed.py": (None, "b")}
    for name, texts in files.items():
        for folder, text in zip(("committed", "built"), texts, strict=True):
            if text is not None:
                (tmp_path / folder / package / name).write_text(text)
    (tmp_path / "built" / "openapi" / "corefy.json").write_text("{}")
    drift = generate.find_drift(tmp_path / "committed", tmp_path / "built")
    assert drift == [package + "added.py", package + "changed.py", package + "removed.py", "openapi/corefy.json"]
    for name in drift:
        generate.replace(tmp_path / "committed" / name, tmp_path / "built" / name)
    assert generate.find_drift(tmp_path / "committed", tmp_path / "built") == []


def test_drift_is_reported_and_fails(capsys):
    assert generate.report(["openapi/corefy.json"]) == 1
    assert "openapi/corefy.json" in capsys.readouterr().err
    assert generate.report([]) == 0
