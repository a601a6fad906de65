from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import Model, Reader, text

if TYPE_CHECKING:
    from ..models.sale_request_attributes import SaleRequestAttributes


@define
class SaleData(Model):
    """The sale.

    Attributes:
        type_: Type of the resource, always sale-operation.
        attributes: The card to charge; empty for the invoice's stored card.
    """

    type_: str
    attributes: SaleRequestAttributes

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.sale_request_attributes import SaleRequestAttributes

        return {"type_": ("type", text), "attributes": ("attributes", SaleRequestAttributes.from_dict)}
