from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class InvoiceCreateAttributesMetadata(Model):
    """Anything of the merchant's; given back as it was sent."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
