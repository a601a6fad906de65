"""A client library for accessing Corefy commerce API"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient


def __getattr__(name: str) -> Any:
    # Loaded late, because it loads httpx, which who only reads models does not need.
    if name == "AuthenticatedClient":
        from .client import AuthenticatedClient

        return AuthenticatedClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ("AuthenticatedClient",)
