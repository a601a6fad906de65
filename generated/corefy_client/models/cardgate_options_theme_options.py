from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class CardgateOptionsThemeOptions(Model):
    """Settings of the theme."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
