"""Corefy: tokenised payment invoices, with the same safety as the first gateway."""

from paymentoptions_async.corefy.client import Corefy
from paymentoptions_async.corefy.values import Customer, CustomerAddress

__all__ = ["Corefy", "Customer", "CustomerAddress"]
