"""`paymentoptions reconcile` as a command of its own, against a served sandbox: what it finds, and how it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async.sandbox import (
    API_KEY,
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    MERCHANT_ID,
    X_API_KEY,
    Catalogue,
    CorefyCatalogue,
    Plan,
    Sandbox,
    Settings,
    Traffic,
    serve,
)

ROWS = 240
PLAN = Plan(amount=0.05, missing_at_gateway=0.03, status=0.03, twice_in_ledger=0.03, unreadable=0.03, no_id=0.03)
COMMAND = (sys.executable, "-c", "from paymentoptions_async.cli import main; main(prog_name='paymentoptions')")


class Desk:
    """A sandbox with a past, its ledger, and the command in a directory beside it."""

    def __init__(self, home: Path, sandbox: Sandbox, url: str) -> None:
        assert sandbox.catalogue is not None
        self.home, self.catalogue = home, sandbox.catalogue
        self.asked: list[str] = []
        self.catalogue.write_ledger(home / "ledger.csv")
        self._environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("PAYMENTOPTIONS_", "COREFY_"))
            },
            "PAYMENTOPTIONS_API_KEY": API_KEY,
            "PAYMENTOPTIONS_X_API_KEY": X_API_KEY,
            "PAYMENTOPTIONS_MERCHANT_ID": MERCHANT_ID,
            "PAYMENTOPTIONS_ENVIRONMENT": "sandbox",
            "PAYMENTOPTIONS_SANDBOX_URL": url,
            "COREFY_ACCOUNT_ID": COREFY_ACCOUNT_ID,
            "COREFY_API_KEY": COREFY_API_KEY,
            "COREFY_PRIVATE_URL": f"{url}/corefy/api",
            "COREFY_TEST_MODE": "true",
            "TERM": "xterm",
            "COLUMNS": "80",
        }

    async def start(self, *words: str, **streams: Any) -> Process:
        streams = {"stdin": asyncio.subprocess.DEVNULL, "stdout": PIPE, "stderr": PIPE} | streams
        return await asyncio.create_subprocess_exec(*COMMAND, *words, cwd=self.home, env=self._environment, **streams)

    async def run(self, *words: str) -> tuple[int | None, str, str]:
        process = await self.start(*words)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    def verdicts(self, run: str) -> dict[str, int]:
        found = json.loads(self.home.joinpath(run, "report.json").read_text())["verdicts"]
        return {verdict: count for verdict, count in found.items() if count}


@contextlib.asynccontextmanager
async def opened(home: Path, **traffic: Any) -> AsyncIterator[Desk]:
    sandbox = Sandbox(
        catalogue=Catalogue(seed=3, count=ROWS, plan=PLAN),
        corefy_catalogue=CorefyCatalogue(seed=3, count=ROWS, plan=PLAN),
        settings=Settings(traffic=Traffic(**traffic)),
    )
    async with serve(sandbox) as url:
        yield Desk(home, sandbox, url)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


@pytest.fixture
async def slow_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """One whose answers take so long that a run can be interrupted before its end."""
    async with opened(tmp_path, latency=0.05) as desk:
        yield desk


RECONCILE = ("reconcile", "ledger.csv", "--out", "run")
SLOWLY = (*RECONCILE, "--concurrency", "4")


async def test_what_was_planted_is_found_and_compared_again_without_keys(desk):
    code, out, err = await desk.run(*RECONCILE)
    assert (code, err) == (1, "")
    assert desk.verdicts("run") == dict(desk.catalogue.counts())
    assert "Missing at the gateway" in out
    assert str(desk.home / "run" / "report.html") in out
    assert desk.home.joinpath("run", "report.html").stat().st_size > 100_000
    for name in [*desk._environment]:
        if name.startswith("PAYMENTOPTIONS_"):
            del desk._environment[name]
    code, out, err = await desk.run("compare-again", "run", "--out", "again", "--tolerance", "100000000")
    assert (code, err) == (1, "")
    assert "amount_mismatch" not in desk.verdicts("again")
    assert "paymentoptions compare-again again" not in out


async def test_corefys_ledger_is_reconciled_with_corefys_client(tmp_path):
    async with opened(tmp_path) as desk:
        catalogue = CorefyCatalogue(seed=3, count=ROWS, plan=PLAN)
        catalogue.write_ledger(tmp_path / "ledger.csv")
        code, _, err = await desk.run(*RECONCILE, "--gateway", "corefy")
        assert (code, err) == (1, "")
        assert desk.verdicts("run") == dict(catalogue.counts())


async def test_a_query_is_a_ledger_and_no_password_is_shown(desk):
    code, out, err = await desk.run(
        "reconcile", "--sql", "sqlite:///none/x.db?password=hunter2", "--query", "SELECT 1", "--out", "run"
    )
    assert code == 2
    assert "Error: ledger" in err
    assert "Traceback" not in err
    assert "hunter2" not in err + out


async def test_keys_that_are_refused_are_a_line(desk):
    desk._environment["PAYMENTOPTIONS_X_API_KEY"] = "wrong"
    code, _, err = await desk.run(*RECONCILE)
    assert code == 2
    assert re.fullmatch(r"Error: .*API keys\n", err)


async def until_something_is_saved(process: Process) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if json.loads(line).get("done", 0) > 0 and json.loads(line)["event"] == "progress":
            return
    raise AssertionError("it ended before")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_once_it_saves_what_is_in_flight_and_says_how_to_go_on(slow_desk, number):
    process = await slow_desk.start(*SLOWLY, "--json", "--since", "2000d")
    await until_something_is_saved(process)
    process.send_signal(number)
    out, err = await process.communicate()
    assert process.returncode == 2
    assert b"Finishing what is in flight" in err
    assert b"Traceback" not in err
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["event"] for one in told][-1] == "stopped"
    assert "stopping" in [one["event"] for one in told]
    go_on = "paymentoptions reconcile ledger.csv --out run --concurrency 4 --json --since 2000d"
    assert told[-1]["go_on"] == go_on

    code, out, _ = await slow_desk.run(*go_on.split()[1:])  # 2000 days ago is another instant now, and the same run
    told = [json.loads(line) for line in out.splitlines()]
    [plan] = [one for one in told if one["event"] == "plan"]
    assert plan["asked"] > 0
    assert told[0].items() >= {"event": "snapshot", "rows": sum(1 for _ in slow_desk.catalogue.ledger())}.items()
    assert code == 1
    assert slow_desk.verdicts("run") == dict(slow_desk.catalogue.counts())


async def test_killed_it_goes_on_with_the_same_command(slow_desk):
    process = await slow_desk.start(*SLOWLY, "--json")
    await until_something_is_saved(process)
    process.kill()
    await process.communicate()
    code, _, _ = await slow_desk.run(*RECONCILE)
    assert code == 1
    assert slow_desk.verdicts("run") == dict(slow_desk.catalogue.counts())


async def test_another_run_in_the_same_directory_is_refused(tmp_path):
    async with opened(tmp_path, latency=1) as desk:  # the first goes on until it is killed, however slow the second
        process = await desk.start(*SLOWLY, "--json")
        await until_something_is_saved(process)
        code, _, err = await desk.run(*RECONCILE)
        assert process.returncode is None
        process.kill()
        await process.communicate()
        assert (code, err) == (2, f"Error: {desk.home / 'run'}: another process works in it\n")
        code, _, err = await desk.run(*RECONCILE, "--tolerance", "1")
    assert code == 2
    assert "tolerance was '0' and is '1'" in err


@pytest.mark.parametrize("words", [(), ("--json",)])
async def test_whose_reader_has_gone_ends_and_not_with_the_code_of_differences(desk, words):
    process = await desk.start(*RECONCILE, *words)
    assert process.stdout is not None
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()
    assert process.stderr is not None
    err = await process.stderr.read()
    await process.wait()
    assert process.returncode == 2
    assert err.decode().splitlines()[-1] == "Error: Nobody reads what it says any more."


async def test_the_second_interrupt_needs_nobodys_consent(tmp_path):
    stubborn = """
