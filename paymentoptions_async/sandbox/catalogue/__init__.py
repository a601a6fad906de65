"""Old transactions in any number, and the ledger that goes with them: for reconciliations and their benchmarks.

A `Catalogue` keeps nothing: transaction *i* is computed from the seed and *i*, and its id from *i* and back. A `Plan`
plants where the ledger and the gateway differ; `expected` says which verdict each row of the ledger deserves.
"""

from .base import COLUMNS, UNTIL, Expected
from .invoices import CorefyCatalogue
from .payments import Catalogue
from .plan import VERDICTS, Plan

__all__ = ["COLUMNS", "UNTIL", "VERDICTS", "Catalogue", "CorefyCatalogue", "Expected", "Plan"]
