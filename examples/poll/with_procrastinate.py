"""A round each minute as a periodic task of Procrastinate, by whichever worker is free."""

# pip install procrastinate
# export PROCRASTINATE_DATABASE_URL=postgresql://…    # beside the application's own variables
# procrastinate --app=with_procrastinate.app schema --apply
# procrastinate --app=with_procrastinate.app worker

from __future__ import annotations

import os

from procrastinate import App, PsycopgConnector

from paymentoptions_async import PaymentOptions, Round

app = App(connector=PsycopgConnector(conninfo=os.environ["PROCRASTINATE_DATABASE_URL"]))


@app.periodic(cron="* * * * *")
@app.task(name="poll_payments", lock="poll_payments", queueing_lock="poll_payments")
async def poll_payments(timestamp: int) -> None:  # noqa: ARG001  when it was due, which changes nothing
    """Settle what the gateway has decided.

    The locks keep rounds from piling up. They are not what keeps them apart: that is done by the payments' leases.
    """
    async with PaymentOptions.from_env() as gateway:
        check(await gateway.resolve_open())


def check(found: Round) -> None:
    """Let the task fail where a person must look, so that whoever watches the workers hears of it."""
    if found.contradictions:
        raise RuntimeError(f"the gateway contradicts what was settled: {', '.join(found.contradictions)}")
