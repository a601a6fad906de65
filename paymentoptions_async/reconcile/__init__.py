"""Reconciliation: a ledger held against the gateway and the journal, and a report of where they differ.

One status query for each transaction is all that the gateway offers, so a run is bound by its rate: what is answered is
kept, what is confirmed need not be asked, and comparing is done afterwards, from files. `running` tells the story.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paymentoptions_async.reconcile.asking import GatewayGaveUp
    from paymentoptions_async.reconcile.database import JoinTooLarge
    from paymentoptions_async.reconcile.ledger import LedgerUnreadable
    from paymentoptions_async.reconcile.options import (
        Columns,
        Kind,
        Ledger,
        LedgerFile,
        LedgerQuery,
        Rules,
        Selection,
    )
    from paymentoptions_async.reconcile.report import Report
    from paymentoptions_async.reconcile.running import compare_again, reconcile
    from paymentoptions_async.reconcile.verdicts import Verdict
    from paymentoptions_async.reconcile.workspace import RunRefused

__all__ = [
    "Columns",
    "GatewayGaveUp",
    "JoinTooLarge",
    "Kind",
    "Ledger",
    "LedgerFile",
    "LedgerQuery",
    "LedgerUnreadable",
    "Report",
    "Rules",
    "RunRefused",
    "Selection",
    "Verdict",
    "compare_again",
    "reconcile",
]

_HOMES = {
    "asking": ("GatewayGaveUp",),
    "database": ("JoinTooLarge",),
    "ledger": ("LedgerUnreadable",),
    "options": ("Columns", "Kind", "Ledger", "LedgerFile", "LedgerQuery", "Rules", "Selection"),
    "report": ("Report",),
    "running": ("compare_again", "reconcile"),
    "verdicts": ("Verdict",),
    "workspace": ("RunRefused",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: DuckDB and pyarrow come with the extra ``reconcile``."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
