from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.auth_payload import AuthPayload
    from ..models.error_item import ErrorItem
    from ..models.sale import Sale


@define
class SaleReply(Model):
    """The result of the sale: flat as integrations read it, or under data as one vendor sample shows it.

    Attributes:
        status: Where the sale stands.
        resolution: Reason of a failure, or ok.
        auth_mode: How the payer authenticates.
        data: The sale as a resource.
        auth_payload: Where the payer's browser goes for 3-D Secure.
        errors: The errors, in JSON:API's form.
    """

    status: str | None | Unset = UNSET
    resolution: str | None | Unset = UNSET
    auth_mode: str | None | Unset = UNSET
    data: Sale | Unset = UNSET
    auth_payload: AuthPayload | list[Any] | None | Unset = UNSET
    errors: list[ErrorItem] | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.auth_payload import AuthPayload
        from ..models.error_item import ErrorItem
        from ..models.sale import Sale

        return {
            "status": ("status", either(text, nothing)),
            "resolution": ("resolution", either(text, nothing)),
            "auth_mode": ("auth_mode", either(text, nothing)),
            "data": ("data", Sale.from_dict),
            "auth_payload": ("auth_payload", either(AuthPayload.from_dict, list_of(anything), nothing)),
            "errors": ("errors", list_of(ErrorItem.from_dict)),
        }
