from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.free_map import FreeMap


@define
class AuthPayload(Model):
    """Where the payer's browser goes for 3-D Secure.

    Attributes:
        action: URL of the issuer's page.
        method: HTTP method to open it with.
        params: Fields to send along, unchanged; their names are the acquirer's.
    """

    action: str | None | Unset = field(default=UNSET, repr=False)
    method: str | None | Unset = UNSET
    params: FreeMap | list[Any] | None | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.free_map import FreeMap

        return {
            "action": ("action", either(text, nothing)),
            "method": ("method", either(text, nothing)),
            "params": ("params", either(FreeMap.from_dict, list_of(anything), nothing)),
        }
