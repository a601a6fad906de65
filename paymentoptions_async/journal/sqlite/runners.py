"""What the two threads do with their jobs: one commits them in groups, the other looks up in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import randbits
from typing import Any

import apsw

from paymentoptions_async.journal.sqlite import faults
from paymentoptions_async.journal.sqlite.connecting import Opened, check_schema, hurried
from paymentoptions_async.journal.sqlite.reading import Snapshot
from paymentoptions_async.journal.sqlite.worker import Job
from paymentoptions_async.journal.sqlite.writing import Transaction


class Writer:
    """Does operations in groups, each group in one transaction: one wait for the disk makes all of it durable.

    An operation that raises fails alone. One that fails after it wrote something takes the group's transaction with
    it, and then each operation is done again in a transaction of its own.
    """

    def __init__(self, opened: Opened, clock: Callable[[], float]) -> None:
        self._opened = opened
        self._connection = opened.writer
        self._clock = clock
        self._log = _Log(opened)

    def run(self, jobs: Sequence[Job[Any]]) -> Sequence[str]:
        """Do a group of operations; return the references of the records that changed."""
        try:
            changed = self._commit(jobs)
        except _TakenBackError:
            return [ref for job in jobs for ref in self._run_alone(job)]
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            self._fail(jobs, error)
            return ()
        self._log.keep_short()
        return changed

    def close(self) -> None:
        """Close the connection. The last one of all processes empties the log and removes it."""
        with suppress(apsw.Error):  # what was committed is in the log
            self._connection.close()

    def _run_alone(self, job: Job[Any]) -> Sequence[str]:
        try:
            return self._commit([job])
        except _TakenBackError as taken_back:
            self._fail([job], taken_back.why)
        except Exception as error:  # noqa: BLE001  as above
            self._fail([job], error)
        return ()

    def _commit(self, jobs: Sequence[Job[Any]]) -> Sequence[str]:
        if not self._opened.identity.still_stands():
            raise faults.replaced(self._opened.path)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            check_schema(self._opened, self._connection)
            transaction = Transaction(self._connection, self._clock, randbits(63))
            for job in jobs:
                self._do(job, transaction)
            self._make_durable(transaction)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if not self._opened.identity.still_stands():  # replaced between the first look and the commit
            raise faults.replaced(self._opened.path)
        return transaction.changed

    def _do(self, job: Job[Any], transaction: Transaction) -> None:
        before = self._connection.total_changes()
        try:
            job.succeed(job.work(transaction))
        except Exception as error:
            if self._connection.total_changes() != before or not self._connection.in_transaction:
                raise _TakenBackError(error) from error
            self._fail([job], error)

    def _make_durable(self, transaction: Transaction) -> None:
        """Commit. Where that fails, look whether it came to be all the same."""
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            if not self._came_to_be(transaction, error):
                raise

    def _came_to_be(self, transaction: Transaction, error: apsw.Error) -> bool:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return transaction.came_to_be()
        except apsw.Error:
            raise faults.unclear(self._opened.path, error) from None

    def _fail(self, jobs: Sequence[Job[Any]], error: Exception) -> None:
        for job in jobs:
            job.fail(faults.told(self._opened.path, error))


class Reader:
    """Looks up in groups, each group in one snapshot."""

    def __init__(self, opened: Opened, clock: Callable[[], float]) -> None:
        self._opened = opened
        self._connection = opened.reader
        self._snapshot = Snapshot(opened.reader, clock)

    def run(self, jobs: Sequence[Job[Any]]) -> Sequence[str]:
        """Look up for each job. Nothing changes."""
        try:
            self._look_up(jobs)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            for job in jobs:
                job.fail(faults.told(self._opened.path, error))
        return ()

    def close(self) -> None:
        """Close the connection."""
        with suppress(apsw.Error):
            self._connection.close()

    def _look_up(self, jobs: Sequence[Job[Any]]) -> None:
        if not self._opened.identity.still_stands():
            raise faults.replaced(self._opened.path)
        self._connection.execute("BEGIN")
        try:
            check_schema(self._opened, self._connection)
            for job in jobs:
                try:
                    job.succeed(job.work(self._snapshot))
                except Exception as error:  # noqa: BLE001  as above
                    job.fail(faults.told(self._opened.path, error))
        finally:
            self._connection.execute("ROLLBACK")


class _TakenBackError(Exception):
    """An operation failed after it had written, or with it the whole transaction. ``why`` is what it raised."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


class _Log:
    """The write-ahead log. SQLite empties it by itself after every 4 MB, unless other processes read or write on."""

    _LARGEST = 32 * 2**20
    _GROWTH = 8 * 2**20

    def __init__(self, opened: Opened) -> None:
        self._connection = opened.writer
        self._file = Path(f"{opened.path}-wal")
        self._limit = self._LARGEST

    def keep_short(self) -> None:
        """Where it has grown long all the same, make the others wait until it is empty. What is in it is durable."""
        with suppress(OSError, apsw.Error):
            size = self._file.stat().st_size
            if size < self._limit:
                return
            self._limit = size + self._GROWTH
            with hurried(self._connection):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._limit = self._LARGEST
