from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from ..types import UNSET, Model, Number, Reader, Unset, boolean, integer, number, text

if TYPE_CHECKING:
    from ..models.customer import Customer
    from ..models.gateway_options import GatewayOptions
    from ..models.invoice_create_attributes_metadata import InvoiceCreateAttributesMetadata
    from ..models.invoice_create_attributes_service_fields import InvoiceCreateAttributesServiceFields
    from ..models.return_urls import ReturnUrls


@define
class InvoiceCreateAttributes(Model):
    """The invoice to create.

    Attributes:
        reference_id: The merchant's unique reference; a second invoice under it is an error.
        amount: Amount in major units.
        currency: ISO 4217 code.
        service: The payment service, for hosted cards payment_card_{currency}_hpp.
        flow: The payment flow; the reply repeats it as payment_flow.
        test_mode: True for a test payment; test and live share hosts.
        description: What is paid for.
        token: A card stored earlier; needs the customer reference it was stored for.
        customer: Who pays; a stored card belongs to one customer reference.
        gateway_options: Settings per gateway.
        return_url: Where the payer returns to; return_urls goes before it.
        return_urls: Where the payer returns to, by outcome.
        callback_url: Where changes of the invoice are posted to.
        metadata: Anything of the merchant's; given back as it was sent.
        expires: When the invoice expires, in Unix seconds.
        service_fields: What the chosen service asks for besides.
        descriptor: Text for the payer's statement.
        locale: Language of the hosted page.
    """

    reference_id: str
    amount: Number
    currency: str
    service: str
    flow: str | Unset = UNSET
    test_mode: bool | Unset = UNSET
    description: str | Unset = UNSET
    token: str | Unset = field(default=UNSET, repr=False)
    customer: Customer | Unset = UNSET
    gateway_options: GatewayOptions | Unset = UNSET
    return_url: str | Unset = field(default=UNSET, repr=False)
    return_urls: ReturnUrls | Unset = UNSET
    callback_url: str | Unset = field(default=UNSET, repr=False)
    metadata: InvoiceCreateAttributesMetadata | Unset = UNSET
    expires: int | Unset = UNSET
    service_fields: InvoiceCreateAttributesServiceFields | Unset = UNSET
    descriptor: str | Unset = UNSET
    locale: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.customer import Customer
        from ..models.gateway_options import GatewayOptions
        from ..models.invoice_create_attributes_metadata import InvoiceCreateAttributesMetadata
        from ..models.invoice_create_attributes_service_fields import InvoiceCreateAttributesServiceFields
        from ..models.return_urls import ReturnUrls

        return {
            "reference_id": ("reference_id", text),
            "amount": ("amount", number),
            "currency": ("currency", text),
            "service": ("service", text),
            "flow": ("flow", text),
            "test_mode": ("test_mode", boolean),
            "description": ("description", text),
            "token": ("token", text),
            "customer": ("customer", Customer.from_dict),
            "gateway_options": ("gateway_options", GatewayOptions.from_dict),
            "return_url": ("return_url", text),
            "return_urls": ("return_urls", ReturnUrls.from_dict),
            "callback_url": ("callback_url", text),
            "metadata": ("metadata", InvoiceCreateAttributesMetadata.from_dict),
            "expires": ("expires", integer),
            "service_fields": ("service_fields", InvoiceCreateAttributesServiceFields.from_dict),
            "descriptor": ("descriptor", text),
            "locale": ("locale", text),
        }
