from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text


@define
class ResourceId(Model):
    """The related resource.

    Attributes:
        type_: Its type.
        id: Its id.
    """

    type_: str | Unset = UNSET
    id: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"type_": ("type", text), "id": ("id", text)}
