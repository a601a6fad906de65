from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.free_map import FreeMap


@define
class CardVerification(Model):
    """One verification.

    Attributes:
        type_: Kind, e.g. 3ds.
        details: Its result, e.g. eci and version.
    """

    type_: str | Unset = UNSET
    details: FreeMap | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.free_map import FreeMap

        return {"type_": ("type", text), "details": ("details", either(FreeMap.from_dict, list_of(anything), nothing))}
