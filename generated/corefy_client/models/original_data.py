from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class OriginalData(Model):
    """What the provider behind the gateway said.

    Attributes:
        original_resolution: The provider's own resolution.
        original_resolution_message: Its text.
    """

    original_resolution: str | None | Unset = UNSET
    original_resolution_message: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "original_resolution": ("original_resolution", either(text, nothing)),
            "original_resolution_message": ("original_resolution_message", either(text, nothing)),
        }
