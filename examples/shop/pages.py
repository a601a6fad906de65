"""The buyer's pages."""

# ruff: noqa: FAST003  `own_order` takes the number

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import RedirectResponse, Response

from paymentoptions_async import (
    IdempotencyConflict,
    MayBeCalledAgain,
    NotAllowed,
    OutcomeUnknown,
    Payment,
    PaymentStatus,
)

from .catalogue import CURRENCIES, GOODS, MOST, priced
from .forms import Form, Refused, read_address, read_browser, read_card, read_form
from .shop import COOKIE, Shop, TheShop, shop_of
from .standing import Standing, standing_of, why_not
from .store import Buyer, Order
from .till import StaleForm

router = APIRouter()


async def some_buyer(request: Request) -> Buyer | None:
    """Whoever has our cookie."""
    return shop_of(request).store.buyer(request.cookies.get(COOKIE))


async def own_order(request: Request, number: Annotated[int, Path(lt=10**9)]) -> Order:
    """An order of this very buyer. For others it does not exist."""
    shop = shop_of(request)
    buyer, order = shop.store.buyer(request.cookies.get(COOKIE)), shop.store.order(number)
    if buyer is None or order is None or order.buyer != buyer.id:
        raise HTTPException(404)
    return order


SomeBuyer = Annotated[Buyer | None, Depends(some_buyer)]
OwnOrder = Annotated[Order, Depends(own_order)]
Posted = Annotated[Form, Depends(read_form)]


@router.get("/")
async def catalogue(request: Request, shop: TheShop) -> Response:
    """Everything there is."""
    return shop.page(request, "catalogue.html", goods=GOODS.values())


@router.post("/currency")
async def change_currency(shop: TheShop, buyer: SomeBuyer, form: Posted) -> Response:
    """Show prices in another currency."""
    if form.get("currency") not in CURRENCIES:
        raise HTTPException(400)
    buyer = buyer or shop.store.new_buyer(form["currency"])
    shop.store.set_currency(buyer, form["currency"])
    return shop.known(buyer, _see("/"))


@router.get("/cart")
async def cart(request: Request, shop: TheShop, buyer: SomeBuyer) -> Response:
    """What lies in the cart."""
    return shop.page(request, "cart.html", **shop.cart(buyer), most=MOST)


@router.post("/cart")
async def change_cart(shop: TheShop, buyer: SomeBuyer, form: Posted) -> Response:
    """Put one more into the cart, or have so many in it."""
    if form.get("sku") not in GOODS:
        raise HTTPException(400)
    buyer = buyer or shop.store.new_buyer(CURRENCIES[0])
    has = dict(shop.store.cart(buyer)).get(form["sku"], 0)
    shop.store.put(buyer, form["sku"], form.whole_number("quantity") if "quantity" in form else has + 1)
    return shop.known(buyer, _see("/cart"))


@router.get("/checkout")
async def checkout(request: Request, shop: TheShop, buyer: SomeBuyer) -> Response:
    """Where it is to go."""
    if buyer is None or not shop.store.cart(buyer):
        return _see("/cart")
    latest = next(iter(shop.store.orders(buyer)), None)
    known = {"recipient": latest.recipient, **latest.address.to_wire()} if latest else {}
    return shop.page(request, "checkout.html", **shop.cart(buyer), buyer=buyer, form=known, errors={})


@router.post("/checkout")
async def place_order(request: Request, shop: TheShop, buyer: SomeBuyer, form: Posted) -> Response:
    """Make the cart an order. The form knows which cart, so sending it twice makes one order."""
    if buyer is None:
        return _see("/cart")
    try:
        recipient, address = read_address(form)
    except Refused as refused:
        return shop.page(
            request, "checkout.html", 422, **shop.cart(buyer), buyer=buyer, form=form, errors=refused.errors
        )
    lines = priced(shop.store.cart(buyer), buyer.currency)
    order = shop.store.place(buyer, form.whole_number("cart"), lines, recipient=recipient, address=address)
    return _see(f"/orders/{order.number}/pay" if order else "/cart")


@router.get("/orders")
async def orders(request: Request, shop: TheShop, buyer: SomeBuyer) -> Response:
    """What this buyer ordered, and how it stands."""
    mine = shop.store.orders(buyer) if buyer else []
    shown = [(order, standing_of(order, *await shop.till.latest(order))) for order in mine]
    return shop.page(request, "orders.html", orders=shown)


