from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, text


@define
class ReturnUrl(Model):
    """Where buyer and outcome are sent; needed for 3-D Secure.

    Attributes:
        webhook_url: Where the gateway posts the outcome.
        success_url: Where the buyer's browser is sent after an approval.
        decline_url: Where the buyer's browser is sent after a decline.
        cancel_url: Where the buyer's browser is sent after giving up.
    """

    webhook_url: str | Unset = field(default=UNSET, repr=False)
    success_url: str | Unset = field(default=UNSET, repr=False)
    decline_url: str | Unset = field(default=UNSET, repr=False)
    cancel_url: str | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "webhook_url": ("webhook_url", text),
            "success_url": ("success_url", text),
            "decline_url": ("decline_url", text),
            "cancel_url": ("cancel_url", text),
        }
