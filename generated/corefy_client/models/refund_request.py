from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import Model, Reader

if TYPE_CHECKING:
    from ..models.refund_data import RefundData


@define
class RefundRequest(Model):
    """A JSON:API document with the refund.

    Attributes:
        data: The refund to create.
    """

    data: RefundData

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.refund_data import RefundData

        return {"data": ("data", RefundData.from_dict)}
