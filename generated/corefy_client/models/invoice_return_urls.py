from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class InvoiceReturnUrls(Model):
    """Where the payer returns to, by outcome.

    Attributes:
        success: After a successful payment.
        pending: While the outcome is open.
        fail: After a failed payment.
    """

    success: str | None | Unset = field(default=UNSET, repr=False)
    pending: str | None | Unset = field(default=UNSET, repr=False)
    fail: str | None | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "success": ("success", either(text, nothing)),
            "pending": ("pending", either(text, nothing)),
            "fail": ("fail", either(text, nothing)),
        }
