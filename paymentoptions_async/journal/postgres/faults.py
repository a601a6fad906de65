"""What the errors of a database mean, and what is done about them.

The words are those of the server, or ours: never a detail, a hint or an argument, which could hold what is kept.
"""

from __future__ import annotations

from enum import Enum

from asyncpg import ClientConfigurationError, InterfaceError, InternalClientError  # type: ignore[import-untyped]  # it has none

from paymentoptions_async.errors import JournalUnavailable


class Kind(Enum):
    """Whether another try may help."""

    PASSING = "passing"
    """It may work in a moment, perhaps over another connection."""
    LASTING = "lasting"
    """It will not, until something is put right."""
    SETTING = "setting"
    """As LASTING, and the setting is to blame: the URL, the role and its rights, the server's settings."""


class Fault(Exception):
    """Why something did not work, in words that may be shown."""

    def __init__(self, words: str, kind: Kind = Kind.PASSING) -> None:
        super().__init__(words)
        self.words = words
        self.kind = kind


_PASSING = ("08", "40", "53", "57", "58", "25006", "25P03", "55P03", "23505")
"""SQLSTATEs, or their classes: no connection, deadlocks, out of something, shutting down or cancelled, a broken disk;
now read-only, idle in a transaction for too long, no lock in time; and a row that another process wrote meanwhile."""

_SETTING = {
    "28": "the server refused the role or its password",
    "3D": "there is no such database",
    "3F": "there is no such schema",
    "42501": "the role lacks a right",
    "26": "the server forgot a prepared statement: a pooler in between must pool sessions, not transactions",
}


def fault_of(error: Exception) -> Fault:
    """What an error means. Where the server said nothing, its class must do: its text may show what was sent."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, JournalUnavailable):  # what is kept can't be read
        return Fault(str(error), Kind.LASTING)
    state = getattr(error, "sqlstate", None)
    said = getattr(error, "message", None)
    if state and said:
        return _told_by_server(state, said)
    if state:
        return Fault(f"{type(error).__name__}", Kind.PASSING if state.startswith("08") else Kind.LASTING)
    if isinstance(error, TimeoutError):
        return Fault("it did not answer in time")
    if isinstance(error, OSError):
        return Fault(f"{type(error).__name__}: {error}")
    if isinstance(error, ClientConfigurationError):
        return Fault("the query of its URL has something that asyncpg does not take", Kind.SETTING)
    if isinstance(error, (InterfaceError, InternalClientError)):
        return Fault(f"the connection was lost ({type(error).__name__})")
    return Fault(type(error).__name__, Kind.LASTING)


def _told_by_server(state: str, said: str) -> Fault:
    words = f"{said} (SQLSTATE {state})"
    if state.startswith(_PASSING):
        return Fault(words)
    for begin, meaning in _SETTING.items():
        if state.startswith(begin):
            return Fault(f"{meaning}: {words}", Kind.SETTING)
    return Fault(words, Kind.LASTING)
