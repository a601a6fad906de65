from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, either, integer, nothing, text

if TYPE_CHECKING:
    from ..models.gateway_response import GatewayResponse
    from ..models.merchant_details import MerchantDetails
    from ..models.payment_details import PaymentDetails
    from ..models.risk_details import RiskDetails
    from ..models.subscription import Subscription
    from ..models.transaction_details import TransactionDetails


@define
class PaymentReply(Model):
    """The envelope that answers payments and their follow-ups.

    Attributes:
        success: Whether the operation succeeded.
        status_code: The HTTP status again.
        is_live: True in the live environment.
        transaction_type: Kind of transaction; a purchase is a CAPTURE.
        gateway_response: The gateway's own word on the operation.
        merchant_details: The merchant and the request's origin.
        payment_details: Amount, acquirer's answer and card.
        transaction_details: Identity of the transaction.
        riskdetails: The risk check.
        risk_details: The risk check.
        subscription_details: subscription_details
    """

    success: bool | None | Unset = UNSET
    status_code: int | None | Unset = UNSET
    is_live: bool | None | Unset = UNSET
    transaction_type: str | None | Unset = UNSET
    gateway_response: GatewayResponse | None | Unset = UNSET
    merchant_details: MerchantDetails | None | Unset = UNSET
    payment_details: PaymentDetails | None | Unset = UNSET
    transaction_details: TransactionDetails | None | Unset = UNSET
    riskdetails: RiskDetails | None | Unset = UNSET
    risk_details: RiskDetails | None | Unset = UNSET
    subscription_details: Subscription | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.gateway_response import GatewayResponse
        from ..models.merchant_details import MerchantDetails
        from ..models.payment_details import PaymentDetails
        from ..models.risk_details import RiskDetails
        from ..models.subscription import Subscription
        from ..models.transaction_details import TransactionDetails

        return {
            "success": ("success", either(boolean, nothing)),
            "status_code": ("status_code", either(integer, nothing)),
            "is_live": ("is_live", either(boolean, nothing)),
            "transaction_type": ("transaction_type", either(text, nothing)),
            "gateway_response": ("gateway_response", either(GatewayResponse.from_dict, nothing)),
            "merchant_details": ("merchant_details", either(MerchantDetails.from_dict, nothing)),
            "payment_details": ("payment_details", either(PaymentDetails.from_dict, nothing)),
            "transaction_details": ("transaction_details", either(TransactionDetails.from_dict, nothing)),
            "riskdetails": ("risk-details", either(RiskDetails.from_dict, nothing)),
            "risk_details": ("risk_details", either(RiskDetails.from_dict, nothing)),
            "subscription_details": ("subscription_details", either(Subscription.from_dict, nothing)),
        }
