from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.cardgate_browser_info import CardgateBrowserInfo
    from ..models.sale_request_attributes_google_pay import SaleRequestAttributesGooglePay


@define
class SaleRequestAttributes(Model):
    """The card to charge; empty for the invoice's stored card.

    Attributes:
        card_number: Card number.
        card_holder: Name on the card; the customer's name if left out.
        cvv: Security code.
        exp_month: Expiry month, two digits.
        exp_year: Expiry year, two digits.
        browser_info: The payer's browser, for 3-D Secure.
        google_pay: Google Pay's payment data.
    """

    card_number: str | Unset = field(default=UNSET, repr=False)
    card_holder: str | Unset = field(default=UNSET, repr=False)
    cvv: str | Unset = field(default=UNSET, repr=False)
    exp_month: str | Unset = field(default=UNSET, repr=False)
    exp_year: str | Unset = field(default=UNSET, repr=False)
    browser_info: CardgateBrowserInfo | Unset = UNSET
    google_pay: SaleRequestAttributesGooglePay | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.cardgate_browser_info import CardgateBrowserInfo
        from ..models.sale_request_attributes_google_pay import SaleRequestAttributesGooglePay

        return {
            "card_number": ("card_number", text),
            "card_holder": ("card_holder", text),
            "cvv": ("cvv", text),
            "exp_month": ("exp_month", text),
            "exp_year": ("exp_year", text),
            "browser_info": ("browser_info", CardgateBrowserInfo.from_dict),
            "google_pay": ("google_pay", SaleRequestAttributesGooglePay.from_dict),
        }
