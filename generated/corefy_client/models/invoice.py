from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.invoice_attributes import InvoiceAttributes
    from ..models.invoice_relationships import InvoiceRelationships
    from ..models.resource_links import ResourceLinks


@define
class Invoice(Model):
    """A payment invoice.

    Attributes:
        type_: Type of the resource.
        id: Id of the invoice: cpi_ and 16 characters.
        attributes: State of the invoice.
        relationships: Resources that belong to it.
        links: Links of the resource.
    """

    type_: str
    id: str
    attributes: InvoiceAttributes
    relationships: InvoiceRelationships | Unset = UNSET
    links: ResourceLinks | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.invoice_attributes import InvoiceAttributes
        from ..models.invoice_relationships import InvoiceRelationships
        from ..models.resource_links import ResourceLinks

        return {
            "type_": ("type", text),
            "id": ("id", text),
            "attributes": ("attributes", InvoiceAttributes.from_dict),
            "relationships": ("relationships", InvoiceRelationships.from_dict),
            "links": ("links", ResourceLinks.from_dict),
        }
