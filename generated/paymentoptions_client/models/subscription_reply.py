from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, either, integer, nothing

if TYPE_CHECKING:
    from ..models.gateway_response import GatewayResponse
    from ..models.subscription import Subscription


@define
class SubscriptionReply(Model):
    """One subscription.

    Attributes:
        success: Whether the operation succeeded.
        status_code: The HTTP status again.
        is_live: True in the live environment.
        gateway_response: The gateway's own word on the operation.
        subscription_details: A subscription.
    """

    success: bool | None | Unset = UNSET
    status_code: int | None | Unset = UNSET
    is_live: bool | None | Unset = UNSET
    gateway_response: GatewayResponse | None | Unset = UNSET
    subscription_details: Subscription | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.gateway_response import GatewayResponse
        from ..models.subscription import Subscription

        return {
            "success": ("success", either(boolean, nothing)),
            "status_code": ("status_code", either(integer, nothing)),
            "is_live": ("is_live", either(boolean, nothing)),
            "gateway_response": ("gateway_response", either(GatewayResponse.from_dict, nothing)),
            "subscription_details": ("subscription_details", either(Subscription.from_dict, nothing)),
        }
