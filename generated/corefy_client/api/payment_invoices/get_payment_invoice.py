from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.invoice_reply import InvoiceReply
from ...types import RawReply, Readers, Response, read_reply

_READERS: Readers = (
    (200, 200, InvoiceReply.from_dict),
    (400, 400, ErrorReply.from_dict),
    (401, 401, ErrorReply.from_dict),
    (403, 403, ErrorReply.from_dict),
    (404, 404, ErrorReply.from_dict),
    (429, 429, ErrorReply.from_dict),
    (500, 599, ErrorReply.from_dict),
)


def _get_kwargs(invoice_id: str) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/payment-invoices/{invoice_id}".format(invoice_id=quote(str(invoice_id), safe="")),
    }
    return _kwargs


def _build_response(response: httpx.Response) -> Response[InvoiceReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(invoice_id: str, *, client: AuthenticatedClient) -> Response[InvoiceReply | ErrorReply]:
    """Get a payment invoice

    Read an invoice with its current status.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(invoice_id=invoice_id)
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(invoice_id: str, *, client: AuthenticatedClient) -> InvoiceReply | ErrorReply | RawReply:
    """Get a payment invoice

    Read an invoice with its current status.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(invoice_id=invoice_id, client=client).parsed


async def asyncio_detailed(invoice_id: str, *, client: AuthenticatedClient) -> Response[InvoiceReply | ErrorReply]:
    """Get a payment invoice

    Read an invoice with its current status.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(invoice_id=invoice_id)
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(invoice_id: str, *, client: AuthenticatedClient) -> InvoiceReply | ErrorReply | RawReply:
    """Get a payment invoice

    Read an invoice with its current status.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(invoice_id=invoice_id, client=client)).parsed
