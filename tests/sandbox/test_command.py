from __future__ import annotations

import csv
import json
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from click.testing import CliRunner

from paymentoptions_async.cli import main
from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_CARDS,
    COREFY_TEST_SECRET,
    MERCHANT_ID,
    X_API_KEY,
    Traffic,
)


def test_it_serves_says_how_to_use_it_and_stops_when_interrupted(tmp_path, keys, body):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"rules": [{"on": "paymentv2", "fault": "error", "nth": 2, "status": 502}]}))
    command = [sys.executable, "-c", "from paymentoptions_async.cli import main; main()"]
    with subprocess.Popen(
        [*command, "sandbox", "--port", "0", "--faults", str(plan)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        [url] = re.findall(r"http://127\.0\.0\.1:\d+", first)
        path = f"{url}/api/v1/server-to-server-interface/paymentv2"
        statuses = [httpx.post(path, json=body(), headers=keys, trust_env=False).status_code for _ in range(2)]
        server.send_signal(signal.SIGINT)
        told = first + server.stdout.read()
    assert statuses == [201, 502]
    assert server.returncode == 0
    for wanted in (f"{url}/_sandbox/", API_KEY, X_API_KEY, MERCHANT_ID, *(card.number for card in CARDS)):
        assert wanted in told
    keys_of_corefy = (COREFY_ACCOUNT_ID, COREFY_API_KEY, COREFY_TEST_SECRET)
    for wanted in (
        f"{url}/corefy/api",
        f"{url}/corefy/cardgate",
        *keys_of_corefy,
        *(one.number for one in COREFY_CARDS),
    ):
        assert wanted in told


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com"])  # noqa: S104  refused, that is
def test_it_refuses_to_listen_elsewhere(host):
    result = CliRunner().invoke(main, ["sandbox", "--host", host, "--port", "0"])
    assert result.exit_code == 2
    assert "loopback only" in result.output


def test_it_says_when_the_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(main, ["sandbox", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "can't listen on 127.0.0.1" in result.output


def test_it_says_what_is_wrong_with_a_plan(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text('{"rules": [{"on": "paymentv2", "fault": "explode"}]}')
    result = CliRunner().invoke(main, ["sandbox", "--faults", str(plan)])
    assert result.exit_code == 2
    assert "a fault on paymentv2 is one of" in result.output


def test_help_names_the_subcommands_without_importing_them():
    code = (
        "import sys; from click.testing import CliRunner; from paymentoptions_async.cli import main;"
        "out = CliRunner().invoke(main, ['--help']).output;"
        "assert 'stand-in gateway' in out, out; assert not any('starlette' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_reach_the_sandbox(monkeypatch):
    from paymentoptions_async.cli import sandbox as module

    served = []

    async def serve(sandbox, host, port):
        served.append((sandbox.seed, sandbox.settings.echo_pan, sandbox.settings.decline_status, host, port))

    monkeypatch.setattr(module, "_serve", serve)
    options = ["--seed", "9", "--echo-pan", "--decline-status", "412", "--host", "::1", "--port", "1"]
    result = CliRunner().invoke(main, ["sandbox", *options])
    assert result.exit_code == 0, result.output
    assert served == [(9, True, 412, "::1", 1)]


def test_it_says_which_extra_is_missing():
    code = (
        "import sys; sys.modules['uvicorn'] = None; from click.testing import CliRunner;"
        "from paymentoptions_async.cli import main; print(CliRunner().invoke(main, ['sandbox']).output)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sandbox needs uvicorn: pip install 'paymentoptions-async[cli,sandbox]'" in done.stdout


def test_an_unknown_subcommand_is_refused():
    assert CliRunner().invoke(main, ["nope"]).exit_code == 2


def test_the_ledger_goes_with_the_catalogue_of_the_same_options(monkeypatch, tmp_path):
    from paymentoptions_async.cli import sandbox as module

    served = []

    async def serve(sandbox, host, port):
        served.append(sandbox)

    monkeypatch.setattr(module, "_serve", serve)
    alike = ["--seed", "7", "--discrepancies", "0.2", "--until", "2026-01-31"]
    result = CliRunner().invoke(main, ["sandbox", "--catalogue", "500", *alike])
    assert result.exit_code == 0, result.output
    for gateway, catalogue in (("paymentoptions", served[0].catalogue), ("corefy", served[0].corefy_catalogue)):
        ledger, expected = tmp_path / f"{gateway}.csv", tmp_path / f"{gateway}-expected.csv"
        command = ["sandbox", "ledger", str(ledger), "--rows", "500", *alike, "--expected", str(expected)]
        result = CliRunner().invoke(main, [*command, "--gateway", gateway])
        assert result.exit_code == 0, result.output
        rows = list(catalogue.ledger())
        assert result.output == f"{ledger}: {len(rows)} rows\n"
        with ledger.open(newline="") as file:
            assert list(csv.DictReader(file)) == rows
        with expected.open(newline="") as file:
            assert Counter(one["verdict"] for one in csv.DictReader(file)) == catalogue.counts()
        assert max(row["created_at"] for row in rows if row["created_at"] < "a") < "2026-01-31"


def test_a_catalogue_ends_today_unless_it_is_said(tmp_path):
    ledger = tmp_path / "ledger.csv"
    before = datetime.now(UTC)
    assert CliRunner().invoke(main, ["sandbox", "ledger", str(ledger), "--rows", "5000"]).exit_code == 0
    with ledger.open(newline="") as file:
        *_, last = csv.DictReader(file)
    age = before - datetime.fromisoformat(last["created_at"])
    assert timedelta(0) < age < timedelta(days=1, hours=3)


def test_what_the_sandbox_bears_comes_from_its_options(monkeypatch):
    from paymentoptions_async.cli import sandbox as module

    served = []

    async def serve(sandbox, host, port):
        served.append(sandbox)

    monkeypatch.setattr(module, "_serve", serve)
    limits = ["--limit-rate", "100", "--no-retry-after", "--latency", "0.2", "--capacity", "50"]
    result = CliRunner().invoke(main, ["sandbox", *limits, "--failing-every", "60", "--failing-for", "5"])
    assert result.exit_code == 0, result.output
    assert served[0].settings.traffic == Traffic(
        limit_rate=100, tell_retry_after=False, latency=0.2, capacity=50, failing_every=60, failing_for=5
    )
    assert served[0].catalogue is None
    result = CliRunner().invoke(main, ["sandbox", "--failing-for", "5"])
    assert (result.exit_code, "failing_for lies within failing_every" in result.output) == (2, True)


def test_options_of_the_sandbox_are_refused_where_they_would_do_nothing(tmp_path):
    result = CliRunner().invoke(main, ["sandbox", "--seed", "7", "ledger", str(tmp_path / "l.csv"), "--rows", "1"])
    assert result.exit_code == 2
    assert "--seed goes behind ledger" in result.output
    assert not (tmp_path / "l.csv").exists()


def test_it_says_where_a_ledger_cannot_be_written(tmp_path):
    result = CliRunner().invoke(main, ["sandbox", "ledger", str(tmp_path / "no" / "l.csv"), "--rows", "1"])
    assert result.exit_code == 1
    assert "can't write" in result.output
