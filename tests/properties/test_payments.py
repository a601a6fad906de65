"""The promises, whatever happens in whatever order, on every journal that needs no server."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.journal.sqlite import SqliteJournal
from tests.properties.machine import Payments


class PaymentsInMemory(Payments):
    def open_journal(self) -> Journal:
        return MemoryJournal(clock=lambda: self.now)


class PaymentsOnSqlite(Payments):
    def open_journal(self) -> Journal:
        self.folder = tempfile.TemporaryDirectory()
        return SqliteJournal(Path(self.folder.name) / "journal.db", clock=lambda: self.now)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.folder.cleanup()


SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]

TestPaymentsInMemory = PaymentsInMemory.TestCase
TestPaymentsInMemory.settings = settings(max_examples=100, stateful_step_count=40, suppress_health_check=SLOW)
TestPaymentsOnSqlite = PaymentsOnSqlite.TestCase
TestPaymentsOnSqlite.settings = settings(max_examples=10, stateful_step_count=30, suppress_health_check=SLOW)
