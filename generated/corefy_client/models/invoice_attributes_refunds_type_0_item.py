from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class InvoiceAttributesRefundsType0Item(Model):
    """One refund; its fields are on no page at hand."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
