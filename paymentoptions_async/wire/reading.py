"""What both wires do alike: which base URLs they take, and how they read an answer's headers and body."""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.wire.exchange import Departure, Reply

MAX_BODY: Final = 1 << 20
"""Bytes of an answer's body, after decoding. The vendor's answers are a few kilobytes."""

PLAIN_HEADERS: Final = MappingProxyType(
    {
        "Accept": "application/json",
        # Compression of a few kilobytes gains nothing, and an answer that is not compressed can't be a bomb.
        "Accept-Encoding": "identity",
        "User-Agent": "paymentoptions-async",
    }
)
JSON: Final = "application/json"

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_REQUEST_IDS = ("x-amzn-requestid", "x-request-id", "x-amzn-trace-id")
"""Where the gateway's request id is looked for. Inferred: its front door is AWS API Gateway."""

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9._:;=/+-]")

_NOT_OF_A_URL = re.compile(r"[\x00-\x20\x7f]")


class TooLarge(Exception):
    """The answer's body is larger than the wire takes."""


class Undecodable(Exception):
    """The answer's body is not what its Content-Encoding says."""


class Passage:
    """How far one exchange came. What left is the departure's own record, so that there is one truth."""

    __slots__ = ("body", "departure", "headers", "stage", "started", "status")

    def __init__(self, departure: Departure, started: float) -> None:
        self.departure = departure
        self.started = started
        self.stage = Stage.POOL
        self.status: int | None = None
        self.headers: Mapping[str, str] = NO_HEADERS
        self.body = b""

    def reply(self, now: float, failure: str | None = None) -> Reply:
        """The reply with the evidence of this passage. After a failure, the body is what had arrived."""
        evidence = Evidence(
            Left.MAYBE if self.departure.left else Left.NOTHING,
            self.stage,
            failure,
            self.status,
            request_id(self.headers),
            now - self.started,
        )
        return Reply(self.status, self.headers, self.body, evidence)


def checked_base_url(base_url: str) -> str:
    """Return the base URL without a closing slash; raise ConfigurationError unless https, or http on loopback."""
    if _NOT_OF_A_URL.search(base_url):  # URL parsers drop some of these without telling, each its own
        raise ConfigurationError("base_url: must have no spaces, line breaks or control characters.")
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigurationError("base_url: must be an absolute https URL.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("base_url: must have no user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"base_url: must be https; plain http is only for loopback, and {host} is not.")
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """True for localhost (RFC 6761) and for loopback addresses."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def request_id(headers: Mapping[str, str]) -> str | None:
    """The gateway's request id, at most 128 harmless characters of it, or None."""
    for name in _REQUEST_IDS:
        value = headers.get(name)
        if value is not None:
            return _NOT_OF_AN_ID.sub("", value)[:128] or None
    return None


def decoded(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Undo a Content-Encoding that was not asked for, up to ``limit`` bytes.

    Front doors compress unasked now and then, and a payment's outcome should not be lost for that.
    """
    if encoding is None or encoding.lower() in ("", "identity") or not body:
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise Undecodable
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by its own header
    try:
        plain = inflate.decompress(body, limit + 1)
    except zlib.error:
        raise Undecodable from None
    if len(plain) > limit:
        raise TooLarge
    if not inflate.eof:
        raise Undecodable
    return plain
