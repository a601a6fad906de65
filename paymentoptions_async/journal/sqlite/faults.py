"""What goes wrong on the threads, as whoever waits is told of it."""

from __future__ import annotations

import traceback

import apsw

from paymentoptions_async.errors import ConfigurationError, JournalUnavailable, PaymentOptionsError

_MEANINGS: dict[type[apsw.Error], str] = {
    apsw.BusyError: "other processes kept it locked for too long; see which one holds it",
    apsw.CantOpenError: "it or a file beside it can't be opened; the process must be able to write its directory",
    apsw.CorruptError: "it is damaged; stop everything that uses it and restore a copy",
    apsw.FullError: "the disk is full, or the file has reached its largest size; make room",
    apsw.IOError: "reading or writing failed; look at the disk",
    apsw.NotADBError: "it is no SQLite database, or its beginning was overwritten; restore a copy",
    apsw.PermissionsError: "access was denied; the process must be able to write it and its directory",
    apsw.ReadOnlyError: "it is read-only; the process must be able to write it and its directory",
}


def told(path: str, error: Exception) -> Exception:
    """An exception as a waiter may have it: its own, without the thread's frames, because their locals hold tokens."""
    if isinstance(error, apsw.Error):
        return unavailable(path, error)
    if isinstance(error, PaymentOptionsError):
        return error.bare()
    if error.__traceback__ is not None:  # a mistake in a program, whose place must be found
        error.add_note("In the journal's thread:\n" + "".join(traceback.format_tb(error.__traceback__)))
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def unavailable(path: str, error: apsw.Error) -> JournalUnavailable:
    """The exception for an error of SQLite, with SQLite's own words, which hold no data."""
    meaning = next((text for kind, text in _MEANINGS.items() if isinstance(error, kind)), "SQLite refused")
    return JournalUnavailable(f"journal {path}: {meaning} ({type(error).__name__}: {error})")


def unclear(path: str, error: apsw.Error) -> JournalUnavailable:
    """The exception for a commit that failed, where the file can't be read either."""
    return JournalUnavailable(
        f"{unavailable(path, error)}. Whether it was kept can't be seen before the file can be read"
    )


def replaced(path: str) -> JournalUnavailable:
    """The exception for a file that is no longer the one that was opened."""
    return JournalUnavailable(
        f"journal {path}: it, or a file beside it, was deleted, moved or replaced while it was open, and what is "
        "written to a file without a name is forgotten. Stop all that use it, put the file back, and start anew"
    )


def refused(path: str, why: str) -> ConfigurationError:
    """The exception for a file that can't be a journal here."""
    return ConfigurationError(f"journal {path}: {why}. Nothing was sent")
