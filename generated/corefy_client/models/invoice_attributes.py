from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..types import (
    UNSET,
    Model,
    Number,
    Reader,
    Unset,
    anything,
    boolean,
    either,
    integer,
    list_of,
    nothing,
    number,
    text,
)

if TYPE_CHECKING:
    from ..models.flow_data import FlowData
    from ..models.free_map import FreeMap
    from ..models.invoice_attributes_refunds_type_0_item import InvoiceAttributesRefundsType0Item
    from ..models.invoice_attributes_reserves_type_0_item import InvoiceAttributesReservesType0Item
    from ..models.invoice_payload import InvoicePayload
    from ..models.invoice_return_urls import InvoiceReturnUrls
    from ..models.original_data import OriginalData


@define
class InvoiceAttributes(Model):
    """State of the invoice.

    Attributes:
        status: Where the invoice stands.
        serial_number: The id without its prefix.
        resolution: Reason of an error or failure; ok may stand beside any status.
        resolution_message: Text of the resolution.
        moderation_required: True while the operation waits for a person at the gateway.
        amount: Amount that was asked for, in major units.
        payment_amount: What the payer pays: deposit and fee.
        currency: ISO 4217 code of the amount.
        service_amount: Amount in the service's currency.
        payment_service_amount: What the payer pays, in the service's currency.
        service_currency: ISO 4217 code of the service.
        exchange_rate: Rate between the two currencies.
        reference_id: The merchant's reference.
        test_mode: True for a test payment.
        fee: Fee in major units.
        deposit: What the merchant receives, in major units.
        processed: When it was paid, in Unix seconds.
        processed_amount: What was paid; compare it with the amount.
        processed_fee: Fee of what was paid.
        processed_deposit: What the merchant receives of what was paid.
        refunded: When it was refunded, in Unix seconds.
        refunded_amount: What was refunded.
        refunded_fee: Fee of the refunds.
        failed: When it failed, in Unix seconds.
        charged_back: When it was charged back, in Unix seconds.
        charged_back_amount: What was charged back.
        reserved_amount: What is held back as a reserve.
        reserve_expires: When the reserve ends, in Unix seconds.
        unreserved: When the reserve ended, in Unix seconds.
        flow: Flow of the invoice; hpp where charge was sent.
        payment_flow: Flow of the payment, as it was sent.
        hpp_url: Checkout page of this invoice.
        created: When it was created, in Unix seconds.
        updated: When it last changed, in Unix seconds; orders callbacks.
        description: What is paid for.
        descriptor: Text on the payer's statement.
        callback_url: Where changes are posted to.
        return_url: Where the payer returns to.
        rrn: Retrieval reference number.
        arn: Acquirer reference number.
        approval_code: The issuer's approval code.
        source: What created the invoice.
        refunds: Refunds of this invoice.
        reserves: Reserves of this invoice.
        metadata: What the merchant sent as metadata.
        flow_data: Where the payer goes next, and the bearer for the cardgate.
        payload: What is known of the payment once a card was used.
        return_urls: Where the payer returns to, by outcome.
        original_data: What the provider behind the gateway said.
    """

    status: str
    serial_number: str | None | Unset = UNSET
    resolution: str | None | Unset = UNSET
    resolution_message: str | None | Unset = UNSET
    moderation_required: bool | None | Unset = UNSET
    amount: Number | None | Unset = UNSET
    payment_amount: Number | None | Unset = UNSET
    currency: str | Unset = UNSET
    service_amount: Number | None | Unset = UNSET
    payment_service_amount: Number | None | Unset = UNSET
    service_currency: str | None | Unset = UNSET
    exchange_rate: Number | None | Unset = UNSET
    reference_id: str | Unset = UNSET
    test_mode: bool | Unset = UNSET
    fee: Number | None | Unset = UNSET
    deposit: Number | None | Unset = UNSET
    processed: int | None | Unset = UNSET
    processed_amount: Number | None | Unset = UNSET
    processed_fee: Number | None | Unset = UNSET
    processed_deposit: Number | None | Unset = UNSET
    refunded: int | None | Unset = UNSET
    refunded_amount: Number | None | Unset = UNSET
    refunded_fee: Number | None | Unset = UNSET
    failed: int | None | Unset = UNSET
    charged_back: int | None | Unset = UNSET
    charged_back_amount: Number | None | Unset = UNSET
    reserved_amount: Number | None | Unset = UNSET
    reserve_expires: int | None | Unset = UNSET
    unreserved: int | None | Unset = UNSET
    flow: str | None | Unset = UNSET
    payment_flow: str | None | Unset = UNSET
    hpp_url: str | None | Unset = field(default=UNSET, repr=False)
    created: int | Unset = UNSET
    updated: int | Unset = UNSET
    description: str | None | Unset = UNSET
    descriptor: str | None | Unset = UNSET
    callback_url: str | None | Unset = field(default=UNSET, repr=False)
    return_url: str | None | Unset = field(default=UNSET, repr=False)
    rrn: str | None | Unset = UNSET
    arn: str | None | Unset = UNSET
    approval_code: str | None | Unset = UNSET
    source: str | None | Unset = UNSET
    refunds: list[InvoiceAttributesRefundsType0Item] | None | Unset = UNSET
    reserves: list[InvoiceAttributesReservesType0Item] | None | Unset = UNSET
    metadata: FreeMap | list[Any] | None | Unset = UNSET
    flow_data: FlowData | list[Any] | None | Unset = UNSET
    payload: InvoicePayload | list[Any] | None | Unset = UNSET
    return_urls: InvoiceReturnUrls | list[Any] | None | Unset = field(default=UNSET, repr=False)
    original_data: OriginalData | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.flow_data import FlowData
        from ..models.free_map import FreeMap
        from ..models.invoice_attributes_refunds_type_0_item import InvoiceAttributesRefundsType0Item
        from ..models.invoice_attributes_reserves_type_0_item import InvoiceAttributesReservesType0Item
        from ..models.invoice_payload import InvoicePayload
        from ..models.invoice_return_urls import InvoiceReturnUrls
        from ..models.original_data import OriginalData

        return {
            "status": ("status", text),
            "serial_number": ("serial_number", either(text, nothing)),
            "resolution": ("resolution", either(text, nothing)),
            "resolution_message": ("resolution_message", either(text, nothing)),
            "moderation_required": ("moderation_required", either(boolean, nothing)),
            "amount": ("amount", either(number, nothing)),
            "payment_amount": ("payment_amount", either(number, nothing)),
            "currency": ("currency", text),
            "service_amount": ("service_amount", either(number, nothing)),
            "payment_service_amount": ("payment_service_amount", either(number, nothing)),
            "service_currency": ("service_currency", either(text, nothing)),
            "exchange_rate": ("exchange_rate", either(number, nothing)),
            "reference_id": ("reference_id", text),
            "test_mode": ("test_mode", boolean),
            "fee": ("fee", either(number, nothing)),
            "deposit": ("deposit", either(number, nothing)),
            "processed": ("processed", either(integer, nothing)),
            "processed_amount": ("processed_amount", either(number, nothing)),
            "processed_fee": ("processed_fee", either(number, nothing)),
            "processed_deposit": ("processed_deposit", either(number, nothing)),
            "refunded": ("refunded", either(integer, nothing)),
            "refunded_amount": ("refunded_amount", either(number, nothing)),
            "refunded_fee": ("refunded_fee", either(number, nothing)),
            "failed": ("failed", either(integer, nothing)),
            "charged_back": ("charged_back", either(integer, nothing)),
            "charged_back_amount": ("charged_back_amount", either(number, nothing)),
            "reserved_amount": ("reserved_amount", either(number, nothing)),
            "reserve_expires": ("reserve_expires", either(integer, nothing)),
            "unreserved": ("unreserved", either(integer, nothing)),
            "flow": ("flow", either(text, nothing)),
            "payment_flow": ("payment_flow", either(text, nothing)),
            "hpp_url": ("hpp_url", either(text, nothing)),
            "created": ("created", integer),
            "updated": ("updated", integer),
            "description": ("description", either(text, nothing)),
            "descriptor": ("descriptor", either(text, nothing)),
            "callback_url": ("callback_url", either(text, nothing)),
            "return_url": ("return_url", either(text, nothing)),
            "rrn": ("rrn", either(text, nothing)),
            "arn": ("arn", either(text, nothing)),
            "approval_code": ("approval_code", either(text, nothing)),
            "source": ("source", either(text, nothing)),
            "refunds": ("refunds", either(list_of(InvoiceAttributesRefundsType0Item.from_dict), nothing)),
            "reserves": ("reserves", either(list_of(InvoiceAttributesReservesType0Item.from_dict), nothing)),
            "metadata": ("metadata", either(FreeMap.from_dict, list_of(anything), nothing)),
            "flow_data": ("flow_data", either(FlowData.from_dict, list_of(anything), nothing)),
            "payload": ("payload", either(InvoicePayload.from_dict, list_of(anything), nothing)),
            "return_urls": ("return_urls", either(InvoiceReturnUrls.from_dict, list_of(anything), nothing)),
            "original_data": ("original_data", either(OriginalData.from_dict, list_of(anything), nothing)),
        }
