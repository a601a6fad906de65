"""`paymentoptions reconcile`: what its options mean, what it shows, and how it ends. The engine is a stand-in."""

from __future__ import annotations

import errno
import io
import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import click
import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from paymentoptions_async import PaymentOptions, PaymentStatus
from paymentoptions_async.cli import compare_again as again
from paymentoptions_async.cli import main
from paymentoptions_async.cli import reconcile as module
from paymentoptions_async.cli.reconcile import texts
from paymentoptions_async.cli.reconcile.showing import JsonLines, Log, open_console
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.reconcile import (
    Columns,
    JoinTooLarge,
    Kind,
    LedgerFile,
    LedgerQuery,
    Rules,
    RunRefused,
    Selection,
)
from paymentoptions_async.reconcile.events import Comparing, Event, Plan, Progress, Saved, Snapshot, Written
from paymentoptions_async.reconcile.report import Amounts, Coverage, Report
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.reconcile.workspace import Manifest

KEYS = {
    "PAYMENTOPTIONS_API_KEY": "key",
    "PAYMENTOPTIONS_X_API_KEY": "x-key",
    "PAYMENTOPTIONS_MERCHANT_ID": "JP00000001",
    "PAYMENTOPTIONS_ENVIRONMENT": "sandbox",
    "PAYMENTOPTIONS_SANDBOX_URL": "http://127.0.0.1:9",
}
COREFY_KEYS = {
    "COREFY_ACCOUNT_ID": "coma_SandboxCoffee0001",
    "COREFY_API_KEY": "key",
    "COREFY_PRIVATE_URL": "http://127.0.0.1:9/api",
    "COREFY_TEST_MODE": "true",
}
PLAN = Plan(total=10, asked=0, confirmed=0, rate=50.0, seconds=0.2)
LONG = Plan(total=5_000_000, asked=0, confirmed=0, rate=50.0, seconds=100_000.0)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (KEYS | COREFY_KEYS).items():
        monkeypatch.setenv(name, value)


def report(out: Path, *, left: int = 0, **verdicts: int) -> Report:
    out = out.absolute()
    nothing = Decimal(0)
    dollars = Amounts(
        currency="USD",
        kind=None,
        rows=1,
        ledger=nothing,
        agreed_rows=1,
        agreed=nothing,
        not_compared=nothing,
        differences=0,
        in_question=Decimal("1204.5") if "amount_mismatch" in verdicts else nothing,
        net=nothing,
    )
    return Report(
        page=out / "report.html",
        findings=out / "findings.parquet",
        table=out / "findings.csv",
        summary=out / "report.json",
        verdicts={Verdict(name): count for name, count in verdicts.items()},
        flags={},
        amounts=(dollars,),
        coverage=Coverage(rows=10, invalid=2, outside=1, asked=7, journal=1, earlier=2, unchecked=left),
        sample=None,
        seconds={},
    )


class Engine:
    """Stands for `reconcile`: keeps what it was called with, tells events, and comes to a report or an error."""

    def __init__(self) -> None:
        self.client: Any = None
        self.called: dict[str, Any] = {}
        self.events: list[Any] = []
        self.plan = PLAN
        self.verdicts: dict[str, int] = {"matched": 10}
        self.left = 0
        self.error: BaseException | None = None

    async def __call__(self, client: Any, **called: Any) -> Report:
        self.client, self.called = client, called
        tell = called["on_event"]
        tell(self.plan)
        if not await called["approve"](self.plan):
            raise RunRefused("nobody was asked")
        for event in self.events:
            tell(event)
        if self.error is not None:
            raise self.error
        return report(called["out"], left=self.left, **self.verdicts)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(module, "reconcile", engine)
    return engine


@pytest.fixture
def call(engine: Engine, tmp_path: Path) -> Callable[..., Result]:
    def call(*words: str, ledger: tuple[str, ...] = ("ledger.csv",)) -> Result:
        return CliRunner().invoke(main, ["reconcile", *ledger, "--out", str(tmp_path / "run"), *words])

    return call