import asyncio
from paymentoptions_async.cli.reconcile.carrying_out import carry_out

async def work():
    while True:
        try:
            print("working", flush=True)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

carry_out(work, stopping=lambda: None, stop=lambda: print("stopped", flush=True))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", stubborn, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            for _ in range(2):
                assert await process.stdout.readline() == b"working\n"
                process.send_signal(signal.SIGINT)
            assert await process.stdout.read() == b"stopped\n"
            assert await process.wait() == 2
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


class Screen:
    """A terminal with a person before it."""

    def __init__(self) -> None:
        self.mine, self.its = pty.openpty()
        self.seen = ""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.mine, self._read)

    def _read(self) -> None:
        try:
            self.seen += os.read(self.mine, 65536).decode("utf-8", "replace")
        except OSError:  # it has gone
            asyncio.get_running_loop().remove_reader(self.mine)
        self._more.set()

    async def shows(self, words: str) -> None:
        async with asyncio.timeout(30):
            while words not in self.plain:
                self._more.clear()
                await self._more.wait()

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;[^\x1b]*\x1b\\", "", self.seen).replace("\r", "")

    def type(self, keys: str) -> None:
        os.write(self.mine, keys.encode())

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.mine)
        os.close(self.mine)


@pytest.fixture
async def screen() -> AsyncIterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


