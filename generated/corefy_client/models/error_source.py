from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class ErrorSource(Model):
    """Part of a request.

    Attributes:
        pointer: JSON pointer into the request.
    """

    pointer: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"pointer": ("pointer", either(text, nothing))}
