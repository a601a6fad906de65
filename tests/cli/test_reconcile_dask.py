"""`paymentoptions reconcile --dask`: what it takes, and a run on processes of its own."""

from __future__ import annotations

import os
import re
import signal
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("distributed", reason="the extra dask is not installed")

from paymentoptions_async.cli import main
from paymentoptions_async.cli import reconcile as module
from paymentoptions_async.cli.reconcile import cluster
from paymentoptions_async.reconcile import RunRefused
from paymentoptions_async.reconcile.scaleout.cluster import Cluster
from paymentoptions_async.reconcile.scaleout.local import LocalWorkers
from paymentoptions_async.reconcile.scaleout.observers import OBSERVERS, corefy, paymentoptions
from tests.cli.test_reconcile import COREFY_KEYS, KEYS
from tests.cli.test_reconcile_served import RECONCILE, opened

ADDRESS = "tcp://10.0.0.5:8786"


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Call the command; give what it says, and what it would have asked with."""
    for name, value in (KEYS | COREFY_KEYS).items():
        monkeypatch.setenv(name, value)
    called: dict[str, Any] = {}

    async def stand_in(client: Any, **how: Any) -> Any:
        called.update(how)
        raise RunRefused("far enough")

    monkeypatch.setattr(module, "reconcile", stand_in)

    def call(*words: str) -> tuple[str, Any]:
        result = CliRunner().invoke(main, ["reconcile", "ledger.csv", "--out", str(tmp_path / "run"), *words])
        assert result.exit_code == 2
        return result.output, called.get("executor")

    return call


def test_without_it_the_command_asks_itself(call):
    output, executor = call("--rate", "20")
    assert output.endswith("Error: far enough\n")
    assert executor is None


def test_a_scheduler_is_asked_for_its_workers(call):
    _, executor = call("--dask", ADDRESS, "--rate", "300", "--concurrency", "8", "--storage", "s3://bucket/x")
    assert isinstance(executor, Cluster)
    assert (executor.rate, executor.concurrency) == (300.0, 8)
    assert (executor._address, executor._storage, executor._observer) == (ADDRESS, "s3://bucket/x", paymentoptions)


def test_workers_may_be_processes_here_and_ask_corefy(call):
    _, executor = call("--dask", "local:3", "--rate", "unlimited", "--gateway", "corefy", "--storage", "answers")
    assert isinstance(executor, LocalWorkers)
    assert (executor.rate, executor._workers, executor._observer) == (None, 3, corefy)
    assert executor._at(ADDRESS)._storage == f"file://{Path('answers').absolute()}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dask", ADDRESS), "With --dask say the --rate of all workers together"),
        (("--dask", ADDRESS, "--rate", "auto"), "--rate auto watches how one process is served"),
        (("--storage", "s3://bucket"), "--storage is where the workers of --dask put"),
        (("--dask", "local:0", "--rate", "5"), "'local:0' is no scheduler; write tcp://10.0.0.5:8786, or local:2"),
        (("--dask", "nowhere", "--rate", "5"), "'nowhere' is no scheduler"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(call, words, said):
    output, executor = call(*words)
    assert executor is None
    assert said in re.sub(r"\s+", " ", output)


@pytest.mark.parametrize("address", [ADDRESS, "tls://scheduler.example.com:8786", "127.0.0.1:8786", "tcp://[::1]:8786"])
def test_addresses_are_those_of_dask(call, address):
    _, executor = call("--dask", address, "--rate", "5")
    assert executor._address == address


def test_it_says_which_extra_is_missing(call, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None if name == "distributed" else util.find_spec(name))
    output, _ = call("--dask", ADDRESS, "--rate", "5")
    assert output == "Error: --dask needs more than is installed: pip install 'paymentoptions-async[cli,dask]'\n"


@pytest.mark.parametrize("gateway", OBSERVERS)
async def test_workers_make_their_clients_from_their_own_variables(gateway, monkeypatch):
    for name, value in (KEYS | COREFY_KEYS).items():
        monkeypatch.setenv(name, value)
    async with OBSERVERS[gateway](7) as client:
        assert client.scope.split("/")[0] == gateway
        assert callable(client.observe)


async def test_processes_here_find_what_was_planted_and_mind_no_interrupt(tmp_path):
    async with opened(tmp_path, latency=0.05) as desk:
        command = (*RECONCILE, "--dask", "local:2", "--rate", "80", "--concurrency", "4")
        process = await desk.start(*command, "--json", start_new_session=True)
        assert process.stdout is not None
        line = b""
        while b'"progress"' not in line:
            line = await process.stdout.readline()
            assert line, await process.communicate()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, said = await process.communicate()
        assert process.returncode == 2
        assert b'"stopped"' in out
        assert b"Traceback" not in said
        code, _, err = await desk.run(*RECONCILE, "--dask", "local:2", "--rate", "unlimited")
        assert (code, err) == (1, "")
        assert desk.verdicts("run") == dict(desk.catalogue.counts())
