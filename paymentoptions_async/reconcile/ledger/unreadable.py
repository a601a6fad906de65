"""What is raised for a ledger that can't be read as a whole. A single bad row is none of it."""

from __future__ import annotations

from paymentoptions_async.errors import ConfigurationError


class LedgerUnreadable(ConfigurationError):
    """The ledger can't be read, or lacks a column. The message says what to do, and shows no password."""
