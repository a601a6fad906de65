from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class CustomerMetadata(Model):
    """Anything of the merchant's about the customer; given back as it was sent."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
