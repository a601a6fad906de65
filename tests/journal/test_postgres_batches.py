"""What many ask for at once is done with few statements, and is as right as if each came alone."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from dataclasses import replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has none
import pytest

from paymentoptions_async.admission import Admission
from paymentoptions_async.errors import ConfigurationError, JournalUnavailable, NotAllowed
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.journal.postgres import (
    PostgresJournal,
    connections,
    handing,
    keeping,
    noticing,
    reading,
    visiting,
    writing,
)
from paymentoptions_async.journal.postgres.desk import Desk, order_name
from paymentoptions_async.journal.postgres.faults import Fault
from paymentoptions_async.payment import Operation, PaymentStatus, Progress
from paymentoptions_async.values import Money
from tests.journal.making import LEASE, admitted, becomes, make_id, make_intent, paid
from tests.support.postgres import Cluster, new_schema
from tests.support.postgres_tap import Hold, Tap, until


@pytest.fixture
def journal(tapped_journal: PostgresJournal) -> PostgresJournal:
    return tapped_journal


async def test_what_is_asked_for_at_once_is_one_transaction_of_five_steps(tap: Tap, journal: PostgresJournal) -> None:
    intents = [make_intent(f"{n}") for n in range(50)]
    admissions = await asyncio.gather(*(journal.admit(intent, owner="me", lease=LEASE) for intent in intents))
    assert all(admission.send for admission in admissions)
    assert tap.steps == ["BEGIN", "LOCK", "READ", "KEEP", "COMMIT"]
    tap.steps.clear()
    found = await asyncio.gather(*(journal.get(intent.ref) for intent in intents))
    assert found == [admission.record for admission in admissions]
    assert tap.steps == ["GET"]


async def test_what_comes_while_the_writers_are_busy_is_the_next_batch(tap: Tap, journal: PostgresJournal) -> None:
    holds = [Hold(), Hold()]
    tap.at("COMMIT", *holds)
    asking = []
    for n, hold in enumerate(holds):
        asking.append(asyncio.create_task(journal.admit(make_intent(f"{n}"), owner="me", lease=LEASE)))
        await hold.reached.wait()
    asking += [asyncio.create_task(journal.admit(make_intent(f"next {n}"), owner="me", lease=LEASE)) for n in range(50)]
    for hold in holds:
        hold.go.set()
    assert all(admission.send for admission in await asyncio.gather(*asking))
    assert tap.steps.count("COMMIT") == 3


async def test_one_payment_at_a_time_takes_one_connection_and_many_take_three(
    tap: Tap, journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "GRACE", 10.0)  # on a busy machine telling others takes longer
    for n in range(20):
        await paid(journal, make_intent(f"{n}"))
        await journal.get(make_intent(f"{n}").ref)
    assert tap.connections == 1
    monkeypatch.undo()

    async def pay(worker: int) -> None:
        for n in range(5):
            payment = await paid(journal, make_intent(f"{worker} {n}"))
            await journal.get(payment.ref)
            await journal.notices(payment.ref)

    await asyncio.gather(*(pay(worker) for worker in range(100)))
    assert tap.connections <= connections.LIMIT


async def test_where_the_server_gives_no_more_connections_the_first_does_everything(postgres: Cluster) -> None:
    role = f"role_{secrets.token_hex(6)}"
    schema = new_schema()
    postgres.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; CREATE SCHEMA {schema} AUTHORIZATION {role}")
    journal = PostgresJournal(postgres.url(user=role, journal_schema=schema))
    await journal.get("")
    await asyncio.gather(*(paid(journal, make_intent(f"{n}")) for n in range(300)))
    await journal.aclose()


async def test_a_connection_that_nobody_uses_is_closed(
    tap: Tap, schema: str, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE", 0.05)
    journal = PostgresJournal(tap.url(journal_schema=schema))
    await journal.get("")
    await until(lambda: not tap.open)
    await admitted(journal, make_intent())
    assert tap.connections == 2
    await journal.aclose()


async def test_attempts_of_an_order_that_are_approved_at_the_same_time_see_each_other(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal
) -> None:
    first = await paid(journal, make_intent("1", order="1042"), PaymentStatus.ACTION_REQUIRED, transaction_id="t1")
    second = make_intent("2", order="1042", supersedes=first.ref)
    await paid(journal, second, PaymentStatus.ACTION_REQUIRED, transaction_id="t2")
    hold = Hold()
    tap.at("COMMIT", hold)
    one = asyncio.create_task(journal.change(first.ref, becomes(PaymentStatus.APPROVED)))
    await hold.reached.wait()
    other = asyncio.create_task(beside.change(second.ref, becomes(PaymentStatus.APPROVED)))
    done, _ = await asyncio.wait({other}, timeout=0.3)
    assert not done, "it decides when it knows of the first"
    hold.go.set()
    assert (await one).payment.duplicate_charges == ()
    assert (await other).payment.duplicate_charges == ("t1",)


async def test_even_without_the_locks_nobody_is_doubled(
    journal: PostgresJournal, beside: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_LOCK", writing._LOCK.replace("pg_advisory_xact_lock(key)", "key"))
    for n in range(12):
        intent = make_intent(f"{n}")
        admissions = await asyncio.gather(
            *(one.admit(intent, owner=f"{id(one)}", lease=LEASE) for one in (journal, beside))
        )
        assert [admission.send for admission in admissions].count(True) == 1
        assert admissions[0].record == admissions[1].record
        changed = await asyncio.gather(
            *(one.change(intent.ref, becomes(PaymentStatus.PENDING)) for one in (journal, beside, journal, beside))
        )
        assert sorted(record.version for record in changed) == [2, 3, 4, 5]
        assert len(await journal.history(intent.ref)) == 5


async def test_a_parents_transaction_that_is_learned_while_its_lock_is_waited_for_is_locked_too(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal
) -> None:
    """A refund that names the parent by its transaction looks at the same balance."""
    charge = await paid(journal, make_intent(amount=Money("1000", "JPY")), PaymentStatus.PENDING, transaction_id=None)
    transaction_id = make_id()
    learned = becomes(PaymentStatus.APPROVED, transaction_id=transaction_id)
    hold = Hold()
    tap.at("COMMIT", hold)
    learning = asyncio.create_task(journal.change(charge.ref, learned))
    await hold.reached.wait()
    refund = make_intent("r", operation=Operation.REFUND, parent=charge.ref, amount=Money("900", "JPY"))
    refunding = asyncio.create_task(beside.admit(refund, owner="me", lease=LEASE))
    done, _ = await asyncio.wait({refunding}, timeout=0.2)
    assert not done
    hold.go.set()
    await learning
    assert (await refunding).send


def test_what_is_not_locked_is_not_decided() -> None:
    charge = standing(make_intent(order="1042"), transaction_id="t1")
    refund = make_intent("r", operation=Operation.REFUND, parent=charge.ref, amount=Money("1", "JPY"))
    order = order_name(charge.intent)

    def desk(*locked: str) -> Desk:
        return Desk([charge], locked=locked, owners={}, now=0.0, make_id=str)

    with pytest.raises(Fault):
        desk(refund.ref, charge.ref).admit(refund, owner="me", lease=LEASE)
    assert desk(refund.ref, charge.ref, "t1").admit(refund, owner="me", lease=LEASE).send
    with pytest.raises(Fault):
        desk(charge.ref).change(charge.ref, becomes(PaymentStatus.APPROVED))
    assert desk(charge.ref, order).change(charge.ref, becomes(PaymentStatus.APPROVED)).version == 2


def test_what_followed_the_owner_of_a_transaction_is_read_before_it_is_decided() -> None:
    """One operation of a batch names a transaction, by which the next one names its parent."""
    charge = standing(make_intent())
    refund = make_intent("r", operation=Operation.REFUND, parent="t1", amount=Money("1", "JPY"))
    desk = Desk([charge], locked=[charge.ref, refund.ref, "t1"], owners={}, now=0.0, make_id=str)
    desk.change(charge.ref, becomes(PaymentStatus.APPROVED, transaction_id="t1"))
    with pytest.raises(Fault):
        desk.admit(refund, owner="me", lease=LEASE)
    known = standing(make_intent(), transaction_id="t1")
    desk = Desk([known], locked=[refund.ref, "t1"], owners={"t1": charge.ref}, now=0.0, make_id=str)
    with pytest.raises(Fault):
        desk.admit(refund, owner="me", lease=LEASE)


def standing(intent: Intent, **about: Any) -> Record:
    """A record as it was read."""
    payment = replace(intent.opened(), status=PaymentStatus.APPROVED, progress=Progress.ANSWERED, **about)
    return Record(intent, payment, owner="me", deadline=0.0, opened_at=0.0, changed_at=0.0, version=1)


async def test_processes_never_wait_for_each_other_in_a_circle(postgres: Cluster) -> None:
    """Batches over the same few orders and payments, in every order."""
    database = f"db_{secrets.token_hex(6)}"  # deadlocks are counted for each
    postgres.sql(f"CREATE DATABASE {database}")
    journals = [PostgresJournal(postgres.url(database=database)) for _ in range(3)]
    chance = random.Random(1)
    charges = [await paid(journals[0], make_intent(f"charge {n}", amount=Money("9000", "JPY"))) for n in range(6)]

    async def ask(number: int) -> Admission | Record:
        journal = chance.choice(journals)
        charge = chance.choice(charges)
        if chance.random() < 0.3:
            return await journal.change(
                charge.ref, becomes(PaymentStatus.APPROVED, transaction_id=charge.transaction_id)
            )
        if chance.random() < 0.5:
            intent = make_intent(f"order {number}", order=f"{chance.randrange(6)}")
        else:
            parent = chance.choice([charge.ref, charge.transaction_id])
            intent = make_intent(
                f"refund {number}", operation=Operation.REFUND, parent=parent, amount=Money("1", "JPY")
            )
        return await journal.admit(intent, owner="me", lease=LEASE)

    for start in range(0, 600, 60):
        outcomes = await asyncio.gather(*(ask(start + n) for n in range(60)), return_exceptions=True)
        assert all(isinstance(outcome, (Admission, Record, NotAllowed)) for outcome in outcomes)
    for journal in journals:
        await journal.aclose()
    assert postgres.sql(f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database}'") == "0"  # noqa: S608


async def test_a_deadlock_with_a_stranger_is_tried_again(
    tap: Tap, journal: PostgresJournal, schema: str, postgres: Cluster
) -> None:
    refs = [make_intent(f"{n}").ref for n in range(2)]
    stranger = await asyncpg.connect(postgres.url())
    first, last = [row["name"] for row in await stranger.fetch(IN_ORDER, refs, schema)]
    transaction = stranger.transaction()
    await transaction.start()
    await stranger.execute("SET LOCAL deadlock_timeout = '60s'")  # the journal is who finds out
    await stranger.fetch(LOCK_IT, last, schema)
    asking = [asyncio.create_task(journal.admit(make_intent(f"{n}"), owner="me", lease=LEASE)) for n in range(2)]
    async with asyncio.timeout(10):
        while not await stranger.fetchval(IS_WAITED):  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.01)
    await stranger.fetch(LOCK_IT, first, schema)
    await transaction.rollback()
    assert all(admission.send for admission in await asyncio.gather(*asking))
    assert tap.steps.count("BEGIN") >= 2
    await stranger.close()


IN_ORDER = "SELECT name FROM unnest($1::text[]) AS t (name) ORDER BY hashtextextended(name, hashtextextended($2, 0))"
LOCK_IT = "SELECT pg_advisory_xact_lock(hashtextextended($1, hashtextextended($2, 0)))"
IS_WAITED = """
SELECT EXISTS (
  SELECT FROM pg_locks AS waiting JOIN pg_locks AS held USING (locktype, classid, objid, objsubid)
  WHERE NOT waiting.granted AND held.pid = pg_backend_pid()
)
"""


NAMES = ["a", "b"]
STATEMENTS: dict[str, tuple[str, list[Any]]] = {
    "lock": (writing._LOCK, [NAMES, NAMES, NAMES]),
    "read": (writing._READ, [NAMES, NAMES, NAMES, NAMES]),
    "standing": (writing._STANDING, [NAMES, [1, 2], NAMES]),
    "keep": (keeping._KEEP, ["[]"] * 5),
    "get": (reading._GET, [NAMES]),
    "find": (reading._FIND, [NAMES]),
    "about": (reading._ABOUT, [NAMES, NAMES]),
    "followers": (reading._FOLLOWERS, [NAMES]),
    "history": (reading._HISTORY, [NAMES]),
    "unresolved": (reading._UNRESOLVED, ["a", 0.0, 0.0, 0, 10, False]),
    "records": (reading._RECORDS, ["a", "", 10]),
    "newer": (reading._NEWER, [NAMES, [1, 2]]),
    "whose": (noticing._WHOSE, [NAMES, NAMES, NAMES]),
    "close": (noticing._CLOSE, [NAMES, NAMES, NAMES, NAMES]),
    "notices": (noticing._NOTICES, [NAMES]),
    "waiting": (noticing._WAITING, ["a", 10]),
    "orphans": (noticing._ORPHANS, ["a", "", "", 10]),
    "claim": (handing._CLAIM, ["a", "me", 1.0, 10, "c"]),
    "close event": (handing._CLOSE, [NAMES, NAMES]),
    "take": (visiting._TAKE, ["a", 0.0, 0.0, 0, 10, "me", 1.0, "c"]),
    "put off": (visiting._PUT_OFF, [NAMES, NAMES, [1.0, 2.0]]),
    "forget": (visiting._FORGET, [NAMES, NAMES]),
    "put back": (handing._PUT_BACK, [NAMES, NAMES, [1.0, 2.0]]),
}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_no_statement_reads_a_whole_table(beside: PostgresJournal, name: str) -> None:
    """Tables are new here, and nobody has counted them: the planner knows as little as it ever will."""
    statement, values = STATEMENTS[name]
    async with beside._connections.use(until=asyncio.get_running_loop().time() + 10) as connection:
        plan = "\n".join(row["QUERY PLAN"] for row in await connection.fetch(f"EXPLAIN {statement}", *values))
    assert "Seq Scan" not in plan
    for scan in re.findall(r"(?:Index|Index Only|Bitmap Index) Scan .*\n(.*)", plan):
        assert "Index Cond" in scan, plan


async def test_what_the_database_does_not_take_fails_alone(journal: PostgresJournal) -> None:
    outcomes = await asyncio.gather(
        *(journal.admit(make_intent(f"{n}"), owner="me", lease=LEASE) for n in range(5)),
        journal.admit(make_intent("bad", order="1042\x00"), owner="me", lease=LEASE),
        journal.admit(make_intent("worse", order="\ud800"), owner="me", lease=LEASE),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Admission] * 5 + [JournalUnavailable] * 2


async def test_what_can_not_be_read_fails_alone(journal: PostgresJournal, schema: str, postgres: Cluster) -> None:
    owners = ["first", "damaged", "last"]
    records = [await admitted(journal, make_intent(owner), owner=owner) for owner in owners]
    postgres.sql("UPDATE intents SET payment = '{}' WHERE owner = 'damaged'", schema=schema)
    outcomes = await asyncio.gather(*(journal.get(record.ref) for record in records), return_exceptions=True)
    assert outcomes[::2] == records[::2]
    assert isinstance(outcomes[1], JournalUnavailable)
    assert "damaged" in str(outcomes[1])


def test_a_journal_belongs_to_one_event_loop_and_each_loop_may_have_one(postgres: Cluster, schema: str) -> None:
    url = postgres.url(journal_schema=schema)
    journals = [PostgresJournal(url) for _ in range(2)]

    async def use(journal: PostgresJournal) -> None:
        await journal.get("")
        await journal._connections.aclose()

    for journal in journals:
        asyncio.run(use(journal))
    with pytest.raises(ConfigurationError, match="event loop"):
        asyncio.run(use(journals[0]))
