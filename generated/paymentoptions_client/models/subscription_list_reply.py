from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, either, integer, list_of, nothing

if TYPE_CHECKING:
    from ..models.subscription import Subscription


@define
class SubscriptionListReply(Model):
    """All subscriptions.

    Attributes:
        success: Whether the operation succeeded.
        status_code: The HTTP status again.
        is_live: True in the live environment.
        subscription_details: The subscriptions.
    """

    success: bool | None | Unset = UNSET
    status_code: int | None | Unset = UNSET
    is_live: bool | None | Unset = UNSET
    subscription_details: list[Subscription] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.subscription import Subscription

        return {
            "success": ("success", either(boolean, nothing)),
            "status_code": ("status_code", either(integer, nothing)),
            "is_live": ("is_live", either(boolean, nothing)),
            "subscription_details": ("subscription_details", either(list_of(Subscription.from_dict), nothing)),
        }
