from typing import Any

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.invoice_create_request import InvoiceCreateRequest
from ...models.invoice_reply import InvoiceReply
from ...types import RawReply, Readers, Response, read_reply, write_json

_READERS: Readers = (
    (201, 201, InvoiceReply.from_dict),
    (400, 400, ErrorReply.from_dict),
    (401, 401, ErrorReply.from_dict),
    (403, 403, ErrorReply.from_dict),
    (422, 422, ErrorReply.from_dict),
    (429, 429, ErrorReply.from_dict),
    (500, 599, ErrorReply.from_dict),
)


def _get_kwargs(*, body: InvoiceCreateRequest) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {"method": "post", "url": "/payment-invoices"}
    _kwargs["content"] = write_json(body.to_dict())
    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def _build_response(response: httpx.Response) -> Response[InvoiceReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(*, client: AuthenticatedClient, body: InvoiceCreateRequest) -> Response[InvoiceReply | ErrorReply]:
    """Create a payment invoice

    Create an invoice to be paid on the hosted page, with a stored card, or by a cardgate sale.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(body=body)
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(*, client: AuthenticatedClient, body: InvoiceCreateRequest) -> InvoiceReply | ErrorReply | RawReply:
    """Create a payment invoice

    Create an invoice to be paid on the hosted page, with a stored card, or by a cardgate sale.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(client=client, body=body).parsed


async def asyncio_detailed(
    *, client: AuthenticatedClient, body: InvoiceCreateRequest
) -> Response[InvoiceReply | ErrorReply]:
    """Create a payment invoice

    Create an invoice to be paid on the hosted page, with a stored card, or by a cardgate sale.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(body=body)
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(*, client: AuthenticatedClient, body: InvoiceCreateRequest) -> InvoiceReply | ErrorReply | RawReply:
    """Create a payment invoice

    Create an invoice to be paid on the hosted page, with a stored card, or by a cardgate sale.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(client=client, body=body)).parsed
