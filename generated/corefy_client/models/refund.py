from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.refund_attributes import RefundAttributes
    from ..models.resource_links import ResourceLinks


@define
class Refund(Model):
    """A refund as a resource of its own.

    Attributes:
        type_: Type of the resource.
        id: Id of the refund: ref_ and 16 characters.
        attributes: State of the refund.
        links: Links of the resource.
    """

    type_: str
    id: str
    attributes: RefundAttributes
    links: ResourceLinks | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.refund_attributes import RefundAttributes
        from ..models.resource_links import ResourceLinks

        return {
            "type_": ("type", text),
            "id": ("id", text),
            "attributes": ("attributes", RefundAttributes.from_dict),
            "links": ("links", ResourceLinks.from_dict),
        }
