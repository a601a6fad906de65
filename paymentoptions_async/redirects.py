"""Signed return and webhook URLs.

The gateway signs nothing, so each URL carries an HMAC of ours, bound to reference, purpose, merchant and environment.
The token is a hint that may appear in server logs: it grants no more than a status query.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paymentoptions_async.errors import ConfigurationError, WebhookRejected
from paymentoptions_async.values import ReturnUrls
from paymentoptions_async.values.urls import is_safe_url

RETURN_LIFETIME = 24 * 3600
"""Seconds for which a return URL is good. A 3-D Secure page lives for 30 minutes, a hosted page longer."""

_MIN_SECRET = 16
_MAC_CHARS = 22  # 132 bits
_KEY_CHARS = 6
_MAX_URL = 255


class Purpose(StrEnum):
    """What a signed URL is for; the last part of a return's path before the reference."""

    WEBHOOK = "webhook"
    SUCCESS = "success"
    DECLINE = "decline"
    CANCEL = "cancel"


RETURNS = (Purpose.SUCCESS, Purpose.DECLINE, Purpose.CANCEL)
"""Where buyers come back."""


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Makes and checks the tokens of one merchant in one environment.

    The first secret signs, all of them verify, so that a secret can be replaced without breaking URLs under way.
    """

    secrets: tuple[str, ...]
    merchant_id: str
    environment: str

    def __post_init__(self) -> None:
        if any(len(secret.encode()) < _MIN_SECRET for secret in self.secrets):
            raise ConfigurationError(
                f"signing secret: needs at least {_MIN_SECRET} bytes; make one with `openssl rand -base64 32`"
            )

    def __repr__(self) -> str:
        return f"<Signer {self.environment} {len(self.secrets)} secrets>"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """What the accepted secrets are called in tokens and in the journal; the first signs."""
        return tuple(_key_id(secret) for secret in self.secrets)

    def token(self, ref: str, purpose: Purpose, *, expires: int | None = None) -> str:
        """Sign with the first secret. ``expires`` is in Unix seconds; webhook tokens have none."""
        if not self.secrets:
            raise ConfigurationError("signed URLs need a signing secret: set PAYMENTOPTIONS_SIGNING_SECRETS")
        until = "" if expires is None else f"{expires:x}"
        return f"{_key_id(self.secrets[0])}{self._mac(self.secrets[0], ref, purpose, until)}{until}"

    def verify(self, ref: str, purpose: Purpose, token: str, *, now: float) -> None:
        """Raise `WebhookRejected` unless the token is ours, for this reference and purpose, and not expired.

        Compared in constant time. ``now`` is in Unix seconds.
        """
        good, expires = self._read(ref, purpose, token)
        del token  # this frame may be shown in a traceback
        if not good or (expires is None) != (purpose is Purpose.WEBHOOK):
            raise WebhookRejected(f"bad token in a {purpose} URL", http_status=404)
        if expires is not None and now >= expires:
            raise WebhookRejected(f"expired token in a {purpose} URL", http_status=410, ref=ref)

    def _read(self, ref: str, purpose: Purpose, token: str) -> tuple[bool, int | None]:
        """Tell whether a token is ours, and when it expires. Raises nothing, because its locals are in clear."""
        key, mac, until = token[:_KEY_CHARS], token[_KEY_CHARS:][:_MAC_CHARS], token[_KEY_CHARS + _MAC_CHARS :]
        good = False
        for secret in self.secrets:
            same_key = hmac.compare_digest(_key_id(secret).encode(), key.encode("utf-8", "replace"))
            same_mac = hmac.compare_digest(
                self._mac(secret, ref, purpose, until).encode(), mac.encode("utf-8", "replace")
            )
            good |= same_key and same_mac
        return good, int(until, 16) if good and until else None

    def _mac(self, secret: str, ref: str, purpose: Purpose, until: str) -> str:
        parts = ("paymentoptions-async url 1", self.environment, self.merchant_id, purpose.value, ref, until)
        message = b"".join(
            len(part.encode("utf-8", "replace")).to_bytes(4, "big") + part.encode("utf-8", "replace") for part in parts
        )
        return urlsafe_b64encode(hmac.digest(secret.encode(), message, "sha256")).decode()[:_MAC_CHARS]


def make_urls(base: str, ref: str, signer: Signer, *, now: float, with_cancel: bool = False) -> ReturnUrls:
    """Make the signed URLs of one intent below ``base``, each at most 255 characters (vendor's maxLength).

    ``{base}/webhook/{ref}/{token}`` and ``{base}/return/{success|decline|cancel}/{ref}/{token}``.
    """
    base = base.rstrip("/")
    expires = int(now) + RETURN_LIFETIME

    def back(purpose: Purpose) -> str:
        return f"{base}/return/{purpose}/{ref}/{signer.token(ref, purpose, expires=expires)}"

    return ReturnUrls(
        webhook_url=f"{base}/webhook/{ref}/{signer.token(ref, Purpose.WEBHOOK)}",
        success_url=back(Purpose.SUCCESS),
        decline_url=back(Purpose.DECLINE),
        cancel_url=back(Purpose.CANCEL) if with_cancel else None,
    )


def fill_urls(urls: ReturnUrls, ref: str, signer: Signer, *, now: float) -> ReturnUrls:
    """Put reference and token into URLs that the caller gave outright, wherever they have ``{ref}`` and ``{token}``.

    The webhook URL must contain both, because a webhook without our token is not taken in. Return URLs may.
    """
    webhook = urls.webhook_url
    if "{ref}" not in webhook or "{token}" not in webhook:
        raise ConfigurationError(
            "return_urls.webhook_url: needs {ref} and {token} in it, for example https://shop.example/webhook/{ref}/{token}"
        )
    expires = int(now) + RETURN_LIFETIME

    def filled(url: str, purpose: Purpose, until: int | None = expires) -> str:
        if "{token}" in url:
            url = url.replace("{token}", signer.token(ref, purpose, expires=until))
        return url.replace("{ref}", ref)

    return ReturnUrls(
        webhook_url=filled(webhook, Purpose.WEBHOOK, None),
        success_url=filled(urls.success_url, Purpose.SUCCESS),
        decline_url=filled(urls.decline_url, Purpose.DECLINE),
        cancel_url=None if urls.cancel_url is None else filled(urls.cancel_url, Purpose.CANCEL),
    )


def check_base(url: str) -> str:
    """Return the public base URL without its closing slash, or raise `ConfigurationError`.

    https, or http on loopback; no query, no fragment, no credentials, nothing that is not percent-encoded; short
    enough for the URLs made from it.
    """
    if not is_safe_url(url):
        raise ConfigurationError(
            "public URL: needs https (http on loopback only), a host, and no credentials, spaces or other characters "
            "that belong percent-encoded"
        )
    if "?" in url or "#" in url:
        raise ConfigurationError("public URL: needs no query or fragment, because paths are put behind it")
    longest = len("/return/success//") + 34 + _KEY_CHARS + _MAC_CHARS + 8
    if len(url.rstrip("/")) + longest > _MAX_URL:
        raise ConfigurationError(
            f"public URL: {len(url)} characters; at most {_MAX_URL - longest} leave room for the token"
        )
    return url.rstrip("/")


def split_secrets(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """Read several signing secrets from one comma-separated setting, or take them as they are."""
    if value is None:
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _key_id(secret: str) -> str:
    return urlsafe_b64encode(hmac.digest(secret.encode(), b"paymentoptions-async key id 1", "sha256")).decode()[
        :_KEY_CHARS
    ]
