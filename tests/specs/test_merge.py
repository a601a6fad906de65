from specbuild.merge import as_path, merge_pages, unite


def page(request, **more):
    return {
        "openapi": "3.0.1",
        "info": {"title": "t"},
        "paths": {"/pay": {"post": {"requestBody": {"content": {"application/json": {"schema": request}}}}}},
        **more,
    }


def request_of(document):
    return document["paths"]["/pay"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def test_properties_are_united_and_required_is_intersected():
    first = page({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]})
    second = page({"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b", "c"]})
    merged, conflicts = merge_pages({"first": first, "second": second})
    assert request_of(merged) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
        "required": ["b"],
    }
    assert conflicts == []


def test_what_one_page_does_not_require_is_not_required():
    merged, _ = merge_pages({"first": page({"type": "object", "required": ["a"]}), "second": page({"type": "object"})})
    assert "required" not in request_of(merged)


def test_a_property_called_required_is_no_list_of_names():
    one = {"type": "object", "properties": {"required": {"type": "boolean"}, "description": {"type": "string"}}}
    other = {"type": "object", "properties": {"required": {"type": "boolean"}, "description": {"type": "number"}}}
    merged, conflicts = merge_pages({"first": page(one), "second": page(other)})
    assert request_of(merged)["properties"]["required"] == {"type": "boolean"}
    assert [as_path(conflict.place)[-30:] for conflict in conflicts] == ["rties']['description']['type']"]


def test_contradictions_are_listed_with_place_and_page():
    first = page({"type": "object", "properties": {"amount": {"type": "string", "maxLength": 10}}})
    second = page({"type": "object", "properties": {"amount": {"type": "number", "maxLength": 12}}})
    _, conflicts = merge_pages({"first": first, "second": second})
    assert [(conflict.place[-1], conflict.first, conflict.second) for conflict in conflicts] == [
        ("type", "string", "number"),
        ("maxLength", 10, 12),
    ]
    assert "second says 'number'" in str(conflicts[0])


def test_true_and_one_are_not_the_same():
    assert len(unite({"a": True}, {"a": 1}, ("x", "y"))[1]) == 1


def test_descriptions_never_contradict_and_the_first_is_heard():
    first = page({"type": "object", "description": "one"})
    second = page({"type": "object", "description": "two"})
    merged, conflicts = merge_pages({"first": first, "second": second})
    assert request_of(merged)["description"] == "one"
    assert conflicts == []


def test_a_thing_is_as_sure_as_its_surest_page():
    doubt = {"type": "object", "x-provenance": {"kind": "inferred", "source": "s"}}
    merged, _ = merge_pages({"first": page(doubt), "second": page({"type": "object"})})
    assert "x-provenance" not in request_of(merged)


def test_other_paths_statuses_and_parameters_stand_side_by_side():
    one = {"parameters": [{"name": "id", "in": "path"}], "responses": {"200": {}}}
    other = {"parameters": [{"name": "q", "in": "query"}], "responses": {"404": {}}}
    first, second = ({"paths": {"/a": {"get": operation}}, "info": operation} for operation in (one, other))
    merged, conflicts = merge_pages({"first": first, "second": second})
    assert [parameter["name"] for parameter in merged["paths"]["/a"]["get"]["parameters"]] == ["id", "q"]
    assert list(merged["paths"]["/a"]["get"]["responses"]) == ["200", "404"]
    assert conflicts == []
