from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class InvoiceAttributesReservesType0Item(Model):
    """One reserve; its fields are on no page at hand."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
