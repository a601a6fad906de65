from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import Model, Reader

if TYPE_CHECKING:
    from ..models.sale_data import SaleData


@define
class SaleRequest(Model):
    """A JSON:API document with the sale.

    Attributes:
        data: The sale.
    """

    data: SaleData

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.sale_data import SaleData

        return {"data": ("data", SaleData.from_dict)}
