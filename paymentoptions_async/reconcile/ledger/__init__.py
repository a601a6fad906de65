"""A ledger, from whatever it comes: taken down as it is at one point in time, and each row checked.

`snapshot` tells the story: a source gives cells as text (`csv_file`, `parquet_file`, `query`), `names` and `words` say
what they mean, `checking` sorts the rows.

A negative amount is a refund of that amount, where the row is a refund or does not say what it is; elsewhere it is
refused. A float is taken for the decimal that it surely came from, which has 15 digits or fewer. A time without zone is
in UTC. An amount that reads as a card number is none, and free texts are masked before they are kept: so two references
that are card numbers may become one.
"""

from paymentoptions_async.reconcile.ledger.snapshot import Counts, describe, take_snapshot
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable

__all__ = ["Counts", "LedgerUnreadable", "describe", "take_snapshot"]
