from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, list_of

if TYPE_CHECKING:
    from ..models.included_resource import IncludedResource
    from ..models.invoice import Invoice


@define
class InvoiceReply(Model):
    """A JSON:API document with one invoice.

    Attributes:
        data: A payment invoice.
        included: Related resources in full, mostly the customer.
    """

    data: Invoice
    included: list[IncludedResource] | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.included_resource import IncludedResource
        from ..models.invoice import Invoice

        return {"data": ("data", Invoice.from_dict), "included": ("included", list_of(IncludedResource.from_dict))}
