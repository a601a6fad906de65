"""Corefy's settings: from arguments or from ``COREFY_*``, checked once, shown never. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from paymentoptions_async.corefy.values import check_account_id
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.redirects import Signer, check_base, split_secrets
from paymentoptions_async.values.urls import is_loopback

_VARIABLES = {
    "account_id": "COREFY_ACCOUNT_ID",
    "api_key": "COREFY_API_KEY",
    "private_url": "COREFY_PRIVATE_URL",
    "cardgate_url": "COREFY_CARDGATE_URL",
    "test_mode": "COREFY_TEST_MODE",
    "callback_secrets": "COREFY_CALLBACK_SECRETS",
    "journal": "COREFY_JOURNAL",
    "signing_secrets": "COREFY_SIGNING_SECRETS",
    "public_url": "COREFY_PUBLIC_URL",
    "proxy": "COREFY_PROXY",
}
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What a client needs to know, checked. No key or secret appears in its repr."""

    account_id: str
    test_mode: bool
    private_url: str
    cardgate_url: str | None
    signer: Signer
    callback_secrets: tuple[str, ...]
    public_url: str | None

    def __repr__(self) -> str:
        return f"<Settings {'test' if self.test_mode else 'live'} {self.account_id}>"

    @property
    def is_sandbox(self) -> bool:
        """True where the private API is on this machine."""
        return is_loopback(urlsplit(self.private_url).hostname or "")

    @classmethod
    def check(
        cls,
        *,
        account_id: str,
        test_mode: object,
        private_url: str,
        cardgate_url: str | None,
        callback_secrets: Any,
        signing_secrets: Any,
        public_url: str | None,
    ) -> Settings:
        """Check settings against each other, or raise `ConfigurationError` naming what to set."""
        mode = read_mode(test_mode)
        account = check_account_id(required("account_id", account_id))
        settings = cls(
            account_id=account,
            test_mode=mode,
            private_url=_url("private_url", required("private_url", private_url)),
            cardgate_url=None if cardgate_url is None else _url("cardgate_url", cardgate_url),
            signer=Signer(split_secrets(signing_secrets), account, "test" if mode else "live"),
            callback_secrets=split_secrets(callback_secrets),
            public_url=None if public_url is None else check_base(public_url),
        )
        if public_url is not None and not (settings.signer.secrets and settings.callback_secrets):
            raise ConfigurationError(
                "public_url: callbacks that come there need signing_secrets (COREFY_SIGNING_SECRETS), which make their "
                "URLs, and callback_secrets (COREFY_CALLBACK_SECRETS), which sign them"
            )
        if settings.is_sandbox and not mode:
            raise ConfigurationError("test_mode: the sandbox takes tests only; set test_mode=True")
        return settings


def from_environment(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings from ``COREFY_*``; what is given outright comes first, empty variables count as unset."""
    environ = os.environ if environ is None else environ
    found: dict[str, Any] = {name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)}
    return {**found, **given}


def required(name: str, value: Any) -> Any:
    """Return a setting that must be there, or raise `ConfigurationError` naming its variable."""
    if value is None or value == "":
        raise ConfigurationError(f"{name} is not set: pass {name}=… or set {_VARIABLES[name]}")
    return value


def read_mode(value: object) -> bool:
    """Tell whether it is the test mode. No default: both are the same URL, and a wrong guess would take real money."""
    mode = _TRUTHS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(mode, bool):
        raise ConfigurationError("test_mode is not set: pass test_mode=True or False, or set COREFY_TEST_MODE")
    return mode


def _url(name: str, url: str) -> str:
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not secure or not parts.hostname or parts.query or parts.fragment or parts.username or parts.password:
        raise ConfigurationError(f"{name}: needs https (http on loopback only), a host, and no query or credentials")
    return url.rstrip("/")
