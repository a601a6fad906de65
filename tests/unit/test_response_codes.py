import csv
from pathlib import Path

import pytest

from paymentoptions_async.response_codes import Outcome, classify, classify_rule

with (Path(__file__).parent / "data" / "response_codes.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
LISTED = {int(row["response_code"]) for row in ROWS}

RULES = {
    "ERR3001": -8000,
    "ERR3002": -8001,
    "ERR3003": -8002,
    "ERR3004": -8003,
    "ERR3005": -8004,
    "ERR3006": -8005,
    "ERR3007": -8007,
    "ERR3008": -8008,
    "ERR3009": -8009,
    "ERR3010": -8010,
    "ERR3011": -8011,
    "ERR3012": -8012,
    "ERR3013": -8013,
    "ERR3014": -8014,
    "ERR3015": -8015,
    "ERR3016": -8006,
    "ERR3017": -8017,
    "ERR3018": -8018,
    "ERR3019": -8019,
    "ERR3020": -8020,
}


def test_the_table_is_whole():
    assert len(ROWS) == len(LISTED) == 203


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["response_code"])
def test_every_listed_code(row):
    found = classify(int(row["response_code"]))
    assert (found.outcome, found.reason) == (row["outcome"], row["reason"])
    assert found.new_attempt_may_help == (row["new_attempt_may_help"] == "yes")
    assert found.rule is None


def test_every_other_code_is_an_unlisted_decline_or_a_risk_rule():
    for code in set(range(-9_100, 2_000)) - LISTED:
        found = classify(code)
        assert found.outcome is Outcome.DECLINED
        assert found.reason == ("risk_rule" if -8999 <= code <= -8000 else "unlisted")
        assert not found.new_attempt_may_help


@pytest.mark.parametrize(("rule", "code"), RULES.items())
def test_every_risk_rule_by_code_and_by_name_in_any_case(rule, code):
    assert classify(code).rule == rule
    for name in (rule, rule.lower(), rule.capitalize()):
        found = classify_rule(name)
        assert found is not None
        assert (found.outcome, found.reason, found.rule) == (Outcome.DECLINED, "risk_rule", rule)


@pytest.mark.parametrize("name", ["", "INFO0000", "ERR3000", "ERR3021", "ERR0204", "VAL0035", "ERR3001 "])
def test_other_codes_of_the_gateway_are_no_risk_rules(name):
    assert classify_rule(name) is None
