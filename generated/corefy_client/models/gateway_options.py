from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset

if TYPE_CHECKING:
    from ..models.cardgate_options import CardgateOptions


@define
class GatewayOptions(Model):
    """Settings per gateway.

    Attributes:
        cardgate: How the card page and the card are handled.
    """

    cardgate: CardgateOptions | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.cardgate_options import CardgateOptions

        return {"cardgate": ("cardgate", CardgateOptions.from_dict)}
