from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset

if TYPE_CHECKING:
    from ..models.relationship import Relationship


@define
class InvoiceRelationships(Model):
    """Resources that belong to it.

    Attributes:
        payment_service: The service.
        payment_method: The service.
        customer: The service.
        active_payment: The service.
    """

    payment_service: Relationship | Unset = UNSET
    payment_method: Relationship | Unset = UNSET
    customer: Relationship | Unset = UNSET
    active_payment: Relationship | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.relationship import Relationship

        return {
            "payment_service": ("payment-service", Relationship.from_dict),
            "payment_method": ("payment-method", Relationship.from_dict),
            "customer": ("customer", Relationship.from_dict),
            "active_payment": ("active-payment", Relationship.from_dict),
        }
