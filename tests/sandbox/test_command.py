from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys

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
