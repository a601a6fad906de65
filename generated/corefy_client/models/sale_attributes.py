from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, anything, boolean, either, list_of, nothing, number, text

if TYPE_CHECKING:
    from ..models.auth_payload import AuthPayload
    from ..models.free_map import FreeMap
    from ..models.sale_stage import SaleStage


@define
class SaleAttributes(Model):
    """State of the sale.

    Attributes:
        amount: Amount in major units.
        currency: ISO 4217 code.
        service: The payment service.
        status: Where the sale stands.
        resolution: Reason of a failure, or ok.
        repeatable: True if the payer may try again.
        flow: Flow of the payment.
        auth_mode: How the payer authenticates.
        form_data: What the card page shows.
        auth_payload: Where the payer's browser goes for 3-D Secure.
        active_request: The request that is running.
        active_payment: The payment that is being tried.
    """

    amount: Number | None | Unset = UNSET
    currency: str | None | Unset = UNSET
    service: str | None | Unset = UNSET
    status: str | None | Unset = UNSET
    resolution: str | None | Unset = UNSET
    repeatable: bool | None | Unset = UNSET
    flow: str | None | Unset = UNSET
    auth_mode: str | None | Unset = UNSET
    form_data: FreeMap | list[Any] | None | Unset = UNSET
    auth_payload: AuthPayload | list[Any] | None | Unset = UNSET
    active_request: SaleStage | list[Any] | None | Unset = UNSET
    active_payment: SaleStage | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.auth_payload import AuthPayload
        from ..models.free_map import FreeMap
        from ..models.sale_stage import SaleStage

        return {
            "amount": ("amount", either(number, nothing)),
            "currency": ("currency", either(text, nothing)),
            "service": ("service", either(text, nothing)),
            "status": ("status", either(text, nothing)),
            "resolution": ("resolution", either(text, nothing)),
            "repeatable": ("repeatable", either(boolean, nothing)),
            "flow": ("flow", either(text, nothing)),
            "auth_mode": ("auth_mode", either(text, nothing)),
            "form_data": ("form_data", either(FreeMap.from_dict, list_of(anything), nothing)),
            "auth_payload": ("auth_payload", either(AuthPayload.from_dict, list_of(anything), nothing)),
            "active_request": ("active_request", either(SaleStage.from_dict, list_of(anything), nothing)),
            "active_payment": ("active_payment", either(SaleStage.from_dict, list_of(anything), nothing)),
        }
