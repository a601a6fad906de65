"""Settings: from arguments or from the environment, checked once, shown never."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.redirects import Signer, check_base, split_secrets
from paymentoptions_async.values.urls import is_loopback

API_PREFIX = "/api/v1/server-to-server-interface"
"""Path of every endpoint below the host. Older sample calls double ``/api/v1``; the current pages do not."""

_HOSTS = {
    "live": "https://api.paymentoptions.com",
    "staging": "https://api-staging.paymentoptions.com",
    "development": "https://api-dev.paymentoptions.com",
}
_VARIABLES = {
    "api_key": "PAYMENTOPTIONS_API_KEY",
    "x_api_key": "PAYMENTOPTIONS_X_API_KEY",
    "merchant_id": "PAYMENTOPTIONS_MERCHANT_ID",
    "environment": "PAYMENTOPTIONS_ENVIRONMENT",
    "journal": "PAYMENTOPTIONS_JOURNAL",
    "signing_secrets": "PAYMENTOPTIONS_SIGNING_SECRETS",
    "public_url": "PAYMENTOPTIONS_PUBLIC_URL",
    "sandbox_url": "PAYMENTOPTIONS_SANDBOX_URL",
    "proxy": "PAYMENTOPTIONS_PROXY",
}


class Environment(StrEnum):
    """Which gateway is meant. There is no default: a wrong guess would take real money."""

    LIVE = "live"
    STAGING = "staging"
    DEVELOPMENT = "development"
    SANDBOX = "sandbox"

    @property
    def is_live(self) -> bool:
        """What the gateway's ``is_live`` must say."""
        return self is Environment.LIVE


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What a client needs to know, checked. No key or secret appears in its repr."""

    merchant_id: str
    environment: Environment
    base_url: str
    signer: Signer
    public_url: str | None
    proxy: str | None

    def __repr__(self) -> str:
        return f"<Settings {self.environment} {self.merchant_id}>"

    @classmethod
    def check(
        cls,
        *,
        merchant_id: str | None,
        environment: str | None,
        sandbox_url: str | None,
        signing_secrets: Any,
        public_url: str | None,
        proxy: str | None,
    ) -> Settings:
        """Check settings against each other, or raise `ConfigurationError` naming what to set."""
        where = _environment(environment)
        if not merchant_id:
            raise ConfigurationError(_missing("merchant_id"))
        return cls(
            merchant_id=merchant_id,
            environment=where,
            base_url=_base_url(where, sandbox_url),
            signer=Signer(split_secrets(signing_secrets), merchant_id, where.value),
            public_url=None if public_url is None else check_base(public_url),
            proxy=proxy,
        )


def from_environment(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Settings from ``PAYMENTOPTIONS_*``; what is given outright comes first, empty variables count as unset."""
    environ = os.environ if environ is None else environ
    found = {name: environ[variable] for name, variable in _VARIABLES.items() if environ.get(variable)}
    return {**found, **given}


def required(name: str, value: str | None) -> str:
    """Return a setting that must be there, or raise `ConfigurationError` naming its variable."""
    if not value:
        raise ConfigurationError(_missing(name))
    return value


def _missing(name: str) -> str:
    return f"{name} is not set: pass {name}=… or set {_VARIABLES[name]}"


def _environment(value: str | None) -> Environment:
    try:
        return Environment(value or "")
    except ValueError:
        known = ", ".join(Environment)
        shown = f"{value!r} " if value and value.isalpha() else ""  # anything else could be another setting's secret
        said = f"{shown}is not one of" if value else "is not set; it is one of"
        raise ConfigurationError(
            f"environment {said} {known}: pass environment=… or set {_VARIABLES['environment']}"
        ) from None


def _base_url(environment: Environment, sandbox_url: str | None) -> str:
    if environment is not Environment.SANDBOX:
        if sandbox_url is not None:
            raise ConfigurationError(f"sandbox_url is set, but the environment is {environment}")
        return _HOSTS[environment]
    url = required("sandbox_url", sandbox_url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not is_loopback(parts.hostname or ""):
        raise ConfigurationError("sandbox_url: the sandbox is on loopback, for example http://127.0.0.1:8480")
    return url.rstrip("/")
