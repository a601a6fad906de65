from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class FreeMap(Model):
    """A map with keys that are not the gateway's."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
