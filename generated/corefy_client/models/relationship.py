from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing

if TYPE_CHECKING:
    from ..models.resource_id import ResourceId


@define
class Relationship(Model):
    """The service.

    Attributes:
        data: The related resource.
    """

    data: ResourceId | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.resource_id import ResourceId

        return {"data": ("data", either(ResourceId.from_dict, list_of(anything), nothing))}
