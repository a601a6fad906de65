"""One of many processes on one journal: `python one_of_many.py ROLE TIMES JOURNAL …`.

Says ``ready`` when everything is imported, and begins when its stdin ends. Importing takes most of the time, so that
each can be several: it forks before it does anything.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from itertools import count

import paymentoptions_async.journal.postgres  # noqa: F401  else each would import it after its fork
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, becomes, make_intent


async def race(where: str, bank: str) -> None:
    """Pay under one key as the flow does: whoever is admitted sends, all others wait for its answer."""
    journal = open_journal(where, clock=time.time)
    owner = str(os.getpid())
    admission = await journal.admit(make_intent("race"), owner=owner, lease=LEASE)
    record = admission.record
    if admission.send:
        charge(bank, owner)
        record = await journal.change(record.ref, becomes(PaymentStatus.APPROVED, transaction_id=owner))
    while not record.payment.is_final:
        news = await journal.changed(record.ref, after=record.version, timeout=30)
        assert news is not None
        assert news.version > record.version, "nobody answered"
        record = news
    say(f"{record.payment.status} {record.payment.transaction_id}")
    await journal.aclose()


async def orders(where: str, bank: str) -> None:
    """Try to pay one order under a key of one's own."""
    journal = open_journal(where, clock=time.time)
    owner = str(os.getpid())
    try:
        await journal.admit(make_intent(owner, order="1042"), owner=owner, lease=LEASE)
    except Exception as error:  # noqa: BLE001  its name is the answer
        say(type(error).__name__)
    else:
        charge(bank, owner)
        say("admitted")
    await journal.aclose()


async def flood(where: str, name: str) -> None:
    """Pay for ever, and say of every step that it was acknowledged."""
    journal = open_journal(where, clock=time.time)
    numbers = count()

    async def buyer() -> None:
        for n in numbers:
            intent = make_intent(f"{name} {n}")
            await journal.admit(intent, owner=name, lease=LEASE)
            say(f"{intent.ref} 1")
            await journal.change(intent.ref, becomes(PaymentStatus.APPROVED, transaction_id=f"{name} {n}"))
            say(f"{intent.ref} 2")

    await asyncio.gather(*(buyer() for _ in range(20)))


async def hold(path: str, seconds: str) -> None:
    """Keep the file locked for so long, in the middle of a change."""
    journal = SqliteJournal(path)
    await journal.get("POUNKNOWN")

    def slowly(transaction: object) -> None:
        say("locked")
        time.sleep(float(seconds))

    await journal._write(slowly)
    await journal.aclose()


def charge(bank: str, who: str) -> None:
    """What must happen once."""
    with open(bank, "a", encoding="ascii") as charges:  # noqa: PTH123
        charges.write(f"{who}\n")


def say(line: str) -> None:
    """At once, and whole: this process may be killed at any time."""
    os.write(1, f"{line}\n".encode("ascii"))


if __name__ == "__main__":
    role, times, *arguments = sys.argv[1:]
    children = []
    for _ in range(int(times) - 1):
        children.append(os.fork())
        if children[-1] == 0:
            children = []
            break
    say("ready")
    sys.stdin.read()
    asyncio.run({"race": race, "orders": orders, "flood": flood, "hold": hold}[role](*arguments))
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
