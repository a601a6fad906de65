"""The durable record: one interface, whatever keeps it."""

from paymentoptions_async.journal.interface import Journal
from paymentoptions_async.journal.memory import MemoryJournal

__all__ = ["Journal", "MemoryJournal"]
