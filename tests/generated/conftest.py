from typing import Any

import httpx
import pytest
from paymentoptions_client import AuthenticatedClient

KEYS: dict[str, Any] = {"authorization": "Basic a-secret-key", "x_api_key": "another-secret-key"}


@pytest.fixture
def answering():
    """Give a client whose server answers as told, and the list of requests that it got."""

    def make(status=200, content=b"{}", *, reply_headers=None, **more):
        requests = []

        def answer(request):
            requests.append(request)
            return httpx.Response(status, content=content, headers=reply_headers)

        transport = {"transport": httpx.MockTransport(answer)}
        client = AuthenticatedClient("https://gateway.test", **KEYS, httpx_args=transport, **more)
        return client, requests

    return make
