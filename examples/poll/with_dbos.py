"""A round each minute as a scheduled workflow of DBOS, in one of the processes that run this program."""

# pip install dbos
# export DBOS_SYSTEM_DATABASE_URL=postgresql://…    # beside the application's own variables
# python with_dbos.py

from __future__ import annotations

import dataclasses
import os
import threading
from datetime import datetime
from typing import Any

from dbos import DBOS

from paymentoptions_async import PaymentOptions

EACH_MINUTE = "* * * * *"


@DBOS.step()
async def go_round() -> dict[str, Any]:
    """Settle what the gateway has decided. Repeated after a crash, it goes on with what is left."""
    async with PaymentOptions.from_env() as gateway:
        return dataclasses.asdict(await gateway.resolve_open())


@DBOS.workflow()
async def poll_payments(_scheduled: datetime, _context: Any) -> None:
    """One round, whose result DBOS keeps; it fails where a person must look."""
    found = await go_round()
    if found["contradictions"]:
        raise RuntimeError(f"the gateway contradicts what was settled: {', '.join(found['contradictions'])}")


def main() -> None:
    """Run until interrupted."""
    DBOS(config={"name": "poll-payments", "system_database_url": os.environ["DBOS_SYSTEM_DATABASE_URL"]})
    DBOS.launch()
    DBOS.apply_schedules(
        [{"schedule_name": "poll-payments", "workflow_fn": poll_payments, "schedule": EACH_MINUTE, "context": None}]
    )
    threading.Event().wait()


if __name__ == "__main__":
    main()
