"""Where the gateway sends the buyer and its notices."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values.texts import PURCHASE_PAGE, check_text

_MAX_LENGTH = 255


@dataclass(frozen=True, slots=True, repr=False)
class ReturnUrls:
    """The URLs of one payment: the notice's, and where the buyer goes after success, decline or (hosted page) cancel.

    Each is absolute, at most 255 characters (vendor's purchase page), https unless it is on loopback, and without
    credentials. Raises `InvalidValue`. Its repr shows origins only, because paths carry our tokens.
    """

    webhook_url: str
    success_url: str
    decline_url: str
    cancel_url: str | None = None

    def __post_init__(self) -> None:
        for name in ("webhook_url", "success_url", "decline_url"):
            _check_url(f"return_urls.{name}", getattr(self, name))
        if self.cancel_url is not None:
            _check_url("return_urls.cancel_url", self.cancel_url)

    def to_wire(self) -> dict[str, str]:
        """The request's ``return_url`` object; ``cancel_url`` only where it was given (hosted page and wallets)."""
        wire = {"webhook_url": self.webhook_url, "success_url": self.success_url, "decline_url": self.decline_url}
        if self.cancel_url is not None:
            wire["cancel_url"] = self.cancel_url
        return wire

    def __repr__(self) -> str:
        shown = " ".join(f"{name.removesuffix('_url')}={origin_of(url)}/…" for name, url in self.to_wire().items())
        return f"<ReturnUrls {shown}>"


def is_loopback(host: str) -> bool:
    """True for localhost and names below it (RFC 6761), 127.0.0.0/8 and ::1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def split_url(url: str) -> SplitResult | None:
    """Take apart an absolute http or https URL with a host, no credentials and a sane port; None for all else."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if good and "@" not in parts.netloc else None


def is_safe_url(url: str) -> bool:
    """True for an absolute https URL without credentials; http will do on loopback."""
    parts = split_url(url)
    return parts is not None and (parts.scheme == "https" or is_loopback(parts.hostname or ""))


def origin_of(url: str) -> str:
    """The scheme and host of a URL that is known to be one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _check_url(field: str, url: str) -> None:
    check_text(field, url, _MAX_LENGTH, PURCHASE_PAGE)
    if split_url(url) is None:
        raise InvalidValue(
            f"{field}: needs an absolute http or https URL, percent-encoded and without credentials (RFC 3986)",
            field=field,
        )
    if not is_safe_url(url):
        raise InvalidValue(f"{field}: needs https; http will do on loopback only", field=field)