class TestOptions:
    def test_nothing_but_a_ledger_means_the_engines_own_defaults(self, call, engine, tmp_path):
        assert call().exit_code == 0
        called = engine.called
        assert called["ledger"] == LedgerFile(path=Path("ledger.csv"))
        assert (called["selection"], called["rules"]) == (Selection(), Rules())
        assert called["out"] == tmp_path / "run"
        assert (called["rate"], called["concurrency"], called["memory"]) == (None, 64, 384 * 1024**2)
        assert isinstance(engine.client, PaymentOptions)

    def test_columns_and_words(self, call, engine):
        words = "--column at=Paid on --column order=A=B --status Fulfilled=approved --status a=b=DECLINED"
        result = call(
            *[
                "--column",
                "at=Paid on",
                "--column",
                "order=A=B",
                "--status",
                "Done=approved",
                "--status",
                "a=b=DECLINED",
            ]
        )
        assert result.exit_code == 0, (result.output, words)
        columns = engine.called["ledger"].columns
        assert columns.named() == {"at": "Paid on", "order": "A=B"}
        assert columns.statuses == {"done": PaymentStatus.APPROVED, "a=b": PaymentStatus.DECLINED}

    def test_how_a_ledger_is_written(self, call, engine):
        call(
            *["--kind", "credit=refund", "--assume", "pending", "--currency", "JPY", "--minor-units", "--decimal-comma"]
        )
        assert engine.called["ledger"].columns == Columns(
            kinds={"credit": Kind.REFUND},
            assume=PaymentStatus.PENDING,
            one_currency="JPY",
            minor_units=True,
            decimal_comma=True,
        )

    def test_a_csv_files_own(self, call, engine):
        call("--delimiter", "tab", "--encoding", "cp932")
        assert (engine.called["ledger"].delimiter, engine.called["ledger"].encoding) == ("\t", "cp932")

    def test_a_query_from_files_so_that_a_password_stands_on_no_command_line(self, call, engine, tmp_path):
        tmp_path.joinpath("url").write_text("postgresql://me:secret@db/books\n")
        tmp_path.joinpath("query").write_text("SELECT *\nFROM payments\n")
        result = call("--sql", f"@{tmp_path / 'url'}", "--query", f"@{tmp_path / 'query'}", ledger=())
        assert result.exit_code == 0, result.output
        assert engine.called["ledger"] == LedgerQuery(
            url="postgresql://me:secret@db/books", query="SELECT *\nFROM payments"
        )

    def test_what_is_asked_for(self, call, engine, tmp_path):
        call(
            "--since",
            "2026-01-31",
            "--until",
            "2026-02-01T09:00+09:00",
            "--only-unconfirmed",
            "--earlier",
            str(tmp_path),
        )
        assert engine.called["selection"] == Selection(
            since=datetime(2026, 1, 31, tzinfo=UTC),
            until=datetime(2026, 2, 1, tzinfo=UTC),
            only_unconfirmed=True,
            earlier=(tmp_path,),
        )

    def test_rules(self, call, engine):
        call(
            *[
                "--tolerance",
                "0.01",
                "--tolerance",
                "JPY=1",
                "--tolerance",
                "usd=0",
                "--pending-for",
                "12h",
                "--as-of",
                "2026-01-31",
            ]
        )
        assert engine.called["rules"] == Rules(
            tolerance=Decimal("0.01"),
            tolerances={"JPY": Decimal(1), "USD": Decimal(0)},
            pending_for=43_200.0,
            as_of=datetime(2026, 1, 31, tzinfo=UTC),
        )

    @pytest.mark.parametrize(("given", "rate"), [("5", 5.0), ("0.5", 0.5), ("auto", "auto"), ("unlimited", math.inf)])
    def test_rates(self, call, engine, given, rate):
        call("--rate", given)
        assert engine.called["rate"] == rate

    @pytest.mark.parametrize(
        ("given", "size"),
        [("512MB", 512_000_000), ("2GiB", 2 * 1024**3), ("256m", 256_000_000), ("999999999", 999_999_999)],
    )
    def test_memory(self, call, engine, given, size):
        call("--memory", given)
        assert engine.called["memory"] == size

    def test_as_many_connections_as_questions_in_flight(self, call, engine):
        call("--concurrency", "300")
        assert engine.called["concurrency"] == 300
        assert engine.client._wires[0]._asking._gate._value == 300

    def test_corefys_client_has_its_own_variables(self, call, engine):
        call("--gateway", "corefy")
        assert isinstance(engine.client, Corefy)
        assert engine.client.scope == "corefy/test/coma_SandboxCoffee0001"

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--column card=Number", "no NAME=COLUMN"),
            ("--column at", "no NAME=COLUMN"),
            ("--column at=a --column at=b", "says two things of at"),
            ("--status paid=yes", "whose meaning is"),
            ("--status =approved", "whose meaning is"),
            ("--tolerance ten", "no tolerance"),
            ("--tolerance nan", "tolerance: needs a Decimal"),
            ("--tolerance -1", "tolerance: needs a Decimal"),
            ("--tolerance 1e40", "tolerance"),
            ("--tolerance ABC=1", "ISO 4217"),
            ("--tolerance 1 --tolerance 2", "says two things of all currencies"),
            ("--rate 0", "no rate"),
            ("--rate nan", "no rate"),
            ("--rate fast", "no rate"),
            ("--memory much", "no amount of memory"),
            ("--memory 255MB", "'255MB' is too little; joins need 256MB or more"),
            ("--delimiter ::", "not one character"),
            ("--encoding klingon", "no encoding"),
            ("--since yesterday", "no time"),
            ("--since 2026-02-01 --until 2026-01-01", "until: must be after since"),
            ("--currency ABC", "ISO 4217"),
            ("--query @missing.sql", "can't read missing.sql"),
            ("--sql sqlite:///a.db", "not both"),
        ],
    )
    def test_what_can_not_be_meant_is_a_usage_error(self, call, engine, words, said):
        result = call(*words.split())
        assert result.exit_code == 2
        assert said in result.output.replace("\n", " ")
        assert not engine.called

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("", "Which ledger?"),
            ("--sql sqlite:///a.db", "belong together"),
            ("--query SELECT", "belong together"),
            ("--sql sqlite:///a.db --query x --delimiter ;", "belong to a CSV file"),
        ],
    )
    def test_a_ledger_is_a_file_or_a_query(self, call, words, said):
        result = call(*words.split(), ledger=())
        assert result.exit_code == 2
        assert said in result.output

    def test_keys_that_are_missing_are_named(self, call, monkeypatch):
        monkeypatch.delenv("PAYMENTOPTIONS_API_KEY")
        result = call()
        assert result.exit_code == 2
        assert "PAYMENTOPTIONS_API_KEY" in result.output


