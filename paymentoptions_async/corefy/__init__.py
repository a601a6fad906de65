"""Corefy: tokenised payment invoices, with the same safety as the first gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paymentoptions_async.corefy.values import Customer, CustomerAddress

if TYPE_CHECKING:
    from paymentoptions_async.corefy.client import Corefy

__all__ = ["Corefy", "Customer", "CustomerAddress"]


def __getattr__(name: str) -> object:
    """Load the client when it is first used: it brings the transports with it."""
    if name == "Corefy":
        from paymentoptions_async.corefy.client import Corefy

        return Corefy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
