"""What `paymentoptions poll` says of rounds that need somebody, how it exits, and whose client it makes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from paymentoptions_async import PaymentOptions, Round
from paymentoptions_async.cli import main
from paymentoptions_async.cli.poll.rounds import Outcome, Rounds
from paymentoptions_async.cli.poll.telling import JsonLines, Lines, Summary
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.errors import JournalUnavailable
from tests.support.virtual_time import in_virtual_time

SCOPE = "corefy/test/coma_SandboxCoffee0001"
ODD = ["PO" + letter * 32 for letter in "ABCDEFG"]


def outcome(*, overdue: int = 0, **came: Any) -> Outcome:
    return Outcome(Round(**came), overdue, 0.4, 1_767_603_600.0)


@pytest.mark.parametrize(
    ("came", "code"),
    [
        ({}, 0),
        ({"settled": 3}, 0),
        ({"still_open": 3, "not_askable": 2}, 0),
        ({"still_open": 1, "unanswered": 2}, 0),
        ({"settled": 1, "contradictions": ODD[:1]}, 1),
        ({"overdue": 1}, 1),
        ({"not_askable": 2, "unanswered": 2}, 2),
        ({"settled": 9, "is_complete": False}, 2),
        ({"overdue": 1, "contradictions": ODD[:1], "is_complete": False}, 2),
    ],
)
def test_the_exit_code_says_whether_somebody_must_look(came: dict[str, Any], code: int):
    assert outcome(**came).exit_code == code


def test_who_must_look_is_told_where_on_standard_error(capsys: pytest.CaptureFixture[str]):
    Summary(SCOPE, alarm_after=86_400.0).ended(outcome(settled=1, contradictions=[ODD[0], ODD[0]], overdue=3))
    shown = capsys.readouterr()
    assert shown.out == (
        "test coma_SandboxCoffee0001: 3 open payments due\n"
        "  settled             1\n"
        "  contradictions      2  the gateway says otherwise than before: a person must look\n"
    )
    assert shown.err == (
        f"A contradiction: paymentoptions journal show --gateway corefy {ODD[0]}\n"
        "Open for more than 1d: 3. paymentoptions journal unresolved --gateway corefy --older-than 1d\n"
    )


def test_a_line_has_all_of_it(capsys: pytest.CaptureFixture[str]):
    lines = Lines(SCOPE, alarm_after=86_400.0)
    lines.ended(outcome(settled=1, unanswered=2, contradictions=ODD, overdue=3, is_complete=False))
    lines.failed(JournalUnavailable("the journal is lost\x1b[2J"), 1_767_603_600.0)
    shown = capsys.readouterr()
    assert shown.out == (
        f"2026-01-05T09:00:00Z  settled 1, unanswered 2, contradictions 7 ({', '.join(ODD[:5])}, …), "
        "open for more than 1d 3, ended before all was asked for  (0.4 s)\n"
    )
    assert shown.err == "2026-01-05T09:00:00Z  failed, and tried again: the journal is lost\\x1b[2J\n"


def test_an_object_names_every_contradiction(capsys: pytest.CaptureFixture[str]):
    JsonLines(SCOPE, alarm_after=86_400.0).ended(outcome(contradictions=ODD))
    told = json.loads(capsys.readouterr().out)
    assert (told["contradictions"], told["exit_code"]) == (ODD, 1)


class Client:
    """Stands for a client: notes when a round began, and fails where it is told to."""

    def __init__(self, *errors: BaseException | None, seconds: float = 0.0) -> None:
        self.errors, self.seconds, self.began = [*errors], seconds, list[float]()

    async def resolve_open(self, **how: Any) -> Round:
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        if len(self.began) == 5:
            how["stop"].set()
        return Round()

    async def unresolved(self, **_: Any) -> list[Any]:
        return []


def going(client: Client) -> Rounds:
    told = Lines("paymentoptions/sandbox/JP00000001", alarm_after=86_400.0)
    return Rounds(
        client,  # type: ignore[arg-type]
        telling=told,
        older_than=0.0,
        concurrency=4,
        alarm_after=86_400.0,
        pace=None,
        random=Random(3),
    )


@in_virtual_time
async def test_rounds_begin_at_the_interval_but_never_in_step():
    client = Client(None, JournalUnavailable("lost"), JournalUnavailable("lost"), seconds=20.0)
    assert await going(client).every(60.0) == 0
    pauses = [after - before for before, after in zip(client.began, client.began[1:], strict=False)]
    assert all(54.0 <= pause <= 66.1 for pause in pauses)
    assert len({round(pause, 3) for pause in pauses}) == 4


@in_virtual_time
async def test_a_round_that_takes_longer_is_followed_at_once():
    client = Client(seconds=100.0)
    await going(client).every(60.0)
    assert [round(at - client.began[0]) for at in client.began] == [0, 100, 200, 300, 400]


@pytest.mark.parametrize(("words", "kind"), [((), PaymentOptions), (("--gateway", "corefy"), Corefy)])
def test_the_client_is_the_gateways_own(
    words: tuple[str, ...], kind: type, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    journal = tmp_path / "payments.db"
    journal.touch()
    for name, value in {
        "PAYMENTOPTIONS_API_KEY": "key",
        "PAYMENTOPTIONS_X_API_KEY": "x-key",
        "PAYMENTOPTIONS_MERCHANT_ID": "JP00000001",
        "PAYMENTOPTIONS_ENVIRONMENT": "sandbox",
        "PAYMENTOPTIONS_SANDBOX_URL": "http://127.0.0.1:9",
        "PAYMENTOPTIONS_JOURNAL": str(journal),
        "COREFY_ACCOUNT_ID": "coma_SandboxCoffee0001",
        "COREFY_API_KEY": "key",
        "COREFY_PRIVATE_URL": "http://127.0.0.1:9/api",
        "COREFY_TEST_MODE": "true",
        "COREFY_JOURNAL": str(journal),
    }.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["poll", *words])
    assert (result.exit_code, result.output) == (
        0,
        {
            PaymentOptions: "sandbox JP00000001: nothing due\n",
            Corefy: "test coma_SandboxCoffee0001: nothing due\n",
        }[kind],
    )