class TestTakingUp:
    """`--since 7d` means another instant each time; a run that is taken up has the one that it began with."""

    def begin(self, out: Path, since: datetime | None = None) -> None:
        begun = datetime(2026, 1, 31, 12, tzinfo=UTC)
        out.mkdir()
        manifest = Manifest("s", {}, Selection(since=since).described(), Rules().described(), begun)
        out.joinpath("run.json").write_text(manifest.as_json())

    def test_the_instant_of_the_run_is_kept(self, call, engine, tmp_path):
        since = datetime(2026, 1, 24, 11, 59, 58, 123456, tzinfo=UTC)
        self.begin(tmp_path / "run", since=since)
        call("--since", "7d")
        assert engine.called["selection"].since == since

    def test_another_one_is_another_run(self, call, engine, tmp_path):
        since = datetime(2026, 1, 24, 11, 59, 58, tzinfo=UTC)
        self.begin(tmp_path / "run", since=since)
        call("--since", "8d")
        assert engine.called["selection"].since < datetime.now(UTC) - timedelta(days=7.9)

    def test_a_run_without_one_is_another_run(self, call, engine, tmp_path):
        self.begin(tmp_path / "run")
        call("--since", "7d")
        assert engine.called["selection"].since is not None

    def test_a_directory_that_can_not_be_read_is_an_error(self, call, tmp_path):
        tmp_path.joinpath("run").mkdir()
        tmp_path.joinpath("run", "run.json").write_text("{}")
        result = call("--since", "7d")
        assert result.exit_code == 2
        assert "run.json can't be read" in result.output


