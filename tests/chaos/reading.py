"""The journal as a referee reads it: every payment of a client, with its history."""

from __future__ import annotations

from paymentoptions_async.door import Door
from paymentoptions_async.intent import Entry, Record


async def read_journal(door: Door) -> tuple[dict[str, Record], dict[str, tuple[Entry, ...]]]:
    """The records and histories of a client's scope, by reference."""
    journal, records = door._journal, dict[str, Record]()
    while page := await journal.records(door._scope, after=max(records, default="")):
        records |= {record.ref: record for record in page}
    return records, {ref: tuple(await journal.history(ref)) for ref in records}
