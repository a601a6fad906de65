from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, integer, text

if TYPE_CHECKING:
    from ..models.cardgate_options_theme_options import CardgateOptionsThemeOptions


@define
class CardgateOptions(Model):
    """How the card page and the card are handled.

    Attributes:
        tokenize: Store the card when the payment succeeds.
        instant: Charge the stored card without the payer.
        restrict_saved_cards: Offer no cards stored earlier.
        bypass_status_page: Return to the merchant without a result page.
        retry_limit: How often the payer may try.
        theme: Name of the page's theme.
        theme_options: Settings of the theme.
    """

    tokenize: bool | Unset = UNSET
    instant: bool | Unset = UNSET
    restrict_saved_cards: bool | Unset = UNSET
    bypass_status_page: bool | Unset = UNSET
    retry_limit: int | Unset = UNSET
    theme: str | Unset = UNSET
    theme_options: CardgateOptionsThemeOptions | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.cardgate_options_theme_options import CardgateOptionsThemeOptions

        return {
            "tokenize": ("tokenize", boolean),
            "instant": ("instant", boolean),
            "restrict_saved_cards": ("restrict_saved_cards", boolean),
            "bypass_status_page": ("bypass_status_page", boolean),
            "retry_limit": ("retry_limit", integer),
            "theme": ("theme", text),
            "theme_options": ("theme_options", CardgateOptionsThemeOptions.from_dict),
        }
