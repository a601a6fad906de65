from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import Model, Reader

if TYPE_CHECKING:
    from ..models.invoice_create_data import InvoiceCreateData


@define
class InvoiceCreateRequest(Model):
    """A JSON:API document with the invoice to create.

    Attributes:
        data: The resource to create.
    """

    data: InvoiceCreateData

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.invoice_create_data import InvoiceCreateData

        return {"data": ("data", InvoiceCreateData.from_dict)}
