from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.refund_request_attributes import RefundRequestAttributes


@define
class RefundData(Model):
    """The refund to create.

    Attributes:
        type_: Type of the resource, always refund.
        attributes: What to refund.
        id: Id of the invoice.
    """

    type_: str
    attributes: RefundRequestAttributes
    id: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.refund_request_attributes import RefundRequestAttributes

        return {
            "type_": ("type", text),
            "attributes": ("attributes", RefundRequestAttributes.from_dict),
            "id": ("id", text),
        }
