from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, list_of

if TYPE_CHECKING:
    from ..models.included_resource import IncludedResource
    from ..models.refund import Refund


@define
class RefundReply(Model):
    """A JSON:API document with the refund or the invoice; two models of the reply are documented.

    Attributes:
        data: A refund as a resource of its own.
        included: Related resources in full, mostly the customer.
    """

    data: Refund
    included: list[IncludedResource] | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.included_resource import IncludedResource
        from ..models.refund import Refund

        return {"data": ("data", Refund.from_dict), "included": ("included", list_of(IncludedResource.from_dict))}
