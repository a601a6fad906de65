from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, list_of

if TYPE_CHECKING:
    from ..models.error_item import ErrorItem
    from ..models.error_message import ErrorMessage


@define
class ErrorReply(Model):
    """Why a request was refused.

    Attributes:
        errors: The errors, in JSON:API's form.
        error: An error without JSON:API's form.
    """

    errors: list[ErrorItem] | Unset = UNSET
    error: ErrorMessage | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.error_item import ErrorItem
        from ..models.error_message import ErrorMessage

        return {"errors": ("errors", list_of(ErrorItem.from_dict)), "error": ("error", ErrorMessage.from_dict)}
