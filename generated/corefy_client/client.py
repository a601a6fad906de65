"""The connection to the gateway: address, keys, timeout."""

import base64
from typing import Any, Self

import httpx
from attrs import define, evolve, field

DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""In seconds. The gateway may take 30 for a charge, so reading waits twice that."""


@define
class AuthenticatedClient:
    """An HTTP client with the secrets that the operations need.

    Redirects are not followed. The secrets are in no `repr`. Every `with_…` method gives a new client and
    leaves this one as it was.

    Args:
        base_url: where the paths of the specification begin.
        username: user name for HTTP Basic. Account id (coma_...) as the user, API key as the password.
        password: password for HTTP Basic. Account id (coma_...) as the user, API key as the password.
        token: The token in flow_data.metadata of the invoice.
            Given are those of one of: password and username; token.
        headers: further headers for every request.
        timeout: in seconds, or an `httpx.Timeout`.
        verify_ssl: as `verify` of httpx.
        httpx_args: further arguments for `httpx.Client` and `httpx.AsyncClient`.
    """

    _base_url: str = field(alias="base_url")
    _username: str | None = field(default=None, alias="username", kw_only=True, repr=False)
    _password: str | None = field(default=None, alias="password", kw_only=True, repr=False)
    _token: str | None = field(default=None, alias="token", kw_only=True, repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)
    _timeout: httpx.Timeout | float = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: Any = field(default=True, kw_only=True, alias="verify_ssl", repr=False)
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)
    _client: httpx.Client | None = field(default=None, init=False, repr=False, eq=False)
    _async_client: httpx.AsyncClient | None = field(default=None, init=False, repr=False, eq=False)
    _set_by_hand: bool = field(default=False, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        given = {"username": self._username, "password": self._password, "token": self._token}
        if {name for name, secret in given.items() if secret is not None} not in ({"password", "username"}, {"token"}):
            raise ValueError("give the secrets of one way to sign in: password and username, or token")

    def with_headers(self, headers: dict[str, str]) -> Self:
        """Give a client like this one with these headers too."""
        return self._evolve(headers={**self._headers, **headers})

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """Give a client like this one with another timeout."""
        return self._evolve(timeout=timeout)

    def _evolve(self, **changes: Any) -> Self:
        if self._set_by_hand:
            raise RuntimeError("the settings of an httpx client that was set by hand can't be carried over")
        return evolve(self, **changes)

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use this client as it is: secrets, headers and timeout are its own."""
        self._client, self._set_by_hand = client, True
        return self

    def get_httpx_client(self) -> httpx.Client:
        """Give the httpx client in use, made when first asked for."""
        if self._client is None:
            self._client = httpx.Client(**self._settings())
        return self._client

    def __enter__(self) -> Self:
        self.get_httpx_client().__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self.get_httpx_client().__exit__(*args)

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this client as it is: secrets, headers and timeout are its own."""
        self._async_client, self._set_by_hand = async_client, True
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Give the asynchronous httpx client in use, made when first asked for."""
        if self._async_client is None:
            self._async_client = httpx.AsyncClient(**self._settings())
        return self._async_client

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*args)

    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self._base_url,
            "headers": {**self._headers, **self._secret_headers()},
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": False,
            **self._httpx_args,
        }

    def _secret_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self._username is not None:
            pair = f"{self._username}:{self._password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers
