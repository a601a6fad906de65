"""Authentication: the headers that say who we are, and nothing that could show them.

PaymentOptions wants ``Authorization: Basic …`` and ``x-api-key`` in every request (vendor's purchase page, `security`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn, final

from paymentoptions_async.errors import InvalidValue

_VISIBLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
"""A header value that every client and server reads alike (RFC 9110, 5.5): ASCII, one line, no space around it."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A header's name (RFC 9110, 5.1)."""


class Authentication:
    """The secret headers of a wire. Shows them in no repr, refuses to be pickled or copied.

    Raises InvalidValue, without the value, for one that is empty or that a header can't carry.
    """

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise InvalidValue("name: must be the name of a header (RFC 9110, section 5.1).", field="name")
            checked(value, name)
        self._headers = MappingProxyType(dict(headers))

    def headers(self) -> Mapping[str, str]:
        """The headers with their secrets, for the wire alone."""
        return self._headers

    @final
    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({', '.join(self._headers)} set)>"

    @final
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds secrets and is not pickled or copied.")


class Credentials(Authentication):
    """The two keys of a PaymentOptions merchant.

    ``api_key`` is either raw, and is then sent as HTTP Basic with an empty password (inferred: the vendor's pages say
    Basic, not how to encode), or ready encoded as the vendor's portal shows it: it then starts with ``Basic ``, or
    ``encoded`` is True.
    """

    __slots__ = ()

    def __init__(self, api_key: str, x_api_key: str, *, encoded: bool = False) -> None:
        checked(api_key, "api_key")
        checked(x_api_key, "x_api_key")
        super().__init__({"Authorization": _basic_from_key(api_key, encoded=encoded), "x-api-key": x_api_key})


def basic(user: str, password: str) -> str:
    """Build the value of an ``Authorization`` header for HTTP Basic (RFC 7617). The user may hold no colon."""
    if ":" in user:
        raise InvalidValue("user: must not contain a colon (RFC 7617, section 2).", field="user")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def checked(value: str, field: str) -> str:
    """Return a header value that is safe to send; raise InvalidValue, without showing it, for any other."""
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value):
        raise InvalidValue(
            f"{field}: must be a header value: not empty, ASCII, without line breaks, control characters or "
            f"space around it (RFC 9110, section 5.5). Its value is not shown.",
            field=field,
        )
    return value


def _basic_from_key(api_key: str, *, encoded: bool) -> str:
    if api_key[:6].lower() == "basic ":
        return api_key
    if encoded:
        return f"Basic {api_key}"
    # The vendor's older plug-in sends "<key>:", and values found in the field decode to it.
    return "Basic " + base64.b64encode(f"{api_key}:".encode()).decode("ascii")
