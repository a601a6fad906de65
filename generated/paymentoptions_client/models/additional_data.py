from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing

if TYPE_CHECKING:
    from ..models.payment_data_source import PaymentDataSource


@define
class AdditionalData(Model):
    """Anything else about the payment.

    Attributes:
        payment_data_source: Where the payment data came from.
    """

    payment_data_source: PaymentDataSource | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.payment_data_source import PaymentDataSource

        return {"payment_data_source": ("payment_data_source", either(PaymentDataSource.from_dict, nothing))}
