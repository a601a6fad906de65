from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient
from ...models.error_reply import ErrorReply
from ...models.subscription_reply import SubscriptionReply
from ...types import RawReply, Readers, Response, read_reply

_READERS: Readers = ((200, 200, SubscriptionReply.from_dict), (0, 999, ErrorReply.from_dict))


def _get_kwargs(subscription_id: str) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/server-to-server-interface/subscription/{subscription_id}/cancel".format(
            subscription_id=quote(str(subscription_id), safe="")
        ),
    }
    return _kwargs


def _build_response(response: httpx.Response) -> Response[SubscriptionReply | ErrorReply]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=read_reply(response.status_code, response.content, _READERS),
    )


def sync_detailed(subscription_id: str, *, client: AuthenticatedClient) -> Response[SubscriptionReply | ErrorReply]:
    """Cancel a subscription

    Ends the subscription for good.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(subscription_id=subscription_id)
    return _build_response(client.get_httpx_client().request(**kwargs))


def sync(subscription_id: str, *, client: AuthenticatedClient) -> SubscriptionReply | ErrorReply | RawReply:
    """Cancel a subscription

    Ends the subscription for good.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return sync_detailed(subscription_id=subscription_id, client=client).parsed


async def asyncio_detailed(
    subscription_id: str, *, client: AuthenticatedClient
) -> Response[SubscriptionReply | ErrorReply]:
    """Cancel a subscription

    Ends the subscription for good.

    Gives what the gateway answered, with its status and headers; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    kwargs = _get_kwargs(subscription_id=subscription_id)
    return _build_response(await client.get_async_httpx_client().request(**kwargs))


async def asyncio(subscription_id: str, *, client: AuthenticatedClient) -> SubscriptionReply | ErrorReply | RawReply:
    """Cancel a subscription

    Ends the subscription for good.

    Gives what the gateway answered, read by its status; a RawReply when that is not of the specified form.
    Raises httpx.TransportError (timeouts included) when no whole answer came: the request may have been carried out all the same.
    """
    return (await asyncio_detailed(subscription_id=subscription_id, client=client)).parsed
