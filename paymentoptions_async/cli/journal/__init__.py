"""`paymentoptions journal`: look into the journal, and settle what only a person can know. Needs no API keys.

Safe beside a running application: it uses the same journal, by the same rules, and sends nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from paymentoptions_async import refs, settlement, settling
from paymentoptions_async.balance import Balance, balance_of
from paymentoptions_async.cli.failure import Failure, stop_saying
from paymentoptions_async.cli.journal import exporting, texts, views
from paymentoptions_async.cli.options import Access, Duration, Instant, journal_options
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.intent import Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Family, Payment, PaymentStatus
from paymentoptions_async.settlement import Verdict

ALL = [status.value for status in PaymentStatus]
OPEN = [status.value for status in PaymentStatus if not status.is_final]

_MANY = 1000
"""Waiting webhooks that are looked at: enough to say of each payment in a list whether one came."""


@click.group("journal")
def command() -> None:
    """Look into the journal, and settle what only a person can know.

    Needs no API keys and sends nothing. May be used while the application runs.
    """


@command.command()
@journal_options
@click.option("--kind", type=click.Choice(OPEN), help="Only what has this status.")
@click.option("--older-than", type=Duration(), default="0s", help="Only what was opened so long ago: 90s, 15m, 2h, 3d.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def unresolved(access: Access, kind: str | None, older_than: float, *, as_json: bool) -> None:
    """List what is not settled, the most urgent first.

    Exits with 0 where there is nothing, 1 where there is something, and 2 where that could not be told.
    """
    found = access.run(partial(_unresolved, scope=access.scope, kind=kind, older_than=older_than))
    if found.is_empty:  # nothing unresolved would be true, and could be the answer to a misspelt name
        raise Failure(f"The journal has no payment of {access.whose} at all. Is it the right one?")
    if as_json:
        click.echo(json.dumps([_as_open(record, found.waiting) for record in found.records], indent=2))
    elif found.records:
        console = views.open_console()
        views.show_unresolved(console, found.records, waiting=found.waiting, whose=access.whose, now=time.time())
    else:
        click.echo(f"Nothing unresolved of {access.whose}.")
    raise SystemExit(1 if found.records else 0)


@command.command()
@journal_options
@click.argument("name", metavar="REF")
def show(access: Access, name: str) -> None:
    """Tell all that is known of one payment.

    That is how it stands, its history, its webhooks, what followed it, and the balance.

    REF may also be a transaction id; or an idempotency key, where environment and merchant are known.
    """
    views.show_record(views.open_console(), access.run(partial(_look_up, name=name, access=access)), now=time.time())


@command.command()
@journal_options
@click.argument("ref", required=False)
@click.option("--happened", is_flag=True, help="The portal shows it as done.")
@click.option("--not-happened", is_flag=True, help="The portal shows nothing of it, or that it failed.")
@click.option("--abandoned", is_flag=True, help="Its buyer never came back.")
@click.option("--all-abandoned", is_flag=True, help="All that has waited for its buyer for --older-than.")
@click.option("--older-than", type=Duration(), help="With --all-abandoned: how long, for example 2d.")
@click.option("--transaction-id", help="The gateway's id of it, as the portal shows it.")
@click.option("--by", required=True, help="Who says so. Kept in the history.")
@click.option("--note", required=True, help="Why: where you looked, the ticket's number. Kept in the history.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def settle(
    access: Access, ref: str | None, *, by: str, note: str, yes: bool, transaction_id: str | None, **said: Any
) -> None:
    """Keep what a person found out, for good.

    Only for a payment that is not final. Its key never sends again. Say one of --happened, --not-happened and
    --abandoned.
    """
    try:
        by, note = settlement.check_words(by, note)
    except InvalidValue as error:
        raise click.UsageError(str(error)) from None
    verdict = _one_verdict(ref, transaction_id, **said)
    if ref is None:
        _settle_abandoned(access, older_than=said["older_than"], by=by, note=note, yes=yes)
        return
    prepare = partial(
        settling.prepare,
        scope=access.scope,
        ref=ref,
        verdict=verdict,
        by=by,
        note=note,
        transaction_id=transaction_id,
    )
    prepared = access.run(prepare)
    if not yes:
        views.show_settlement(views.open_console(), prepared, verdict, by=by, note=note, now=time.time())
        click.confirm("Settle it so?", abort=True)
    payment = access.run(partial(settling.settle, settlement=prepared))
    _say_what_is_done(f"{payment.ref} is {payment.status.name} now.")


@command.command()
@journal_options
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--since", type=Instant(), default=0.0, help="Only what changed since: 2026-01-31, or 7d for ago.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(ALL), help="Only what has it; repeatable.")
def export(access: Access, form: str, since: float, statuses: tuple[str, ...]) -> None:
    """Write all records to standard output.

    They are masked, and in the order of their references. Pages and tokens are left out. What is opened meanwhile may
    be missing.
    """
    count = access.run(partial(_export, scope=access.scope, form=form, since=since, statuses=statuses))
    click.echo(f"{count} records of {access.whose}.", err=True)


@dataclass(frozen=True, slots=True)
class _Unresolved:
    """What is not final, the references whose webhooks wait, and whether the scope has no record at all."""

    records: Sequence[Record]
    waiting: frozenset[str]
    is_empty: bool


async def _unresolved(journal: Journal, *, scope: str, kind: str | None, older_than: float) -> _Unresolved:
    status = PaymentStatus(kind) if kind is not None else None
    records = await settling.unresolved(journal, scope, kind=status, older_than=older_than)
    notices = await journal.waiting_notices(scope, limit=_MANY)
    is_empty = not records and not await journal.records(scope, limit=1)
    return _Unresolved(records, frozenset(notice.ref for notice in notices), is_empty)


def _as_open(record: Record, waiting: frozenset[str]) -> dict[str, Any]:
    urgency = settling.Urgency.of(record.payment).name.lower()
    told = {"urgency": urgency, "why": texts.why_open(record)}
    by = texts.settled_by(record, webhook_waits=record.ref in waiting)
    return {**exporting.as_object(record), **told, "settled_by": by}


async def _look_up(journal: Journal, *, name: str, access: Access) -> views.Found:
    record = await _find(journal, name, access)
    return views.Found(
        record=record,
        history=await journal.history(record.ref),
        notices=await journal.notices(record.ref),
        followers=(followers := await journal.followers(record.ref)),
        balance=_balance(record.payment, followers),
    )


async def _find(journal: Journal, name: str, access: Access) -> Record:
    """A record by reference, transaction id or idempotency key, in this order."""
    if not refs.may_be_ref(name):
        raise Failure("That reads as a card number or a secret, and no payment is called so.")
    record = await journal.get(name) or await journal.find(name) or await journal.find(name.lower())
    if record is not None:
        return record
    under_key = [found for ref in _refs_of_key(name, access) if (found := await journal.get(ref)) is not None]
    if len(under_key) > 1:
        named = "".join(f"\n  {record.ref}  {texts.what(record.intent)}" for record in under_key)
        raise Failure(f"Several operations have this key. Say which:{named}")
    if under_key:
        return under_key[0]
    orphans = await journal.notices(name)
    if orphans:
        raise Failure(
            f"The journal has no payment {texts.plain(name)}, but {len(orphans)} webhooks for it: it was made with "
            "another journal, or its record is lost. Look it up in the portal."
        )
    key = "" if access.whose else " For an idempotency key pass --environment and --merchant."
    raise Failure(f"The journal has no payment {texts.plain(name)}.{key}")


def _refs_of_key(key: str, access: Access) -> list[str]:
    if access.whose is None:
        return []
    assert access.environment is not None
    assert access.merchant is not None
    make = partial(refs.make_ref, gateway=access.gateway, environment=access.environment, merchant_id=access.merchant)
    return [make(family=family, idempotency_key=key) for family in Family]


def _balance(payment: Payment, followers: Sequence[Record]) -> Balance | None:
    """What was captured and given back, of what can be."""
    may_be_followed = payment.operation.family not in (Family.VOID, Family.REFUND)
    return balance_of(payment, followers) if may_be_followed and payment.status.took_money else None


def _one_verdict(
    ref: str | None,
    transaction_id: str | None,
    *,
    older_than: float | None,
    all_abandoned: bool,
    **said: bool,
) -> Verdict:
    """The verdict of the options, or a usage error where they do not belong together."""
    verdicts = [Verdict(name) for name, is_said in said.items() if is_said]
    if all_abandoned:
        if ref is not None or verdicts or transaction_id is not None:
            raise click.UsageError("--all-abandoned settles many at once: pass neither REF nor another verdict.")
        if older_than is None:
            raise click.UsageError("How long have they waited? Pass --older-than, for example 2d.")
        return Verdict.ABANDONED
    if ref is None:
        raise click.UsageError("Which payment? Pass its REF, or --all-abandoned.")
    if older_than is not None:
        raise click.UsageError("--older-than belongs to --all-abandoned.")
    if len(verdicts) != 1:
        raise click.UsageError("What became of it? Pass one of --happened, --not-happened and --abandoned.")
    if transaction_id is not None and verdicts != [Verdict.HAPPENED]:
        raise click.UsageError("--transaction-id belongs to --happened.")
    return verdicts[0]


def _settle_abandoned(access: Access, *, older_than: float, by: str, note: str, yes: bool) -> None:
    waiting = PaymentStatus.ACTION_REQUIRED
    records = access.run(partial(settling.unresolved, scope=access.scope, kind=waiting, older_than=older_than))
    if not records:
        click.echo(f"Nothing of {access.whose} has waited so long.")
        return
    if not yes:
        views.show_abandoned(views.open_console(), records, by=by, note=note, now=time.time())
        click.confirm(f"Settle these {len(records)} as abandoned?", abort=True)
    closed = access.run(partial(settling.settle_abandoned, records=records, by=by, note=note))
    changed = len(records) - len(closed)
    left = f" {changed} changed meanwhile and were left." if changed else ""
    _say_what_is_done(f"{len(closed)} are EXPIRED now.{left}")


def _say_what_is_done(words: str) -> None:
    """Say it; where nobody reads that, it is done all the same, and the exit code must not deny it."""
    try:
        click.echo(words)
    except BrokenPipeError:
        stop_saying()


_WRITERS: dict[str, tuple[str, Callable[[Iterable[Record]], str]]] = {
    "csv": (exporting.csv_heading(), exporting.csv_lines),
    "jsonl": ("", exporting.jsonl),
}


async def _export(journal: Journal, *, scope: str, form: str, since: float, statuses: tuple[str, ...]) -> int:
    heading, write = _WRITERS[form]
    click.echo(heading, nl=False)
    count = 0
    async for records in exporting.pages(journal, scope, since=since, statuses=statuses):
        click.echo(write(records), nl=False)
        count += len(records)
    return count
