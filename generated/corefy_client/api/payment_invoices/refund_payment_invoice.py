from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.refund_reply import RefundReply
from ...models.refund_request import RefundRequest
from ...types import RawReply, Readers, Response, read_reply, write_json

_READERS: Readers = (
    (200, 200, RefundReply.from_dict),
    (400, 400, ErrorReply.from_dict),
    (401, 401, ErrorReply.from_dict),
    (403, 403, ErrorReply.from_dict),
    (404, 404, ErrorReply.from_dict),
    (422, 422, ErrorReply.from_dict),
    (429, 429, ErrorReply.from_dict),
    (500, 599, ErrorReply.from_dict),
)


def _get_kwargs(invoice_id: str, *, body: RefundRequest) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/payment-invoices/{invoice_id}/refund".format(invoice_id=quote(str(invoice_id), safe="")),
    }
    _kwargs["content"] = write_json(body.to_dict())
    headers["Content-Type"] = "application/json"
    _kwargs["headers"] = headers
    return _kwargs


def _build_response(response: httpx.Response) -> Response[RefundReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(
    invoice_id: str, *, client: AuthenticatedClient, body: RefundRequest
) -> Response[RefundReply | ErrorReply]:
    """Refund a payment invoice

    Give back all or a part of a paid invoice; several partial refunds may follow each other.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(invoice_id=invoice_id, body=body)
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(invoice_id: str, *, client: AuthenticatedClient, body: RefundRequest) -> RefundReply | ErrorReply | RawReply:
    """Refund a payment invoice

    Give back all or a part of a paid invoice; several partial refunds may follow each other.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(invoice_id=invoice_id, client=client, body=body).parsed


async def asyncio_detailed(
    invoice_id: str, *, client: AuthenticatedClient, body: RefundRequest
) -> Response[RefundReply | ErrorReply]:
    """Refund a payment invoice

    Give back all or a part of a paid invoice; several partial refunds may follow each other.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(invoice_id=invoice_id, body=body)
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(
    invoice_id: str, *, client: AuthenticatedClient, body: RefundRequest
) -> RefundReply | ErrorReply | RawReply:
    """Refund a payment invoice

    Give back all or a part of a paid invoice; several partial refunds may follow each other.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(invoice_id=invoice_id, client=client, body=body)).parsed
