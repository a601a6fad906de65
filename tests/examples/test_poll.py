"""The examples of a periodic round are what they look like. Those of task queues are imported where these are."""

from __future__ import annotations

import configparser
import importlib.util
import shlex
from pathlib import Path

import pytest

from paymentoptions_async.cli.poll import command

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "poll"
UNITS = sorted(EXAMPLES.glob("*.service")) + sorted(EXAMPLES.glob("*.timer"))


def check(line: str) -> None:
    """Hold a command line against the command's options."""
    program, name, *words = shlex.split(line)
    assert (Path(program).name, name) == ("paymentoptions", "poll")
    command.make_context("poll", words)


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return parser


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_service_starts_the_command(unit: Path):
    service = read(unit)["Service"]
    check(service["ExecStart"])
    assert ("--every" in service["ExecStart"]) is (service.get("Type") != "oneshot")


def test_the_timer_belongs_to_the_service_of_its_name():
    assert "OnCalendar" in read(EXAMPLES / "poll.timer")["Timer"]
    assert (EXAMPLES / "poll.service").exists()


def test_the_crontab_starts_the_command_each_minute():
    *_, line = (EXAMPLES / "crontab").read_text("utf-8").splitlines()
    when, variables, rest = line.partition("  . ")[0], *line.partition("  . ")[2].split(" && ")
    assert (when, variables) == ("* * * * *", "/etc/shop/payments.env")
    check(rest.removesuffix(" >/dev/null"))


@pytest.mark.parametrize("library", ["dbos", "procrastinate"])
def test_the_example_of_a_library_can_be_imported(library: str, monkeypatch: pytest.MonkeyPatch):
    path = EXAMPLES / f"with_{library}.py"
    code = compile(path.read_text("utf-8"), path, "exec")
    if importlib.util.find_spec(library) is not None:
        monkeypatch.setenv("PROCRASTINATE_DATABASE_URL", "postgresql://nowhere.invalid/")
        exec(code, {"__name__": "example"})  # noqa: S102  ours
