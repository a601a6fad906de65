from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.sale_attributes import SaleAttributes


@define
class Sale(Model):
    """The sale as a resource.

    Attributes:
        type_: Type of the resource.
        id: Id of the session.
        attributes: State of the sale.
    """

    type_: str | Unset = UNSET
    id: str | Unset = UNSET
    attributes: SaleAttributes | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.sale_attributes import SaleAttributes

        return {"type_": ("type", text), "id": ("id", text), "attributes": ("attributes", SaleAttributes.from_dict)}
