"""A sandbox served to schemathesis, and one run of it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from paymentoptions_async.sandbox import Sandbox, serve_in_thread
from tests.crosscheck.narrowing import Json

ROOT = Path(__file__).resolve().parents[2]
SCHEMATHESIS = ROOT / ".cache" / "crosscheck" / "schemathesis" / "bin" / "st"
SEED = 1042
SECONDS = 240  # bounded by cases; a busy machine may be slow

CONFIGURATION = """
seed = {seed}
base-url = "{url}"
continue-on-failure = true
cache.enabled = false
headers = {headers}
{operations}
[generation]
max-examples = {examples}
database = "none"

[checks]
positive_data_acceptance.enabled = {must_accept}
# 406 and 412: a decline, or a state in which it can't be done. 404: an id that the data made up.
positive_data_acceptance.expected-statuses = ["2xx", "404", "406", "412"]

[phases]
examples.enabled = {beyond_chains}
coverage.enabled = {beyond_chains}
fuzzing.enabled = {beyond_chains}
stateful.enabled = {chains}
stateful.max-steps = 6
# Only the links of the document: what else it could guess starts every chain at the list of subscriptions.
stateful.inference.algorithms = []
"""


class Served:
    """A sandbox served over HTTP, and what it answered."""

    def __init__(self, sandbox: Sandbox, url: str) -> None:
        self.sandbox = sandbox
        self.url = url

    def answers(self) -> Counter[tuple[str, int]]:
        return Counter((line.endpoint, line.status) for line in self.sandbox.requests)

    def succeeded(self) -> set[str]:
        return {endpoint for endpoint, status in self.answers() if status in (200, 201)}


@pytest.fixture
def served() -> Iterator[Served]:
    async def deliver(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        return 200

    sandbox = Sandbox(seed=SEED, deliver=deliver, deliver_callback=deliver)
    with serve_in_thread(sandbox) as url:
        yield Served(sandbox, url)


@pytest.fixture
def run(served: Served, tmp_path: Path) -> Callable[..., None]:
    if not SCHEMATHESIS.exists():
        pytest.skip("schemathesis is not set up; `make crosscheck` does it")

    def run(
        document: Json,
        *,
        keys: Mapping[str, str],
        mode: str,
        examples: int,
        must_accept: bool = False,
        chains: bool = False,
        of_operations: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        configuration = CONFIGURATION.format(
            seed=SEED,
            url=served.url,
            headers=_table(keys),
            operations="".join(
                f'\n[[operations]]\ninclude-operation-id = "{name}"\nheaders = {_table(own)}\n'
                for name, own in (of_operations or {}).items()
            ),
            examples=examples,
            must_accept=str(must_accept).lower(),
            chains=str(chains).lower(),
            beyond_chains=str(not chains).lower(),
        )
        (tmp_path / "schemathesis.toml").write_text(configuration, "utf-8")
        (tmp_path / "document.json").write_text(json.dumps(document), "utf-8")
        served.sandbox.requests.clear()
        done = subprocess.run(
            [SCHEMATHESIS, "--no-color", "run", "--mode", mode, "document.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def _table(headers: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f'{name} = "{value}"' for name, value in headers.items()) + " }"
