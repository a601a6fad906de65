from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class PaymentDataSource(Model):
    """Where the payment data came from.

    Attributes:
        type_: Kind of source.
    """

    type_: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"type_": ("type", either(text, nothing))}
