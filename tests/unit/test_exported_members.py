from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import paymentoptions_async

SOURCE = ast.parse(Path(paymentoptions_async.__file__).read_text("utf-8"))
HEAVY = ("aiohttp", "apsw", "attr", "attrs", "dateutil", "httpx", "iso4217", "paymentoptions_client")


def loaded_after(code: str) -> set[str]:
    """What a fresh interpreter has loaded after running `code`, of all that is heavy."""
    shown = f"import sys\n{code}\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def type_checking_imports() -> dict[str, tuple[str, ...]]:
    block = next(node for node in SOURCE.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    return {
        (node.module or "").removeprefix("paymentoptions_async."): tuple(name.name for name in node.names)
        for node in imports
    }


def test_the_public_names_are_sorted_and_listed_once():
    assert paymentoptions_async.__all__ == sorted(set(paymentoptions_async.__all__))


def test_the_public_names_are_those_that_are_loaded_when_used():
    homes = paymentoptions_async._HOMES
    assert sorted(name for names in homes.values() for name in names) == paymentoptions_async.__all__


def test_type_checkers_see_what_is_loaded_when_used():
    assert type_checking_imports() == paymentoptions_async._HOMES


@pytest.mark.parametrize("name", paymentoptions_async.__all__)
def test_every_public_name_can_be_imported_and_knows_its_name(name):
    assert getattr(paymentoptions_async, name).__name__ == name


def test_every_public_name_is_documented():
    assert [name for name in paymentoptions_async.__all__ if not getattr(paymentoptions_async, name).__doc__] == []


def test_every_exception_is_public():
    errors = ast.parse(Path(paymentoptions_async.__file__).with_name("errors.py").read_text("utf-8"))
    classes = {node.name for node in errors.body if isinstance(node, ast.ClassDef)}
    assert classes <= set(paymentoptions_async.__all__)


def test_completion_offers_the_public_names():
    assert set(paymentoptions_async.__all__) <= set(dir(paymentoptions_async))


def test_a_misspelt_name_is_an_attribute_error_like_any_other():
    with pytest.raises(AttributeError, match="has no attribute 'Monney'"):
        paymentoptions_async.Monney  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import paymentoptions_async") == set()


def test_importing_every_public_name_loads_nothing_heavy():
    names = ", ".join(paymentoptions_async.__all__)
    assert loaded_after(f"from paymentoptions_async import {names}") == set()


def test_what_counts_as_heavy_is_noticed():
    assert loaded_after("import dateutil") == {"dateutil"}
