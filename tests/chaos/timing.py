"""The product's patience, scaled down for the campaign's own processes.

In production an exchange goes on for 35 s and an event stays claimed for 70 s. A campaign that waited so long after
each lost answer and each killed process would prove the same things in hours. Nothing in the product switches this:
the constants are replaced from here, before a client is made.
"""

from __future__ import annotations

from paymentoptions_async import handover, policy
from paymentoptions_async.corefy import errands

FLOOR = 1.0
"""Seconds that an exchange goes on at least; instead of 35."""
LEASE = 1.6
"""Seconds after which an intent without a recorded answer is unknown, where its caller was not more patient."""
LEAST_FOR_SALE = 0.3
"""Seconds that must be left for a sale once its invoice is there; instead of 10."""
PATIENCE = 5.0
"""Seconds that a patient caller waits."""


def hasten() -> None:
    """Scale down what this process waits for."""
    vars(policy).update(EXCHANGE_FLOOR=FLOOR, LEASE_MARGIN=LEASE - FLOOR, GET_TIMEOUT=3.0)
    vars(policy).update(_BASE_DELAY=0.02, _MAX_DELAY=0.5, _FIRST_POLL=0.25, _MAX_POLL=2.0)
    vars(errands).update(LEAST_FOR_SALE=LEAST_FOR_SALE)
    vars(handover).update(HANDLER_TIMEOUT=2.0, LOOK=0.5)
