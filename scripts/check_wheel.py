"""Build the wheel as `pip wheel .` does, install it with its own dependencies alone, and use it there.

    make wheel

First without extras: every public name, a client, and its journal in a file. Then with `cli` and `sandbox`: the
command, and the demo. Then with `reconcile`: a ledger, and its report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

USE_THE_CORE = """
import asyncio, sys
import paymentoptions_async, paymentoptions_client, corefy_client
from paymentoptions_async import *
from paymentoptions_async.journal.migrations import migrations

async def main():
    keys = dict(api_key="test-key", x_api_key="test-x-key", merchant_id="JP00000001")
    where = dict(environment="sandbox", sandbox_url="http://127.0.0.1:9", journal="journal.db")
    async with PaymentOptions(**keys, **where) as gateway:
        print(gateway, await gateway.unresolved())

asyncio.run(main())
assert migrations("sqlite") and migrations("postgres")
for module in (paymentoptions_async, paymentoptions_client, corefy_client):
    assert module.__file__.startswith(sys.prefix), module.__file__
"""

RECONCILE = """
import asyncio, math
from pathlib import Path
from paymentoptions_async import PaymentOptions
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY, Catalogue, Plan, Sandbox

async def main():
    catalogue = Catalogue(seed=1, count=200, plan=Plan.even(0.3))
    catalogue.write_ledger(Path("ledger.csv"))
    keys = dict(api_key=API_KEY, x_api_key=X_API_KEY, merchant_id=MERCHANT_ID)
    where = dict(environment="sandbox", sandbox_url="http://127.0.0.1:9")
    bank = Sandbox(catalogue=catalogue)
    async with PaymentOptions(**keys, **where, transport=bank.transport()) as gateway:
        report = await reconcile(gateway, LedgerFile(path=Path("ledger.csv")), Path("run"), rate=math.inf)
    assert report.differences and report.page.stat().st_size > 1_000_000
    print(f"reconciled {sum(report.verdicts.values())} rows, {report.differences} differences")

asyncio.run(main())
"""


def main() -> None:
    """Build, install, use; exits with the code of the first step that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", home, ROOT, cwd=home)
        (wheel,) = home.glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size // 1024} KiB")

        venv.create(home / "venv", with_pip=True)
        programs = home / "venv" / "bin"
        run(programs / "python", "-m", "pip", "install", "-q", wheel, cwd=home)
        run(programs / "python", "-W", "error", "-c", USE_THE_CORE, cwd=home)

        run(programs / "python", "-m", "pip", "install", "-q", f"{wheel}[cli,sandbox]", cwd=home)
        run(programs / "paymentoptions", "--version", cwd=home)
        run(programs / "paymentoptions", "sandbox", "--help", cwd=home)
        run(programs / "python", "-W", "error", ROOT / "examples" / "demo.py", cwd=home)

        run(programs / "python", "-m", "pip", "install", "-q", f"{wheel}[cli,reconcile]", cwd=home)
        run(programs / "paymentoptions", "reconcile", "--help", cwd=home)
        run(programs / "python", "-c", RECONCILE, cwd=home)


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command away from the checkout; what it prints is shown, and its failure ends the program."""
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=quiet, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
