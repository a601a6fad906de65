from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.payment_reply import PaymentReply
from ...types import RawReply, Readers, Response, read_reply

_READERS: Readers = ((200, 200, PaymentReply.from_dict), (0, 999, ErrorReply.from_dict))


def _get_kwargs(transaction_id: str) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/server-to-server-interface/transaction/status/{transaction_id}".format(
            transaction_id=quote(str(transaction_id), safe="")
        ),
    }
    return _kwargs


def _build_response(response: httpx.Response) -> Response[PaymentReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(transaction_id: str, *, client: AuthenticatedClient) -> Response[PaymentReply | ErrorReply]:
    """Transaction status

    Tells the outcome of one transaction.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(transaction_id=transaction_id)
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(transaction_id: str, *, client: AuthenticatedClient) -> PaymentReply | ErrorReply | RawReply:
    """Transaction status

    Tells the outcome of one transaction.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(transaction_id=transaction_id, client=client).parsed


async def asyncio_detailed(transaction_id: str, *, client: AuthenticatedClient) -> Response[PaymentReply | ErrorReply]:
    """Transaction status

    Tells the outcome of one transaction.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(transaction_id=transaction_id)
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(transaction_id: str, *, client: AuthenticatedClient) -> PaymentReply | ErrorReply | RawReply:
    """Transaction status

    Tells the outcome of one transaction.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(transaction_id=transaction_id, client=client)).parsed
