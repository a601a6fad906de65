from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class SaleStage(Model):
    """The request that is running.

    Attributes:
        status: Its status.
        resolution: Its resolution.
    """

    status: str | None | Unset = UNSET
    resolution: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"status": ("status", either(text, nothing)), "resolution": ("resolution", either(text, nothing))}
