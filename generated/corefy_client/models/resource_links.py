from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text


@define
class ResourceLinks(Model):
    """Links of the resource.

    Attributes:
        self_: Its own path.
    """

    self_: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"self_": ("self", text)}
