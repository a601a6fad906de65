from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class FlowDataMetadata(Model):
    """Ids of the cardgate's session.

    Attributes:
        sid: Id of the session.
        token: Bearer for the cardgate, valid for about an hour; missing when the invoice is for the hosted
            page only.
    """

    sid: str | None | Unset = UNSET
    token: str | None | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"sid": ("sid", either(text, nothing)), "token": ("token", either(text, nothing))}
