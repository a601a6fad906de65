from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Reader, Unset, anything, either, integer, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.error_source import ErrorSource


@define
class ErrorItem(Model):
    """One error.

    Attributes:
        status: HTTP status as text or number.
        code: Short name of the error.
        title: What went wrong.
        detail: What went wrong this time.
        source: Which part of the request it is about.
    """

    status: str | None | int | Unset = UNSET
    code: str | None | Unset = UNSET
    title: str | None | Unset = UNSET
    detail: str | None | Unset = UNSET
    source: ErrorSource | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.error_source import ErrorSource

        return {
            "status": ("status", either(text, nothing, integer)),
            "code": ("code", either(text, nothing)),
            "title": ("title", either(text, nothing)),
            "detail": ("detail", either(text, nothing)),
            "source": ("source", either(ErrorSource.from_dict, list_of(anything), nothing)),
        }