class TestAgreeing:
    def test_a_run_of_hours_needs_somebody_to_agree(self, call, engine):
        engine.plan = LONG
        result = call()
        assert result.exit_code == 2
        assert "about 1 day 3 hours" in result.output
        assert "--yes" in result.output

    def test_yes_agrees(self, call, engine):
        engine.plan = LONG
        assert call("--yes").exit_code == 0

    def test_four_hours_need_nobody(self, call, engine):
        engine.plan = Plan(total=1, asked=0, confirmed=0, rate=1.0, seconds=module.ASKS_FROM)
        assert call().exit_code == 0


class TestJournals:
    def test_without_one_it_says_what_can_not_be_found(self, call):
        assert call().output.startswith("No journal is set")

    def test_a_new_one_may_be_the_wrong_one(self, call, monkeypatch, tmp_path):
        monkeypatch.setenv("PAYMENTOPTIONS_JOURNAL", str(tmp_path / "payments.db"))
        assert call().output.startswith(f"The journal {tmp_path / 'payments.db'} is new.")
        assert call().output.startswith("To ask for")


class TestEnding:
    @pytest.mark.parametrize(
        ("verdicts", "code"),
        [
            ({"matched": 10}, 0),
            ({"matched": 9, "amount_within_tolerance": 1, "timing_pending": 2}, 0),
            ({"matched": 9, "amount_mismatch": 1}, 1),
            ({"matched": 9, "invalid_row": 1}, 1),
            ({"matched": 9, "unchecked": 1}, 1),
        ],
    )
    def test_the_exit_code_says_whether_anything_differs(self, call, engine, verdicts, code):
        engine.verdicts = verdicts
        assert call().exit_code == code

    def test_a_transaction_that_was_not_checked_is_never_clean(self, call, engine):
        engine.left = 1
        assert call().exit_code == 1

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (RunRefused("run: another process works in it"), "another process works in it"),
            (JoinTooLarge("give it more, by memory= or --memory"), "give it more, by memory= or --memory"),
            (PermissionError(errno.EACCES, "Permission denied", "/x/run"), "/x/run: Permission denied"),
            (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        ],
    )
    def test_what_may_be_expected_is_a_line_and_no_traceback(self, call, engine, error, said):
        engine.error = error
        result = call()
        assert result.exit_code == 2
        assert f"Error: {said}" in result.output.replace("run: another", "another")
        assert isinstance(result.exception, SystemExit)

    @pytest.mark.parametrize("error", [duckdb.IOException("No space left"), pa.ArrowInvalid("No space left")])
    def test_a_full_disk_or_a_damaged_file_is_no_difference(self, call, engine, error):
        engine.error = error
        result = call()
        assert result.exit_code == 2
        assert "No space left" in result.output

    def test_a_fault_of_ours_is_not_hidden(self, call, engine):
        engine.error = ZeroDivisionError()
        assert isinstance(call().exception, ZeroDivisionError)

    def test_what_a_message_repeats_does_not_steer_the_terminal(self, call, engine):
        engine.error = RunRefused("no column \x1b[2J\u202e")
        assert "no column \\x1b[2J\\u202e" in call().output

    def test_the_table_the_coverage_the_files_and_what_to_do(self, call, engine, tmp_path):
        engine.verdicts = {"matched": 12_000, "amount_mismatch": 3, "unchecked": 2}
        output = call().output
        lines = output.splitlines()
        assert [line for line in lines if line.startswith(("Not checked", "Other amount", "Matched"))] == [
            "Not checked        2",
            "Other amount       3",
            "Matched       12,000",
        ]
        assert "Rows of the ledger  10 used, 2 invalid, 1 outside of the window" in lines
        assert "In question         1,204.50 USD" in lines
        assert "can't be found by any run" in output
        assert f"Report  {tmp_path / 'run' / 'report.html'}" in lines
        assert f"        {tmp_path / 'run' / 'findings.csv'}" in lines
        assert "compare-again" in output
        assert [line for line in lines if line != line.rstrip()] == []


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


