"""All models, each loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auth_payload import AuthPayload
    from .card_verification import CardVerification
    from .cardgate_browser_info import CardgateBrowserInfo
    from .cardgate_options import CardgateOptions
    from .cardgate_options_theme_options import CardgateOptionsThemeOptions
    from .customer import Customer
    from .customer_address import CustomerAddress
    from .customer_metadata import CustomerMetadata
    from .error_item import ErrorItem
    from .error_message import ErrorMessage
    from .error_reply import ErrorReply
    from .error_source import ErrorSource
    from .flow_data import FlowData
    from .flow_data_metadata import FlowDataMetadata
    from .free_map import FreeMap
    from .gateway_options import GatewayOptions
    from .included_resource import IncludedResource
    from .invoice import Invoice
    from .invoice_attributes import InvoiceAttributes
    from .invoice_attributes_refunds_type_0_item import InvoiceAttributesRefundsType0Item
    from .invoice_attributes_reserves_type_0_item import InvoiceAttributesReservesType0Item
    from .invoice_create_attributes import InvoiceCreateAttributes
    from .invoice_create_attributes_metadata import InvoiceCreateAttributesMetadata
    from .invoice_create_attributes_service_fields import InvoiceCreateAttributesServiceFields
    from .invoice_create_data import InvoiceCreateData
    from .invoice_create_request import InvoiceCreateRequest
    from .invoice_list_reply import InvoiceListReply
    from .invoice_list_reply_links import InvoiceListReplyLinks
    from .invoice_list_reply_meta import InvoiceListReplyMeta
    from .invoice_payload import InvoicePayload
    from .invoice_relationships import InvoiceRelationships
    from .invoice_reply import InvoiceReply
    from .invoice_return_urls import InvoiceReturnUrls
    from .original_data import OriginalData
    from .payment_card import PaymentCard
    from .refund import Refund
    from .refund_attributes import RefundAttributes
    from .refund_data import RefundData
    from .refund_reply import RefundReply
    from .refund_request import RefundRequest
    from .refund_request_attributes import RefundRequestAttributes
    from .relationship import Relationship
    from .resource_id import ResourceId
    from .resource_links import ResourceLinks
    from .return_urls import ReturnUrls
    from .sale import Sale
    from .sale_attributes import SaleAttributes
    from .sale_data import SaleData
    from .sale_reply import SaleReply
    from .sale_request import SaleRequest
    from .sale_request_attributes import SaleRequestAttributes
    from .sale_request_attributes_google_pay import SaleRequestAttributesGooglePay
    from .sale_stage import SaleStage

_MODULES = {
    "AuthPayload": ".auth_payload",
    "CardVerification": ".card_verification",
    "CardgateBrowserInfo": ".cardgate_browser_info",
    "CardgateOptions": ".cardgate_options",
    "CardgateOptionsThemeOptions": ".cardgate_options_theme_options",
    "Customer": ".customer",
    "CustomerAddress": ".customer_address",
    "CustomerMetadata": ".customer_metadata",
    "ErrorItem": ".error_item",
    "ErrorMessage": ".error_message",
    "ErrorReply": ".error_reply",
    "ErrorSource": ".error_source",
    "FlowData": ".flow_data",
    "FlowDataMetadata": ".flow_data_metadata",
    "FreeMap": ".free_map",
    "GatewayOptions": ".gateway_options",
    "IncludedResource": ".included_resource",
    "Invoice": ".invoice",
    "InvoiceAttributes": ".invoice_attributes",
    "InvoiceAttributesRefundsType0Item": ".invoice_attributes_refunds_type_0_item",
    "InvoiceAttributesReservesType0Item": ".invoice_attributes_reserves_type_0_item",
    "InvoiceCreateAttributes": ".invoice_create_attributes",
    "InvoiceCreateAttributesMetadata": ".invoice_create_attributes_metadata",
    "InvoiceCreateAttributesServiceFields": ".invoice_create_attributes_service_fields",
    "InvoiceCreateData": ".invoice_create_data",
    "InvoiceCreateRequest": ".invoice_create_request",
    "InvoiceListReply": ".invoice_list_reply",
    "InvoiceListReplyLinks": ".invoice_list_reply_links",
    "InvoiceListReplyMeta": ".invoice_list_reply_meta",
    "InvoicePayload": ".invoice_payload",
    "InvoiceRelationships": ".invoice_relationships",
    "InvoiceReply": ".invoice_reply",
    "InvoiceReturnUrls": ".invoice_return_urls",
    "OriginalData": ".original_data",
    "PaymentCard": ".payment_card",
    "Refund": ".refund",
    "RefundAttributes": ".refund_attributes",
    "RefundData": ".refund_data",
    "RefundReply": ".refund_reply",
    "RefundRequest": ".refund_request",
    "RefundRequestAttributes": ".refund_request_attributes",
    "Relationship": ".relationship",
    "ResourceId": ".resource_id",
    "ResourceLinks": ".resource_links",
    "ReturnUrls": ".return_urls",
    "Sale": ".sale",
    "SaleAttributes": ".sale_attributes",
    "SaleData": ".sale_data",
    "SaleReply": ".sale_reply",
    "SaleRequest": ".sale_request",
    "SaleRequestAttributes": ".sale_request_attributes",
    "SaleRequestAttributesGooglePay": ".sale_request_attributes_google_pay",
    "SaleStage": ".sale_stage",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)


__all__ = (
    "AuthPayload",
    "CardgateBrowserInfo",
    "CardgateOptions",
    "CardgateOptionsThemeOptions",
    "CardVerification",
    "Customer",
    "CustomerAddress",
    "CustomerMetadata",
    "ErrorItem",
    "ErrorMessage",
    "ErrorReply",
    "ErrorSource",
    "FlowData",
    "FlowDataMetadata",
    "FreeMap",
    "GatewayOptions",
    "IncludedResource",
    "Invoice",
    "InvoiceAttributes",
    "InvoiceAttributesRefundsType0Item",
    "InvoiceAttributesReservesType0Item",
    "InvoiceCreateAttributes",
    "InvoiceCreateAttributesMetadata",
    "InvoiceCreateAttributesServiceFields",
    "InvoiceCreateData",
    "InvoiceCreateRequest",
    "InvoiceListReply",
    "InvoiceListReplyLinks",
    "InvoiceListReplyMeta",
    "InvoicePayload",
    "InvoiceRelationships",
    "InvoiceReply",
    "InvoiceReturnUrls",
    "OriginalData",
    "PaymentCard",
    "Refund",
    "RefundAttributes",
    "RefundData",
    "RefundReply",
    "RefundRequest",
    "RefundRequestAttributes",
    "Relationship",
    "ResourceId",
    "ResourceLinks",
    "ReturnUrls",
    "Sale",
    "SaleAttributes",
    "SaleData",
    "SaleReply",
    "SaleRequest",
    "SaleRequestAttributes",
    "SaleRequestAttributesGooglePay",
    "SaleStage",
)