AT_A_HUNDREDTH = (*RECONCILE, "--rate", "0.01")
"""Takes more than 6 hours, so it asks."""


async def on(screen: Screen, desk: Desk, *words: str) -> Process:
    return await desk.start(*words, stdin=screen.its, stdout=screen.its, stderr=screen.its)


async def test_a_terminal_shows_a_bar_and_in_the_end_what_was_found(slow_desk, screen):
    process = await on(screen, slow_desk, *SLOWLY)
    await screen.shows("in flight")
    assert re.search(r"━.* [\d]+/\d+  [\d.,]+/s", screen.plain)
    await screen.shows("Comparing")
    await screen.shows("→ Open report.html in a browser")
    assert await process.wait() == 1
    assert re.search(r"Asked for \d+ transactions in \d+s", screen.plain)
    assert screen.seen.rfind("\x1b[?25h") > screen.seen.rfind("\x1b[?25l"), "the cursor is there again"


async def test_a_person_may_refuse_a_long_run(desk, screen):
    process = await on(screen, desk, *AT_A_HUNDREDTH)
    await screen.shows("Begin? [y/N]: ")
    assert "It would take about 6 hours" in screen.plain
    screen.type("n\n")
    await screen.shows("nobody was asked")
    assert await process.wait() == 2


async def test_nobody_agreed_when_the_question_is_interrupted(desk, screen):
    process = await on(screen, desk, *AT_A_HUNDREDTH)
    await screen.shows("Begin? [y/N]: ")
    process.send_signal(signal.SIGINT)
    await screen.shows("the same command goes on from there")
    assert await process.wait() == 2


async def test_the_second_interrupt_stops_at_once(tmp_path, screen):
    async with opened(tmp_path, latency=60) as desk:  # what is in flight does not come in soon
        process = await on(screen, desk, *RECONCILE, "--rate", "0.01")
        await screen.shows("Begin? [y/N]: ")
        screen.type("y\n")
        await screen.shows("in flight 1")
        process.send_signal(signal.SIGINT)
        await screen.shows("once more to stop at once")
        process.send_signal(signal.SIGINT)
        await screen.shows("the same command goes on from there")
        async with asyncio.timeout(30):
            assert await process.wait() == 2
    assert screen.seen.rfind("\x1b[?25h") > screen.seen.rfind("\x1b[?25l"), "the cursor is there again"
