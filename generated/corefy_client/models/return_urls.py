from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, text


@define
class ReturnUrls(Model):
    """Where the payer returns to, by outcome.

    Attributes:
        success: After a successful payment.
        pending: While the outcome is open.
        fail: After a failed payment.
    """

    success: str | Unset = field(default=UNSET, repr=False)
    pending: str | Unset = field(default=UNSET, repr=False)
    fail: str | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"success": ("success", text), "pending": ("pending", text), "fail": ("fail", text)}
