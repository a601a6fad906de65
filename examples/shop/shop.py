"""The parts of a running shop, and how its pages are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from paymentoptions_async import Money, PaymentOptions

from .catalogue import CURRENCIES, priced, total_of
from .forms import COUNTRIES
from .store import Buyer, Store
from .till import Till

COOKIE = "buyer"
HERE = Path(__file__).parent
_SIGNS = {"JPY": "¥", "EUR": "€"}
_MONTH = 30 * 24 * 3600


def shown(amount: Money) -> str:
    """An amount as buyers read it."""
    return f"{_SIGNS[amount.currency]}{amount.amount:,f}"


def _templates() -> Jinja2Templates:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["money"] = shown
    env.globals["countries"] = COUNTRIES
    env.globals["currencies"] = CURRENCIES
    return Jinja2Templates(env=env)


@dataclass(frozen=True, slots=True)
class Shop:
    """What requests need. ``secure`` is False on loopback alone, where there is no TLS.

    ``test_cards`` are shown on the pay page: numbers, and what they do.
    """

    store: Store
    gateway: PaymentOptions
    till: Till
    admin_password: str
    secure: bool
    test_cards: tuple[tuple[str, str], ...] = ()
    templates: Jinja2Templates = field(default_factory=_templates)

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Render a page; every one shows the cart."""
        buyer = self.store.buyer(request.cookies.get(COOKIE))
        common = {
            "currency": buyer.currency if buyer else CURRENCIES[0],
            "in_cart": sum(quantity for _, quantity in self.store.cart(buyer)) if buyer else 0,
            "test_cards": self.test_cards,
        }
        return self.templates.TemplateResponse(request, template, {**common, **values}, status)

    def cart(self, buyer: Buyer | None) -> dict[str, Any]:
        """The lines of a cart, and their sum."""
        lines = priced(self.store.cart(buyer), buyer.currency) if buyer else []
        return {"lines": lines, "total": total_of(lines, buyer.currency if buyer else CURRENCIES[0])}

    def known(self, buyer: Buyer, response: Response) -> Response:
        """Let the browser keep who it is. Lax: buyers come back from the bank's page by a link."""
        response.set_cookie(COOKIE, buyer.cookie, max_age=_MONTH, httponly=True, samesite="lax", secure=self.secure)
        return response


def shop_of(request: Request) -> Shop:
    """The running shop."""
    shop: Shop = request.app.state.shop
    return shop


async def _the_shop(request: Request) -> Shop:
    return shop_of(request)  # a coroutine function, because FastAPI runs plain ones in a thread


TheShop = Annotated[Shop, Depends(_the_shop)]
