from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, boolean, either, integer, nothing, text


@define
class ThreeDSecureReply(Model):
    """3-D Secure was started; no transaction id yet.

    Attributes:
        url: The same address again.
        status_code: The HTTP status again.
        success: True when the challenge was started; says nothing of the payment.
        redirect_url: Where the buyer's browser must be sent to authenticate.
    """

    url: str | None | Unset = field(default=UNSET, repr=False)
    status_code: int | None | Unset = UNSET
    success: bool | None | Unset = UNSET
    redirect_url: str | None | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "url": ("url", either(text, nothing)),
            "status_code": ("statusCode", either(integer, nothing)),
            "success": ("success", either(boolean, nothing)),
            "redirect_url": ("redirect_url", either(text, nothing)),
        }
