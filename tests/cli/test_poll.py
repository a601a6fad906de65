"""`paymentoptions poll` as a command of its own, against a served sandbox: what it settles, shares, and says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import (
    Address,
    Card,
    Money,
    OutcomeUnknown,
    Payment,
    PaymentEvent,
    PaymentOptions,
    PaymentStatus,
)
from paymentoptions_async.resolving import LEASE
from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    MERCHANT_ID,
    X_API_KEY,
    Sandbox,
    Settings,
    Traffic,
    serve,
)
from tests.support.postgres import Cluster, make_tables, new_schema, postgres, private_postgres

__all__ = ["postgres", "private_postgres"]  # fixtures

RUN = "from paymentoptions_async.cli import main; main(prog_name='paymentoptions')"
AT_ONCE = f"import sys, paymentoptions_async.cli.poll; print('ready', flush=True); sys.stdin.readline(); {RUN}"
"""Begins when it is told to, so that several begin together."""
LATER = f"import time; now = time.time; time.time = lambda: now() + {LEASE}; {RUN}"
"""As if it were run a lease later."""

NUMBERS = {card.name: card.number for card in CARDS}
ADDRESS = Address(
    country="JP",
    email="buyer@example.com",
    phone_number="0312345678",
    address1="1-1 Chiyoda",
    city="Chiyoda",
    state="Tokyo",
    postal_code="100-0001",
)
POLL = ("poll", "--older-than", "0s")


class Desk:
    """An application with a journal, its bank, and the command beside it."""

    def __init__(self, home: Path, sandbox: Sandbox, url: str, journal: str) -> None:
        self.home, self.sandbox, self.journal = home, sandbox, journal
        self._keys = count()
        self.keys: dict[str, Any] = {
            "api_key": API_KEY,
            "x_api_key": X_API_KEY,
            "merchant_id": MERCHANT_ID,
            "environment": "sandbox",
            "sandbox_url": url,
            "journal": journal,
        }
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PAYMENTOPTIONS_")},
            **{f"PAYMENTOPTIONS_{name.upper()}": value for name, value in self.keys.items()},
            "TERM": "xterm",
            "COLUMNS": "80",
        }

    @property
    def asked(self) -> Counter[str | None]:
        """How often the bank was asked for each transaction."""
        return Counter(line.transaction_id for line in self.sandbox.requests if line.method == "GET")

    async def begin(self, *cards: str) -> list[Payment]:
        """Charge test cards; the payments as they stand then."""
        async with PaymentOptions(**self.keys) as gateway:
            return await asyncio.gather(*(self._begin(gateway, f"{next(self._keys)}", card) for card in cards))

    async def _begin(self, gateway: PaymentOptions, key: str, card: str) -> Payment:
        try:
            return await gateway.purchase(
                Money("1000", "JPY"),
                card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
                billing_address=ADDRESS,
                customer_ip="203.0.113.7",
                idempotency_key=key,
                without_webhook=True,
            )
        except OutcomeUnknown as unknown:
            return unknown.payment

    async def now(self, *payments: Payment) -> list[PaymentStatus]:
        async with PaymentOptions(**self.keys) as gateway:
            return [(await gateway.payment(payment.ref)).status for payment in payments]

    async def start(self, *words: str, code: str = RUN, **streams: Any) -> Process:
        streams = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE} | streams
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, *words, cwd=self.home, env=self.environment, **streams
        )

    async def run(self, *words: str, code: str = RUN) -> tuple[int | None, str, str]:
        process = await self.start(*words, code=code)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    async def until_asked(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.asked.total() < count:  # noqa: ASYNC110  the bank tells nobody
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def opened(home: Path, journal: str, **traffic: Any) -> AsyncIterator[Desk]:
    sandbox = Sandbox(settings=Settings(traffic=Traffic(**traffic)))
    async with serve(sandbox) as url:
        yield Desk(home, sandbox, url, journal)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, str(tmp_path / "payments.db")) as desk:
        yield desk


@pytest.fixture
async def slow_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, str(tmp_path / "payments.db"), latency=0.2) as desk:
        yield desk


@pytest.fixture(params=["sqlite", "postgres"])
async def shared_desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """One on each kind of journal; the bank takes its time, so that who comes seconds later has a share too."""
    if request.param == "sqlite":
        journal = str(tmp_path / "payments.db")
    else:
        journal = request.getfixturevalue("postgres").url(journal_schema=new_schema())
    async with opened(tmp_path, journal, latency=0.5) as desk:
        yield desk


async def test_a_round_settles_what_the_bank_has_decided_and_says_what_is_left(desk):
    payments = await desk.begin("pending", "pending_then_declined")
    desk.sandbox.faults.add("paymentv2", "reset", when="after", times=1)
    payments += await desk.begin("approved")
    await desk.sandbox.advance(61)
    code, out, err = await desk.run(*POLL)
    assert (code, err) == (0, "")
    assert out == (
        "sandbox JP00000001: 3 open payments due\n"
        "  settled             2\n"
        "  not askable         1  no transaction of them is known: a webhook or a person settles them\n"
    )
    assert await desk.now(*payments) == [PaymentStatus.APPROVED, PaymentStatus.DECLINED, PaymentStatus.UNKNOWN]
    code, out, err = await desk.run(*POLL)
    assert (code, out, err) == (0, "sandbox JP00000001: nothing due\n", "")
    assert set(desk.asked.values()) == {1}


async def test_what_is_young_is_left_to_who_waits_for_it(desk):
    await desk.begin("pending")
    code, out, _ = await desk.run("poll")
    assert (code, out) == (0, "sandbox JP00000001: nothing due\n")
    assert not desk.asked


async def test_what_is_open_for_too_long_needs_a_person(desk):
    await desk.begin("pending")
    code, out, err = await desk.run(*POLL, "--alarm-after", "0s")
    assert code == 1
    assert "  still open          1  asked again in a minute" in out
    assert err == "Open for more than 0s: 1. paymentoptions journal unresolved --older-than 0s\n"


async def test_programs_get_an_object(desk):
    await desk.begin("pending", "pending")
    code, out, err = await desk.run(*POLL, "--json")
    told = json.loads(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told.pop("at"))
    assert told.pop("seconds") >= 0
    assert told == {
        "event": "round",
        "visited": 2,
        "settled": 0,
        "still_open": 2,
        "not_askable": 0,
        "unanswered": 0,
        "contradictions": [],
        "overdue": 0,
        "complete": True,
        "exit_code": 0,
    }
    assert (code, err) == (0, "")


async def test_a_bank_that_does_not_answer_is_the_code_2(desk):
    await desk.begin("pending")
    desk.sandbox.faults.add("status", "error", status=503)
    code, out, err = await desk.run(*POLL)
    assert code == 2
    assert "unanswered          1" in out
    assert err.startswith("Not all that was due was asked for")


async def test_keys_that_are_refused_are_a_line(desk):
    await desk.begin("pending")
    desk.environment["PAYMENTOPTIONS_X_API_KEY"] = "wrong"
    for words in (POLL, (*POLL, "--every", "1s")):
        code, _, err = await desk.run(*words)
        assert code == 2
        assert re.fullmatch(r"Error: .*API keys\n", err)


async def test_a_journal_that_others_can_not_see_is_refused(desk):
    code, _, err = await desk.run(*POLL)
    assert (code, err) == (2, f"Error: There is no journal {desk.home / 'payments.db'}.\n")
    assert not (desk.home / "payments.db").exists()
    del desk.environment["PAYMENTOPTIONS_JOURNAL"]
    code, _, err = await desk.run(*POLL)
    assert (code, err) == (
        2,
        "Error: A journal in memory is seen by its own process alone; name a file or a database.\n",
    )


async def test_an_interval_has_a_least_length(desk):
    code, _, err = await desk.run(*POLL, "--every", "0s")
    assert code == 2
    assert "a second or more" in err


async def test_several_processes_ask_for_each_payment_once(shared_desk):
    payments = await shared_desk.begin(*["pending"] * 60)
    await shared_desk.sandbox.advance(61)
    words = (*POLL, "--json", "--concurrency", "2")
    processes = [await shared_desk.start(*words, code=AT_ONCE, stdin=PIPE) for _ in range(3)]
    for process in processes:
        assert await process.stdout.readline() == b"ready\n"
    told = [json.loads((await out)[0]) for out in [asyncio.ensure_future(p.communicate(b"\n")) for p in processes]]
    assert [one["visited"] - one["settled"] for one in told] == [0, 0, 0]
    assert sum(one["settled"] for one in told) == 60
    assert min(one["settled"] for one in told) > 0
    assert shared_desk.asked == dict.fromkeys([payment.transaction_id for payment in payments], 1)


async def test_what_a_killed_process_had_taken_is_taken_over_after_its_lease(slow_desk):
    payments = await slow_desk.begin(*["pending"] * 12)
    await slow_desk.sandbox.advance(61)
    process = await slow_desk.start(*POLL, "--concurrency", "4")
    await slow_desk.until_asked(1)
    process.kill()
    await process.communicate()
    _, out, _ = await slow_desk.run(*POLL, "--json")
    assert json.loads(out)["settled"] == 12 - 4
    _, out, _ = await slow_desk.run(*POLL, "--json", code=LATER)
    assert json.loads(out)["settled"] == 4
    assert await slow_desk.now(*payments) == [PaymentStatus.APPROVED] * 12


@pytest.mark.parametrize(("every", "expected"), [((), 2), (("--every", "1h"), 0)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_it_takes_in_what_is_in_flight_and_leaves_the_rest(slow_desk, number, every, expected):
    await slow_desk.begin(*["pending"] * 40)
    await slow_desk.sandbox.advance(61)
    process = await slow_desk.start(*POLL, "--json", "--concurrency", "4", *every)
    await slow_desk.until_asked(5)
    process.send_signal(number)
    out, err = await process.communicate()
    assert process.returncode == expected
    assert err == b"Finishing what is in flight \xe2\x80\xa6; once more to stop at once\n"
    told = json.loads(out)
    assert not told["complete"]
    assert told["visited"] == told["settled"] == slow_desk.asked.total() < 40
    _, out, _ = await slow_desk.run(*POLL, "--json")
    assert json.loads(out)["settled"] == 40 - told["settled"]
    assert set(slow_desk.asked.values()) == {1}


async def test_interrupted_twice_it_waits_for_nothing(tmp_path):
    async with opened(tmp_path, str(tmp_path / "payments.db")) as desk:
        await desk.begin("pending")
        desk.sandbox.faults.add("status", "delay", seconds=60)
        process = await desk.start(*POLL)
        await desk.until_asked(1)
        async with asyncio.timeout(30):  # what is in flight takes longer
            process.send_signal(signal.SIGTERM)
            assert b"once more to stop at once" in await process.stderr.readline()  # two at once would be one
            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
        assert process.returncode == 2
        assert err.decode().splitlines()[-1] == "Error: Stopped at once. What was not settled is left to others."


async def test_on_an_interval_it_goes_on_and_tells_a_line_of_each_round(desk):
    await desk.begin("pending")
    process = await desk.start(*POLL, "--every", "1s")
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    first, second = [(await process.stdout.readline()).decode() for _ in range(2)]
    assert re.fullmatch(stamp + r"  still open 1  \(\d+\.\d s\)\n", first)
    assert re.fullmatch(stamp + r"  nothing due  \(\d+\.\d s\)\n", second)
    process.terminate()
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "Finishing what is in flight …; once more to stop at once\n")


async def test_a_database_that_is_lost_is_tried_again(tmp_path, private_postgres: Cluster):
    url = private_postgres.url(journal_schema="test_poll")
    make_tables(url)
    async with opened(tmp_path, url) as desk:
        process = await desk.start(*POLL, "--every", "1s", "--json")

        async def told() -> dict[str, Any]:
            line: dict[str, Any] = json.loads(await process.stdout.readline())
            return line

        assert (await told())["event"] == "round"
        await asyncio.to_thread(private_postgres.kill)
        async with asyncio.timeout(60):
            while (line := await told())["event"] != "failed":
                pass
            assert "journal" in line["message"]
            await asyncio.to_thread(private_postgres.start)
            while (line := await told())["event"] != "round":
                pass
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


async def test_what_it_settles_is_handed_over_by_the_application(desk):
    heard: asyncio.Queue[PaymentEvent] = asyncio.Queue()
    async with PaymentOptions(**desk.keys, on_payment=heard.put):
        [payment] = await desk.begin("pending")
        await desk.sandbox.advance(61)
        assert (await desk.run(*POLL))[0] == 0
        async with asyncio.timeout(10):
            event = await heard.get()
    assert (event.payment.ref, event.payment.status) == (payment.ref, PaymentStatus.APPROVED)


@pytest.mark.parametrize("rate", ["20", "auto"])
async def test_no_more_leave_than_the_rate_allows(desk, rate):
    await desk.begin(*["pending"] * 10)
    code, out, _ = await desk.run(*POLL, "--rate", rate, "--json")
    told = json.loads(out)
    assert (code, told["still_open"]) == (0, 10)
    if rate == "20":
        assert told["seconds"] > 9 / 20 * 0.9


async def test_a_rate_says_what_it_needs(desk):
    await desk.begin("pending")
    without = f"import sys; sys.modules['aiolimiter'] = None; {RUN}"
    code, _, err = await desk.run(*POLL, "--rate", "5", code=without)
    assert (code, err) == (2, "Error: --rate needs aiolimiter: pip install 'paymentoptions-async[cli,reconcile]'\n")
    assert (await desk.run(*POLL, code=without))[0] == 0


async def test_whose_reader_has_gone_ends(desk):
    await desk.begin("pending")
    process = await desk.start(*POLL, "--every", "1s")
    await process.stdout.readline()
    process._transport.get_pipe_transport(1).close()
    err = await process.stderr.read()
    assert await process.wait() == 2
    assert err.decode() == "Error: Nobody reads what it says any more.\n"


async def test_on_a_terminal_it_reads_as_elsewhere(desk):
    await desk.begin("pending")
    mine, its = pty.openpty()
    process = await desk.start(*POLL, stdout=its, stderr=its, stdin=its)
    os.close(its)
    assert await process.wait() == 0
    seen = os.read(mine, 65536).decode().replace("\r", "")
    os.close(mine)
    assert seen.startswith("sandbox JP00000001: 1 open payment due\n  still open          1  asked again in a minute")
