from typing import Any

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.invoice_list_reply import InvoiceListReply
from ...types import RawReply, Readers, Response, read_reply

_READERS: Readers = (
    (200, 200, InvoiceListReply.from_dict),
    (400, 400, ErrorReply.from_dict),
    (401, 401, ErrorReply.from_dict),
    (403, 403, ErrorReply.from_dict),
    (429, 429, ErrorReply.from_dict),
    (500, 599, ErrorReply.from_dict),
)


def _get_kwargs() -> dict[str, Any]:

    _kwargs: dict[str, Any] = {"method": "get", "url": "/payment-invoices"}
    return _kwargs


def _build_response(response: httpx.Response) -> Response[InvoiceListReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(*, client: AuthenticatedClient) -> Response[InvoiceListReply | ErrorReply]:
    """List payment invoices

    Read the account's invoices; how to filter or page is on no page at hand.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs()
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(*, client: AuthenticatedClient) -> InvoiceListReply | ErrorReply | RawReply:
    """List payment invoices

    Read the account's invoices; how to filter or page is on no page at hand.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(client=client).parsed


async def asyncio_detailed(*, client: AuthenticatedClient) -> Response[InvoiceListReply | ErrorReply]:
    """List payment invoices

    Read the account's invoices; how to filter or page is on no page at hand.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs()
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(*, client: AuthenticatedClient) -> InvoiceListReply | ErrorReply | RawReply:
    """List payment invoices

    Read the account's invoices; how to filter or page is on no page at hand.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(client=client)).parsed
