from typing import Any

import pytest
from specbuild.merge import SpecError
from specbuild.overlay import apply_overlay, parse_overlay


def overlay(*actions, **more):
    reasons = {"description": "why", "x-fact": "seen"}
    return parse_overlay(
        "o.json",
        {
            "overlay": "1.0.0",
            "info": {"title": "t", "version": "1"},
            "x-api": "a",
            "x-stage": "named",
            "actions": [reasons | action for action in actions],
        }
        | more,
    )


DOCUMENT: dict[str, Any] = {
    "shapes": {"Card": {"number": {"type": "string"}, "cvc": {"type": "string"}}},
    "servers": [1, 2, 3],
}


def test_an_update_reaches_every_match_and_leaves_the_original_alone():
    result, written = apply_overlay(DOCUMENT, overlay({"target": "$.shapes.Card[*]", "update": {"secret": True}}))
    assert result["shapes"]["Card"] == {
        "number": {"type": "string", "secret": True},
        "cvc": {"type": "string", "secret": True},
    }
    assert ("shapes", "Card", "cvc", "secret") in written
    assert "secret" not in DOCUMENT["shapes"]["Card"]["cvc"]


def test_an_update_of_an_array_is_appended_to_it():
    result, _ = apply_overlay(DOCUMENT, overlay({"target": "$.servers", "update": 4}))
    assert result["servers"] == [1, 2, 3, 4]


def test_removing_several_items_of_an_array_removes_those_and_no_others():
    result, _ = apply_overlay(DOCUMENT, overlay({"target": "$.servers[0,1]", "remove": True}))
    assert result["servers"] == [3]


def test_later_actions_see_what_earlier_ones_did():
    steps = overlay(
        {"target": "$.shapes", "update": {"New": {}}}, {"target": "$.shapes.New", "update": {"type": "object"}}
    )
    assert apply_overlay(DOCUMENT, steps)[0]["shapes"]["New"] == {"type": "object"}


def test_an_action_that_matches_nothing_stops_the_build():
    with pytest.raises(SpecError, match=r"o\.json: \$\.shapes\.Gone: matches nothing"):
        apply_overlay(DOCUMENT, overlay({"target": "$.shapes.Gone", "remove": True}))


def test_an_action_that_changes_nothing_stops_the_build():
    with pytest.raises(SpecError, match="changes nothing"):
        apply_overlay(DOCUMENT, overlay({"target": "$.shapes.Card.cvc", "update": {"type": "string"}}))


def test_a_scalar_is_no_target_of_an_update():
    with pytest.raises(SpecError, match="no object or array"):
        apply_overlay(DOCUMENT, overlay({"target": "$.shapes.Card.cvc.type", "update": {"a": 1}}))


@pytest.mark.parametrize(
    "action",
    [
        {"target": "$.a"},
        {"target": "$.a", "update": {}, "remove": True},
        {"target": "$.a", "update": {}, "description": "why", "x-fact": "seen", "updates": {}},
    ],
)
def test_an_action_out_of_form_is_refused(action):
    with pytest.raises(SpecError):
        overlay(action)


@pytest.mark.parametrize("missing", ["description", "x-fact", "target"])
def test_an_action_without_reason_fact_or_target_is_refused(missing):
    action = {"target": "$.a", "update": {}, "description": "why", "x-fact": "seen"}
    del action[missing]
    document = {"overlay": "1.0.0", "info": {}, "x-api": "a", "x-stage": "named", "actions": [action]}
    with pytest.raises(SpecError, match=missing):
        parse_overlay("o.json", document)


def test_a_broken_path_names_its_action():
    with pytest.raises(SpecError, match=r"o\.json"):
        apply_overlay(DOCUMENT, overlay({"target": "$.[", "remove": True}))
