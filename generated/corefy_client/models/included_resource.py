from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.free_map import FreeMap


@define
class IncludedResource(Model):
    """A related resource.

    Attributes:
        type_: Its type.
        id: Its id.
        attributes: Its attributes, as the gateway has them.
    """

    type_: str | Unset = UNSET
    id: str | Unset = UNSET
    attributes: FreeMap | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.free_map import FreeMap

        return {
            "type_": ("type", text),
            "id": ("id", text),
            "attributes": ("attributes", either(FreeMap.from_dict, list_of(anything), nothing)),
        }