class TestTelling:
    EVENTS: tuple[Event, ...] = (
        Snapshot(rows=12_000, invalid=3, done=True),
        Progress(
            done=5, total=10, rate=49.84, allowed=50.0, seconds_left=176.0, in_flight=3, retries=4, failed=1,
            findings={"matched": 3, "different": 1, "unchecked": 1},
        ),
        Progress(done=10, total=10, rate=50, allowed=None, seconds_left=0.0, in_flight=0, retries=4, failed=1),
        Saved(part="00001.parquet", rows=10),
        Comparing(),
        Written(path="/x/report.html"),
    )  # fmt: skip

    def test_a_log_has_a_line_every_ten_seconds_with_its_time(self):
        clock, page = Clock(), io.StringIO()
        log = Log(open_console(page), clock=clock)
        snapshot, first, last, *_ = self.EVENTS
        for seconds, event in [(1, snapshot), (8, first), (0.5, first), (0.5, first), (9.5, first), (0.4, last)]:
            clock.now += seconds
            log(event)
        log(Comparing())
        assert page.getvalue().splitlines() == [
            "2026-01-31T00:00:10Z  5 of 10 (50 %), 49.8/s, 2m56s left; so far: different 1; retries 4; not answered 1",
            "2026-01-31T00:00:19Z  10 of 10 (100 %), 50.0/s, 0s left; no findings so far; retries 4; not answered 1",
            "2026-01-31T00:00:19Z  comparing",
        ]

    def test_json_has_progress_once_a_second_and_the_last_one(self):
        clock, page = Clock(), io.StringIO()
        tell = JsonLines(page, clock=clock)
        first, last = self.EVENTS[1:3]
        for seconds, event in [(0, first), (0.5, first), (0.5, first), (0.5, last), (0, Comparing())]:
            clock.now += seconds
            tell(event)
        told = [json.loads(line) for line in page.getvalue().splitlines()]
        assert [one.get("done") for one in told] == [5, 5, 10, None]

    def test_json_is_on_standard_output_and_words_on_standard_error(self, call, engine):
        engine.events = [*self.EVENTS]
        engine.verdicts = {"matched": 9, "amount_mismatch": 1}
        result = call("--json")
        told = [json.loads(line) for line in result.stdout.splitlines()]
        assert [one["event"] for one in told] == [
            "plan", "snapshot", "progress", "progress", "saved", "comparing", "written", "done",
        ]  # fmt: skip
        assert all(datetime.fromisoformat(one["at"]).tzinfo for one in told)
        plan, snapshot, progress, _, saved, _, written, done = told
        assert (
            plan.items() >= {"total": 10, "asked": 0, "confirmed": 0, "left": 10, "rate": 50.0, "seconds": 0.2}.items()
        )
        assert snapshot.items() >= {"rows": 12_000, "invalid": 3, "done": True}.items()
        assert progress["findings"] == {"matched": 3, "different": 1, "unchecked": 1}
        assert saved.items() >= {"part": "00001.parquet", "rows": 10}.items()
        assert written["path"] == "/x/report.html"
        assert (done["exit_code"], done["differences"], done["in_question"]) == (1, 1, {"USD": "1204.5"})
        assert done["verdicts"] == {"matched": 9, "amount_mismatch": 1}
        assert "Other amount" in result.stderr

    def test_json_has_no_number_that_json_has_not(self, call, engine):
        engine.plan = Plan(total=1, asked=0, confirmed=0, rate=math.inf, seconds=0.1)
        told = json.loads(call("--json").stdout.splitlines()[0])
        assert told["rate"] is None

    def test_json_tells_why_it_failed(self, call, engine):
        engine.error = RunRefused("another process works in it")
        last = json.loads(call("--json").stdout.splitlines()[-1])
        assert last.items() >= {"event": "failed", "exit_code": 2, "message": "another process works in it"}.items()

    def test_what_is_planned_comes_before_anything_is_asked(self, call, engine):
        engine.plan = Plan(total=9_500, asked=500, confirmed=2_400, rate=50.0, seconds=180.0)
        assert call().output.splitlines()[1:6] == [
            "Confirmed before  2,400 transactions, not asked for again",
            "Answered already  500 transactions, in an earlier try",
            "To ask for        9,000 transactions",
            "Rate              50 a second",
            "Will take         about 3 minutes",
        ]


