"""The durable record: one interface, whatever keeps it."""

from paymentoptions_async.journal.interface import Decide, Journal
from paymentoptions_async.journal.memory import MemoryJournal

__all__ = ["Decide", "Journal", "MemoryJournal"]
