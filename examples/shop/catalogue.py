"""What the shop sells, and for how much. Prices are set for each currency; nothing is converted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paymentoptions_async import Money

CURRENCIES = ("JPY", "EUR")
MOST = 9
"""Pieces of one good in one cart."""


@dataclass(frozen=True, slots=True)
class Good:
    """One good; its picture is ``templates/goods/{sku}.svg``."""

    sku: str
    title: str
    about: str
    prices: tuple[Money, ...]

    def price(self, currency: str) -> Money:
        """The price of one piece."""
        return next(price for price in self.prices if price.currency == currency)


def _good(sku: str, title: str, about: str, yen: str, euros: str) -> Good:
    return Good(sku, title, about, (Money(yen, "JPY"), Money(euros, "EUR")))


GOODS = {
    good.sku: good
    for good in (
        _good(
            "teapot", "Side-handle teapot", "Unglazed red clay, 300 ml; its strainer is of the same clay.", "8800", "56"
        ),
        _good("cup", "Ash-glazed cup", "Thrown in Mashiko; no two have the same rim.", "2400", "15.50"),
        _good("sencha", "First-flush sencha", "Picked in April above Shizuoka. A tin of 80 g.", "1600", "10.40"),
        _good("tenugui", "Tenugui, waves", "Hand-dyed cotton, 35 by 90 cm, left unhemmed to dry fast.", "1200", "7.80"),
        _good("board", "Hinoki board", "One plank of Kiso cypress, planed, oiled by its own resin.", "4500", "28.90"),
        _good(
            "chopsticks", "Chopsticks and rest", "Wiped lacquer on chestnut, with a porcelain rest.", "1900", "12.20"
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of one good, at the price of one."""

    sku: str
    title: str
    quantity: int
    price: Money

    @property
    def total(self) -> Money:
        """The price of them all, exactly."""
        return Money(self.price.amount * self.quantity, self.price.currency)


def priced(quantities: Iterable[tuple[str, int]], currency: str) -> list[Line]:
    """Lines at today's prices. What is no longer sold is left out."""
    return [
        Line(sku, GOODS[sku].title, quantity, GOODS[sku].price(currency))
        for sku, quantity in quantities
        if sku in GOODS
    ]


def total_of(lines: Iterable[Line], currency: str) -> Money:
    """The sum of lines."""
    total = Money.zero(currency)
    for line in lines:
        total += line.total
    return total
