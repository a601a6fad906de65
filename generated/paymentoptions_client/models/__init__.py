"""All models, each loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .additional_data import AdditionalData
    from .address import Address
    from .authorization_request import AuthorizationRequest
    from .authorization_v2_request import AuthorizationV2Request
    from .billing_details import BillingDetails
    from .browser_info import BrowserInfo
    from .capture_request import CaptureRequest
    from .card import Card
    from .device_details import DeviceDetails
    from .error_reply import ErrorReply
    from .gateway_response import GatewayResponse
    from .hosted_page_reply import HostedPageReply
    from .hosted_page_request import HostedPageRequest
    from .masked_card import MaskedCard
    from .merchant_details import MerchantDetails
    from .payment_data_source import PaymentDataSource
    from .payment_details import PaymentDetails
    from .payment_method import PaymentMethod
    from .payment_reply import PaymentReply
    from .payment_webhook import PaymentWebhook
    from .purchase_request import PurchaseRequest
    from .purchase_v2_request import PurchaseV2Request
    from .refund_request import RefundRequest
    from .return_url import ReturnUrl
    from .risk_details import RiskDetails
    from .subscription import Subscription
    from .subscription_list_reply import SubscriptionListReply
    from .subscription_plan import SubscriptionPlan
    from .subscription_reply import SubscriptionReply
    from .subscription_request import SubscriptionRequest
    from .subscription_terms import SubscriptionTerms
    from .subscription_transaction import SubscriptionTransaction
    from .three_d_secure_reply import ThreeDSecureReply
    from .transaction_details import TransactionDetails
    from .void_request import VoidRequest

_MODULES = {
    "AdditionalData": ".additional_data",
    "Address": ".address",
    "AuthorizationRequest": ".authorization_request",
    "AuthorizationV2Request": ".authorization_v2_request",
    "BillingDetails": ".billing_details",
    "BrowserInfo": ".browser_info",
    "CaptureRequest": ".capture_request",
    "Card": ".card",
    "DeviceDetails": ".device_details",
    "ErrorReply": ".error_reply",
    "GatewayResponse": ".gateway_response",
    "HostedPageReply": ".hosted_page_reply",
    "HostedPageRequest": ".hosted_page_request",
    "MaskedCard": ".masked_card",
    "MerchantDetails": ".merchant_details",
    "PaymentDataSource": ".payment_data_source",
    "PaymentDetails": ".payment_details",
    "PaymentMethod": ".payment_method",
    "PaymentReply": ".payment_reply",
    "PaymentWebhook": ".payment_webhook",
    "PurchaseRequest": ".purchase_request",
    "PurchaseV2Request": ".purchase_v2_request",
    "RefundRequest": ".refund_request",
    "ReturnUrl": ".return_url",
    "RiskDetails": ".risk_details",
    "Subscription": ".subscription",
    "SubscriptionListReply": ".subscription_list_reply",
    "SubscriptionPlan": ".subscription_plan",
    "SubscriptionReply": ".subscription_reply",
    "SubscriptionRequest": ".subscription_request",
    "SubscriptionTerms": ".subscription_terms",
    "SubscriptionTransaction": ".subscription_transaction",
    "ThreeDSecureReply": ".three_d_secure_reply",
    "TransactionDetails": ".transaction_details",
    "VoidRequest": ".void_request",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)


__all__ = (
    "AdditionalData",
    "Address",
    "AuthorizationRequest",
    "AuthorizationV2Request",
    "BillingDetails",
    "BrowserInfo",
    "CaptureRequest",
    "Card",
    "DeviceDetails",
    "ErrorReply",
    "GatewayResponse",
    "HostedPageReply",
    "HostedPageRequest",
    "MaskedCard",
    "MerchantDetails",
    "PaymentDataSource",
    "PaymentDetails",
    "PaymentMethod",
    "PaymentReply",
    "PaymentWebhook",
    "PurchaseRequest",
    "PurchaseV2Request",
    "RefundRequest",
    "ReturnUrl",
    "RiskDetails",
    "Subscription",
    "SubscriptionListReply",
    "SubscriptionPlan",
    "SubscriptionReply",
    "SubscriptionRequest",
    "SubscriptionTerms",
    "SubscriptionTransaction",
    "ThreeDSecureReply",
    "TransactionDetails",
    "VoidRequest",
)