class TestComparingAgain:
    @pytest.fixture
    def compared(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        called: list[Any] = []

        async def compare_again(run: Path, out: Path, **how: Any) -> Report:
            called.append((run, out, how))
            how["on_event"](Comparing())
            return report(out, matched=1)

        monkeypatch.setattr(again, "compare_again", compare_again)
        return called

    def test_it_needs_a_run_another_directory_and_rules(self, compared, tmp_path, monkeypatch):
        for name in KEYS:
            monkeypatch.delenv(name)
        words = [
            "--out",
            str(tmp_path / "again"),
            "--tolerance",
            "0.05",
            "--pending-for",
            "1d",
            "--as-of",
            "2026-01-31",
        ]
        result = CliRunner().invoke(main, ["compare-again", str(tmp_path), *words])
        assert result.exit_code == 0, result.output
        [(run, out, how)] = compared
        assert (run, out) == (tmp_path, tmp_path / "again")
        rules = Rules(tolerance=Decimal("0.05"), pending_for=86_400.0, as_of=datetime(2026, 1, 31, tzinfo=UTC))
        assert how["rules"] == rules

    def test_a_run_that_is_not_there_is_a_usage_error(self, compared, tmp_path):
        words = [str(tmp_path / "none"), "--out", str(tmp_path / "again")]
        assert CliRunner().invoke(main, ["compare-again", *words]).exit_code == 2
        assert not compared


@pytest.mark.parametrize("command", ["reconcile", "compare-again"])
def test_help_is_read_in_80_columns_under_headings(command):
    output = CliRunner().invoke(main, [command, "--help"], terminal_width=80).output
    assert max(map(len, output.splitlines())) <= 80
    headings = [line for line in output.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings[-2:] == ["Output:", "Other:"]
    group = main.get_command(click.Context(main), command)
    for parameter in group.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in output


def test_it_says_which_extra_is_missing(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("paymentoptions_async.cli.", "duckdb"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = CliRunner().invoke(main, ["reconcile", "--help"])
    assert "reconcile needs duckdb: pip install 'paymentoptions-async[cli,reconcile]'" in result.output


@pytest.mark.parametrize("event", get_args(Event))
def test_every_event_and_what_it_tells_is_documented(event):
    guide = Path(__file__).parents[2].joinpath("docs", "command-line.md").read_text("utf-8")
    [told] = re.findall(rf"^\| `{event.__name__.lower()}` \|([^|]*)\|", guide, re.MULTILINE)
    assert {field.name for field in fields(event)} <= set(re.findall(r"`(\w+)`", told))


def test_how_a_run_ends_is_documented(call, engine):
    guide = Path(__file__).parents[2].joinpath("docs", "command-line.md").read_text("utf-8")
    for error in (None, RunRefused("refused")):
        engine.error = error
        told = json.loads(call("--json").stdout.splitlines()[-1])
        [documented] = re.findall(rf"^\| `{told['event']}` \| ([^|]*) \|", guide, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", documented)) == set(told) - {"event", "at"}


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (59, "less than a minute"),
            (60, "about 1 minute"),
            (3_599, "about 1 hour"),
            (5_400, "about 1 hour 30 minutes"),
            (7_170, "about 2 hours"),
            (181_440, "about 2 days 2 hours"),
        ],
    )
    def test_durations(self, seconds, words):
        assert texts.in_words(seconds) == words

    def test_a_run_with_nothing_left_has_no_rate_and_takes_no_time(self):
        told = dict(texts.plan(None, Plan(total=9, asked=9, confirmed=0, rate=50.0, seconds=0.0)))
        assert told == {"Answered already": "9 transactions, in an earlier try", "To ask for": "nothing"}

    @pytest.mark.parametrize(
        ("typed", "shown"),
        [
            (["my ledger.csv", "--out", "run"], "'my ledger.csv' --out run"),
            (["--sql", "postgresql://me:hidden@db/x", "--query", "SELECT 1"], "--sql URL --query 'SELECT 1'"),
            (["--sql=postgresql://db/x?password=hidden"], "--sql=URL"),
            (["--sql", "postgresql://[hidden"], "--sql URL"),
            (["--sql", "@url", "--out", "run"], "--sql @url --out run"),
            (["--sql", "sqlite:///books.db"], "--sql sqlite:///books.db"),
        ],
    )
    def test_the_command_that_goes_on_shows_no_password(self, typed, shown):
        assert texts.command("reconcile", typed) == f"paymentoptions reconcile {shown}"
