from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class InvoiceListReplyLinks(Model):
    """Links to other pages of the list."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
