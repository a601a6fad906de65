"""Connections that are lost at every step, servers that restart: whatever is answered is true."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import pytest

from paymentoptions_async.admission import Admission
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.intent import Record
from paymentoptions_async.journal.postgres import PostgresJournal, connections, lanes, session
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, admitted, becomes, make_intent, make_notice, paid
from tests.support.postgres import GUARDED, PASSWORD, Cluster
from tests.support.postgres_tap import Hold, Tap, Then, until


@pytest.fixture
def journal(tapped_journal: PostgresJournal) -> PostgresJournal:
    return tapped_journal


CUTS = [Then.CUT_BEFORE, Then.CUT_AFTER]
STEPS = ["BEGIN", "LOCK", "READ", "KEEP", "COMMIT"]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)
@pytest.mark.parametrize("step", STEPS)
async def test_a_connection_that_is_lost_changes_no_admission(
    tap: Tap, journal: PostgresJournal, step: str, cut: Then
) -> None:
    tap.at(step, cut)
    admission = await journal.admit(make_intent(), owner="me", lease=LEASE)
    assert (admission.send, admission.record.owner) == (True, "me")
    assert await journal.get(make_intent().ref) == admission.record
    assert [entry.event for entry in await journal.history(make_intent().ref)] == ["opened"]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)
@pytest.mark.parametrize("step", STEPS)
async def test_a_connection_that_is_lost_loses_no_change_and_doubles_none(
    tap: Tap, journal: PostgresJournal, step: str, cut: Then
) -> None:
    await admitted(journal, make_intent())
    tap.at(step, cut)
    changed = await journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED))
    assert changed.version == 2
    assert await journal.get(make_intent().ref) == changed
    assert [entry.event for entry in await journal.history(make_intent().ref)] == ["opened", "answered"]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)
async def test_after_a_lost_commit_everyone_of_the_batch_learns_the_truth(
    tap: Tap, journal: PostgresJournal, cut: Then
) -> None:
    await paid(journal, make_intent("paid", order="paid"))
    tap.at("COMMIT", cut, cut)
    outcomes = await asyncio.gather(
        *(journal.admit(make_intent(f"{n}"), owner=f"owner {n}", lease=LEASE) for n in range(5)),
        *(journal.admit(make_intent("0"), owner=f"late {n}", lease=LEASE) for n in range(3)),
        journal.admit(make_intent("refused", order="paid"), owner="refused", lease=LEASE),
        return_exceptions=True,
    )
    told = [not isinstance(outcome, BaseException) and outcome.send for outcome in outcomes]
    assert told == [True] * 5 + [False] * 4
    for n in range(5):
        record = await journal.get(make_intent(f"{n}").ref)
        assert record is not None
        assert (record.owner, record.version) == (f"owner {n}", 1)


async def test_who_was_overtaken_after_a_commit_that_never_came_does_not_send(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal
) -> None:
    again = Hold()
    tap.at("BEGIN", None, again)
    tap.at("COMMIT", Then.CUT_BEFORE)
    mine = asyncio.create_task(journal.admit(make_intent(), owner="me", lease=LEASE))
    await again.reached.wait()
    theirs = await beside.admit(make_intent(), owner="they", lease=LEASE)
    again.go.set()
    assert theirs.send
    assert await mine == Admission(send=False, record=theirs.record)


@pytest.mark.parametrize("kind", ["admission", "change"])
async def test_a_commit_that_arrives_late_is_waited_for(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal, kind: str
) -> None:
    """The connection is lost before the COMMIT has reached the server, which still gets it."""
    late = Hold(cut=True)
    if kind == "change":
        await admitted(journal, make_intent())
    tap.at("COMMIT", late)
    tap.steps.clear()

    async def ask() -> Record:
        if kind == "change":
            return await journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED))
        admission = await journal.admit(make_intent(), owner="me", lease=LEASE)
        assert admission.send
        return admission.record

    asking = asyncio.create_task(ask())
    await late.reached.wait()
    await until(lambda: tap.steps.count("LOCK") == 3)  # one is a rehearsal
    late.go.set()
    record = await asking
    assert await beside.get(record.ref) == record
    assert len(await beside.history(record.ref)) == record.version


@pytest.mark.parametrize("silence", [Then.SILENCE_BEFORE, Then.SILENCE_AFTER], ids=lambda silence: silence.value)
@pytest.mark.parametrize("step", ["BEGIN", "LOCK", "KEEP", "COMMIT"])
async def test_a_network_that_falls_silent_is_given_up_in_time_on_both_sides(
    tap: Tap, journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch, step: str, silence: Then
) -> None:
    """Its locks too: the server ends the transaction of who says nothing."""
    monkeypatch.setattr(lanes, "TRY_TIMEOUT", 0.2)
    monkeypatch.setattr(session, "IDLE_TIMEOUT", 0.4)
    tap.drop_all()  # the next connection is told of it
    await journal.get("")
    tap.at(step, silence)
    admission = await journal.admit(make_intent(), owner="me", lease=LEASE)
    assert admission.send
    assert [entry.event for entry in await journal.history(make_intent().ref)] == ["opened"]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)
async def test_a_webhook_whose_recording_was_not_answered_is_news_once(
    tap: Tap, journal: PostgresJournal, cut: Then
) -> None:
    tap.at("NOTE", cut)
    assert await journal.note(make_notice("PO1"))
    assert not await journal.note(make_notice("PO1"))


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)
async def test_events_whose_claim_was_not_answered_are_claimed_once(
    tap: Tap, journal: PostgresJournal, cut: Then
) -> None:
    scope = make_intent().scope
    await journal.keep_events(scope)
    payment = await paid(journal, make_intent())
    tap.at("CLAIM", cut)
    [event] = await journal.claim_events(scope, owner="me", lease=60, limit=10)
    assert (event.payment, event.attempt) == (payment, 1)
    assert not await journal.claim_events(scope, owner="me", lease=60, limit=10)


async def test_lookups_are_tried_again(tap: Tap, journal: PostgresJournal) -> None:
    record = await admitted(journal, make_intent())
    tap.drop_all()
    found, followers = await asyncio.gather(journal.get(record.ref), journal.followers(record.ref))
    assert (found, list(followers)) == (record, [])


async def test_a_server_that_restarts_is_waited_for(private_postgres: Cluster) -> None:
    journal = PostgresJournal(private_postgres.url())
    await admitted(journal, make_intent())
    private_postgres.restart()
    changed = await journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED))
    assert changed.version == 2

    private_postgres.kill()
    asking = [asyncio.create_task(journal.admit(make_intent(f"{n}"), owner="me", lease=LEASE)) for n in range(20)]
    waiting = asyncio.create_task(journal.get(changed.ref))
    done, _ = await asyncio.wait({*asking, waiting}, timeout=0.2)
    assert not done
    await asyncio.to_thread(private_postgres.start)
    assert all(admission.send for admission in await asyncio.gather(*asking))
    assert await waiting == changed
    await journal.aclose()


@pytest.mark.parametrize("way", [Cluster.stop, Cluster.kill], ids=["restart", "crash"])
async def test_under_load_a_restart_loses_and_doubles_nothing(
    private_postgres: Cluster, way: Callable[[Cluster], None]
) -> None:
    journals = [PostgresJournal(private_postgres.url()) for _ in range(2)]
    paid_for: list[str] = []
    stopped = asyncio.Event()

    async def pay(worker: int) -> None:
        while not stopped.is_set():
            intent = make_intent(f"{worker}:{len(paid_for)}")
            outcomes = await asyncio.gather(*(one.admit(intent, owner=f"{id(one)}", lease=LEASE) for one in journals))
            assert [outcome.send for outcome in outcomes].count(True) == 1
            assert (await journals[0].change(intent.ref, becomes(PaymentStatus.APPROVED))).version == 2
            paid_for.append(intent.ref)

    paying = asyncio.gather(*(pay(worker) for worker in range(10)))
    for _ in range(2):
        before = len(paid_for)
        await until(partial(lambda enough: paying.done() or len(paid_for) > enough, before + 20))
        await asyncio.to_thread(way, private_postgres)
        await asyncio.to_thread(private_postgres.start)
    stopped.set()
    await paying
    for ref in paid_for:
        assert [entry.event for entry in await journals[0].history(ref)] == ["opened", "answered"]
    for journal in journals:
        await journal.aclose()


async def test_a_server_that_stays_away_is_unavailable_and_nothing_is_shown(
    private_postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = PostgresJournal(private_postgres.url(user=GUARDED, password=PASSWORD))
    await admitted(journal, make_intent())
    private_postgres.kill()
    for asking in (
        lambda: journal.admit(make_intent("2"), owner="me", lease=LEASE),
        lambda: journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED)),
        lambda: journal.get(make_intent().ref),
    ):
        monkeypatch.setattr(lanes, "PATIENCE", 1.5)
        with pytest.raises(JournalUnavailable, match=r"journal postgresql:///tmp.*(No such|refused)") as unavailable:
            await asking()
        monkeypatch.undo()
        shown = "".join(traceback.TracebackException.from_exception(unavailable.value, capture_locals=True).format())
        assert PASSWORD not in shown
        assert quote(PASSWORD) not in shown
    private_postgres.start()
    assert (await journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED))).version == 2
    await journal.aclose()


@pytest.mark.parametrize("cut", Then, ids=lambda cut: cut.value)
async def test_a_connection_that_is_lost_while_it_is_opened_is_opened_again(
    tap: Tap, schema: str, monkeypatch: pytest.MonkeyPatch, cut: Then
) -> None:
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 1.5)
    tap.at("READ", cut)
    journal = PostgresJournal(tap.url(journal_schema=schema))
    assert (await journal.admit(make_intent(), owner="me", lease=LEASE)).send
    assert tap.connections == 2
    await journal.aclose()
