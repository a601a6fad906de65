from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, list_of

if TYPE_CHECKING:
    from ..models.included_resource import IncludedResource
    from ..models.invoice import Invoice
    from ..models.invoice_list_reply_links import InvoiceListReplyLinks
    from ..models.invoice_list_reply_meta import InvoiceListReplyMeta


@define
class InvoiceListReply(Model):
    """A JSON:API document with invoices.

    Attributes:
        data: The invoices.
        included: Related resources in full, mostly the customer.
        links: Links to other pages of the list.
        meta: Counts and the like.
    """

    data: list[Invoice]
    included: list[IncludedResource] | Unset = UNSET
    links: InvoiceListReplyLinks | Unset = UNSET
    meta: InvoiceListReplyMeta | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.included_resource import IncludedResource
        from ..models.invoice import Invoice
        from ..models.invoice_list_reply_links import InvoiceListReplyLinks
        from ..models.invoice_list_reply_meta import InvoiceListReplyMeta

        return {
            "data": ("data", list_of(Invoice.from_dict)),
            "included": ("included", list_of(IncludedResource.from_dict)),
            "links": ("links", InvoiceListReplyLinks.from_dict),
            "meta": ("meta", InvoiceListReplyMeta.from_dict),
        }
