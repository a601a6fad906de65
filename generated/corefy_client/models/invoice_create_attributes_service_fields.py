from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader


@define
class InvoiceCreateAttributesServiceFields(Model):
    """What the chosen service asks for besides."""

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {}
