from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.invoice_create_attributes import InvoiceCreateAttributes


@define
class InvoiceCreateData(Model):
    """The resource to create.

    Attributes:
        type_: Type of the resource, always payment-invoices.
        attributes: The invoice to create.
        callback_url: The place that one page shows for the callback URL; all others have it among the
            attributes.
    """

    type_: str
    attributes: InvoiceCreateAttributes
    callback_url: str | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.invoice_create_attributes import InvoiceCreateAttributes

        return {
            "type_": ("type", text),
            "attributes": ("attributes", InvoiceCreateAttributes.from_dict),
            "callback_url": ("callback_url", text),
        }
