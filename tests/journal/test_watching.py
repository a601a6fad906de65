from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.journal.sqlite import SqliteJournal, watching
from paymentoptions_async.journal.sqlite.watching import Watch
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import Clock, becomes, make_intent, paid

LONG = 30.0


class File:
    """A journal's file as a watch sees it. ``looks`` and ``asked`` count how often it was looked at."""

    def __init__(self) -> None:
        self.outside = 1
        self.records: dict[str, int] = {}
        self.looks = 0
        self.asked: list[int] = []
        self.is_broken = False
        self.looked = asyncio.Event()

    async def outside_version(self) -> int:
        self.looks += 1
        self.looked.set()
        if self.is_broken:
            raise JournalUnavailable("broken")
        return self.outside

    async def versions(self, refs: Iterable[str]) -> dict[str, int]:
        wanted = list(refs)
        self.asked.append(len(wanted))
        return {ref: self.records[ref] for ref in wanted if ref in self.records}

    async def next_look(self) -> None:
        self.looked.clear()
        await asyncio.wait_for(self.looked.wait(), 30)
        await asyncio.sleep(0)


@pytest.fixture
def file() -> File:
    return File()


@pytest.fixture
def watch(file: File) -> Watch:
    return Watch(file.outside_version, file.versions)


async def waits(watch: Watch, ref: str, seen: int, done: list[str]) -> None:
    with watch.waiting(ref) as waiter:
        waiter.seen = seen
        await waiter.wait(LONG)
        done.append(ref)


async def test_one_looks_for_all_and_asks_once_for_each_change(file: File, watch: Watch) -> None:
    refs = [f"PO{n}" for n in range(5000)]
    file.records = dict.fromkeys(refs, 1)
    done: list[str] = []
    tasks = [asyncio.create_task(waits(watch, ref, 1, done)) for ref in refs]
    await file.next_look()
    await file.next_look()
    await file.next_look()
    assert file.asked == [5000], "the first look can't know what came before it"
    file.outside = 2
    file.records["PO7"] = 2
    await file.next_look()
    await file.next_look()
    assert file.asked == [5000, 5000]
    assert done == ["PO7"]
    file.outside = 3  # of another record
    await file.next_look()
    await file.next_look()
    assert file.asked == [5000, 5000, 4999]
    assert done == ["PO7"]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_looks_grow_rare_and_frequent_again_after_news(
    file: File, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float) -> None:
        pauses.extend([seconds] if seconds else [])
        await sleep(0)

    file.records = {"PO1": 1, "PO2": 1}
    done: list[str] = []
    tasks = [asyncio.create_task(waits(watch, ref, 1, done)) for ref in ("PO1", "PO2")]
    monkeypatch.setattr(asyncio, "sleep", noting)
    for _ in range(12):
        await file.next_look()
    assert pauses[0] == watching.SHORTEST
    assert pauses[1:7] == pytest.approx([0.03, 0.045, 0.0675, 0.10125, 0.151875, 0.2278125])
    assert pauses[8] == watching.LONGEST
    file.outside, file.records["PO1"] = 2, 2
    del pauses[:]
    for _ in range(3):
        await file.next_look()
    assert watching.SHORTEST in pauses
    assert done == ["PO1"]
    tasks[1].cancel()
    await asyncio.wait(tasks)


async def test_nobody_looks_while_nobody_waits(file: File, watch: Watch) -> None:
    task = asyncio.create_task(waits(watch, "PO1", 1, []))
    await file.next_look()
    task.cancel()
    await asyncio.wait({task})
    looks = file.looks
    await asyncio.sleep(watching.SHORTEST * 4)
    assert file.looks == looks
    assert len(asyncio.all_tasks()) == 1


async def test_own_news_need_no_look(file: File, watch: Watch) -> None:
    done: list[str] = []
    tasks = [asyncio.create_task(waits(watch, ref, 1, done)) for ref in ("PO1", "PO1", "PO2")]
    await asyncio.sleep(0)
    watch.tell(["PO1", "PO3"])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == ["PO1", "PO1"]
    assert file.looks == 0
    tasks[2].cancel()
    await asyncio.wait(tasks)


async def test_news_between_looking_up_and_waiting_are_not_missed(watch: Watch) -> None:
    with watch.waiting("PO1") as waiter:
        watch.tell(["PO1"])
        await asyncio.wait_for(waiter.wait(LONG), 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiter.wait(LONG), 0.01)


async def test_a_journal_that_can_not_be_read_wakes_all_and_is_tried_again(file: File, watch: Watch) -> None:
    file.records = {"PO1": 1}
    done: list[str] = []
    tasks = [asyncio.create_task(waits(watch, "PO1", 1, done))]
    file.is_broken = True
    await asyncio.wait_for(tasks[0], 30)
    file.is_broken = False
    tasks.append(asyncio.create_task(waits(watch, "PO1", 1, done)))
    await file.next_look()
    file.outside, file.records["PO1"] = 2, 2
    await asyncio.wait_for(tasks[1], 30)
    assert done == ["PO1", "PO1"]


async def test_many_wait_in_one_file_and_each_hears_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    ours, theirs = SqliteJournal(path, clock=Clock()), SqliteJournal(path, clock=Clock())
    payments = await asyncio.gather(*(paid(ours, make_intent(f"{n}"), PaymentStatus.PENDING) for n in range(300)))
    waiting = [asyncio.create_task(ours.changed(payment.ref, after=2, timeout=LONG)) for payment in payments]
    await asyncio.wait(waiting, timeout=0.1)
    await asyncio.gather(*(theirs.change(payment.ref, becomes(PaymentStatus.APPROVED)) for payment in payments))
    found = await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert {record.ref for record in found if record and record.version == 3} == {p.ref for p in payments}
    await asyncio.gather(ours.aclose(), theirs.aclose())
