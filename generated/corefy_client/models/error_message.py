from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class ErrorMessage(Model):
    """An error without JSON:API's form.

    Attributes:
        message: What went wrong.
    """

    message: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"message": ("message", either(text, nothing))}
