"""What the guide, the reference and the settings say of Corefy is what the code has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import paymentoptions_async.corefy
from paymentoptions_async import PaymentOptions
from paymentoptions_async.corefy import Corefy, settings, statuses

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE, API, SETTINGS = (DOCS.joinpath(f"{name}.md").read_text("utf-8") for name in ("corefy", "api", "settings"))
METHODS = {name for name, _ in inspect.getmembers(Corefy, callable) if not name.startswith("_")}


def test_every_public_name_and_method_of_its_own_is_in_the_reference():
    listed = set(re.findall(r"^\.\. auto\w+:: paymentoptions_async\.corefy\.([\w.]+)$", API, re.MULTILINE))
    own = METHODS - {name for name in dir(PaymentOptions) if name not in {"from_env", "observe", "refund"}}
    assert set(paymentoptions_async.corefy.__all__) | {f"Corefy.{name}" for name in own} == {
        name for name in listed if not name.startswith("callbacks.")
    }


def test_every_method_of_its_own_is_told_of_in_the_guide():
    own = METHODS - set(dir(PaymentOptions)) | {"refund", "from_env"}
    assert {name for name in own if not re.search(rf"\b{name}\b", GUIDE)} == set()


def test_every_setting_is_in_its_table():
    rows = dict(re.findall(r"^\| `(\w+)` \| `(COREFY_\w+)` \|", SETTINGS, re.MULTILINE))
    assert rows == settings._VARIABLES
    arguments = set(inspect.signature(Corefy).parameters)
    assert {name for name in arguments if f"`{name}`" not in SETTINGS} == set()
    told = Corefy.from_env.__doc__ or ""
    assert {name for name in settings._VARIABLES.values() if f"``{name.removeprefix('COREFY')}``" not in told} == set()


def test_no_page_names_a_variable_that_is_none():
    names = set(re.findall(r"\bCOREFY_\w+", GUIDE + SETTINGS))
    constants = {"COREFY_TEST_SECRET", "COREFY_LIVE_SECRET", "COREFY_CARDS"}  # of the sandbox
    assert names - constants <= set(settings._VARIABLES.values())


def test_every_status_is_in_the_table_with_what_it_means():
    rows = re.findall(r"^\| (`\w+`.*?) \| ([A-Z_]+)", GUIDE, re.MULTILINE)
    told = {status: meaning for cell, meaning in rows for status in re.findall(r"`(\w+)`", cell)}
    told.pop("processed_amount", None)
    assert {name: status.name for name, status in statuses.STATUSES.items()} == told