@router.get("/orders/{number}")
async def order(request: Request, shop: TheShop, order: OwnOrder) -> Response:
    """How an order stands: where the buyer comes back to, and what ``static/order.js`` looks at again and again."""
    attempt, payment = await shop.till.latest(order)
    standing = standing_of(order, attempt, payment)
    if standing is Standing.UNPAID:
        return _see(f"/orders/{order.number}/pay")
    paid = await shop.gateway.balance(order.paid_by) if order.paid_by else None
    return shop.page(
        request,
        "order.html",
        order=order,
        attempt=attempt,
        payment=payment,
        standing=standing,
        why_not=why_not(payment),
        balance=paid,
    )


@router.get("/orders/{number}/pay")
async def pay(request: Request, shop: TheShop, order: OwnOrder) -> Response:
    """The ways to pay an order, where it may be paid."""
    return await _pay_page(request, shop, order)


@router.get("/orders/{number}/leave")
async def leave(request: Request, shop: TheShop, order: OwnOrder) -> Response:
    """Send the buyer on to the bank's page, or the gateway's.

    By a page of our own: a redirect that answers a form would have to be among our policy's form targets, and nobody
    knows the banks' addresses.
    """
    attempt, payment = await shop.till.latest(order)
    if standing_of(order, attempt, payment) not in (Standing.AT_BANK, Standing.AT_PAGE) or payment is None:
        return _see(f"/orders/{order.number}")
    return shop.page(request, "leave.html", order=order, url=payment.redirect_url)


@router.post("/orders/{number}/pay")
async def take_payment(request: Request, shop: TheShop, order: OwnOrder, form: Posted) -> Response:
    """Make an attempt to pay, and send the buyer to where it is told how it stands."""
    try:
        attempt = _attempt(request, shop, order, form)
    except Refused as refused:
        return await _pay_page(request, shop, order, form=form, errors=refused.errors)
    try:
        payment = await attempt()
    except (OutcomeUnknown, NotAllowed):
        return _see(f"/orders/{order.number}")  # it may be paid, or another attempt is under way: that page says so
    except (StaleForm, IdempotencyConflict):
        return await _pay_page(request, shop, order, notice="This page was out of date. You were not charged for it.")
    except MayBeCalledAgain:
        return await _pay_page(request, shop, order, notice="We could not reach the bank. You were not charged.")
    if payment.status is PaymentStatus.ACTION_REQUIRED:
        return _see(f"/orders/{order.number}/leave")
    return _see(f"/orders/{order.number}/pay" if payment.decline else f"/orders/{order.number}")


async def come_back(request: Request, payment: Payment) -> Response:
    """Welcome a buyer who comes from the bank's page. It proves nothing, so it changes nothing but what is said."""
    shop_of(request).store.returned(payment, request.path_params["purpose"])
    return _see(f"/orders/{payment.order}")  # away from the URL with the token


def _attempt(request: Request, shop: Shop, order: Order, form: Form) -> Callable[[], Awaitable[Payment]]:
    """The attempt that a form asks for; raises `Refused`."""
    number, keep = form.whole_number("attempt"), form.get("keep") == "yes"
    # Behind a proxy, uvicorn has to be told whose word on the buyer's address to take (--forwarded-allow-ips).
    ip = request.client.host if request.client else "127.0.0.1"
    if form.get("method") == "page":
        return partial(shop.till.open_page, order, number, keep=keep, customer_ip=ip)
    if form.get("method") == "stored":
        stored = {card.id: card for card in shop.store.cards(order.buyer)}.get(form.whole_number("card"))
        if stored is None:
            raise Refused(card="Choose a card.")
        return partial(shop.till.charge_stored, order, number, card=stored, customer_ip=ip)
    browser, time_zone = read_browser(form, request)
    return partial(
        shop.till.charge_card,
        order,
        number,
        card=read_card(form),
        keep=keep,
        customer_ip=ip,
        browser_info=browser,
        time_zone=time_zone,
    )


async def _pay_page(
    request: Request,
    shop: Shop,
    order: Order,
    *,
    form: Form | None = None,
    errors: dict[str, str] | None = None,
    notice: str | None = None,
) -> Response:
    attempt, payment = await shop.till.latest(order)
    standing = standing_of(order, attempt, payment)
    if not standing.may_pay:
        return _see(f"/orders/{order.number}")
    typed, errors = form if form is not None else Form(), errors or {}
    if notice is None and standing is Standing.FAILED:
        notice = why_not(payment)
    return shop.page(
        request,
        "pay.html",
        422 if errors else 200,
        order=order,
        standing=standing,
        attempt=attempt.number + 1 if attempt else 1,
        cards=shop.store.cards(order.buyer),
        form={"name": typed.get("name", order.recipient), "keep": typed.get("keep")},  # nothing else of the card
        errors=errors,
        notice=notice,
    )


def _see(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)
