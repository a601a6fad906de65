"""The staff's pages: payments, refunds, what needs a person, and how each payment came to be what it is."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from paymentoptions_async import (
    InvalidValue,
    NotAllowed,
    OutcomeUnknown,
    Payment,
    PaymentOptionsError,
    PaymentStatus,
    Verdict,
)

from .forms import Form, Refused, read_amount, read_form
from .shop import Shop, TheShop, shop_of


async def signed_in(
    request: Request, credentials: Annotated[HTTPBasicCredentials, Depends(HTTPBasic(realm="Komorebi staff"))]
) -> str:
    """Who it is; their name goes into the history of what they settle. Any name will do with the shop's password."""
    is_staff = secrets.compare_digest(credentials.password.encode(), shop_of(request).admin_password.encode())
    if is_staff and credentials.username:
        return credentials.username
    raise HTTPException(401, headers={"WWW-Authenticate": 'Basic realm="Komorebi staff"'})


router = APIRouter(prefix="/admin", dependencies=[Depends(signed_in)])
Person = Annotated[str, Depends(signed_in)]
Posted = Annotated[Form, Depends(read_form)]


@router.get("")
async def overview(request: Request, shop: TheShop) -> Response:
    """Orders that need a person, payments that are not settled, and all attempts."""
    rows = []
    for order in shop.store.orders():
        attempts = [attempt.ref for attempt in shop.store.attempts(order.number) if attempt.ref]
        rows.append((order, [await shop.gateway.payment(ref) for ref in reversed(attempts)]))
    return shop.page(request, "admin/overview.html", rows=rows, unresolved=await shop.gateway.unresolved())


@router.get("/payments/{ref}")
async def payment(request: Request, shop: TheShop, person: Person, ref: str) -> Response:
    """One payment: what is known, what may be done, and its history."""
    return await _payment_page(request, shop, person, ref)


@router.post("/payments/{ref}/refund")
async def refund(request: Request, shop: TheShop, person: Person, ref: str, form: Posted) -> Response:
    """Give money back, all that is left or a part of it: of the payment, or of one that came on top of it."""
    found = await _find(shop, ref)
    of = form.get("of", "")
    if found.amount is None or of not in (found.ref, *found.duplicate_charges):
        raise HTTPException(400)
    try:
        amount = read_amount(form, found.amount.currency)
        await shop.till.refund(of, form.whole_number("refund"), amount, notes=form.get("notes") or None)
    except Refused as refused:
        return await _payment_page(request, shop, person, ref, form=form, errors=refused.errors)
    except OutcomeUnknown:
        pass  # it counts as refunded until it is settled, and the page says so
    except PaymentOptionsError as error:
        return await _payment_page(request, shop, person, ref, form=form, errors={"amount": str(error)})
    return RedirectResponse(f"/admin/payments/{ref}", 303)


@router.post("/payments/{ref}/ask")
async def ask(request: Request, shop: TheShop, person: Person, ref: str) -> Response:
    """Ask the gateway for all that is known of a payment."""
    found = await _find(shop, ref)
    try:
        await shop.gateway.resolve(found.ref)
    except PaymentOptionsError as error:
        return await _payment_page(request, shop, person, ref, errors={"ask": str(error)})
    return RedirectResponse(f"/admin/payments/{ref}", 303)


@router.post("/payments/{ref}/settle")
async def settle(request: Request, shop: TheShop, person: Person, ref: str, form: Posted) -> Response:
    """Record what a person found in the gateway's portal, with their name and reason."""
    found = await _find(shop, ref)
    try:
        await shop.gateway.settle(
            found.ref,
            form.get("verdict", ""),
            by=person,
            note=form.get("note", ""),
            transaction_id=form.get("transaction_id") or None,
        )
    except InvalidValue as error:
        return await _payment_page(request, shop, person, ref, form=form, errors={error.field: str(error)})
    except NotAllowed as error:
        return await _payment_page(request, shop, person, ref, form=form, errors={"verdict": str(error)})
    return RedirectResponse(f"/admin/payments/{ref}", 303)


async def _payment_page(
    request: Request,
    shop: Shop,
    person: str,
    ref: str,
    *,
    form: Form | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    found = await _find(shop, ref)
    balance = await shop.gateway.balance(found.ref) if found.status.took_money else None
    return shop.page(
        request,
        "admin/payment.html",
        422 if errors else 200,
        payment=found,
        person=person,
        balance=balance,
        refunds=await _refunds(shop, found.ref),
        again=[(other, await _refunds(shop, other)) for other in found.duplicate_charges],
        verdicts=_verdicts(found),
        history=[(datetime.fromtimestamp(entry.at, UTC), entry) for entry in await shop.gateway.history(found.ref)],
        form=form if form is not None else {"amount": balance.refundable.amount} if balance else {},
        errors=errors or {},
    )


async def _refunds(shop: Shop, of: str) -> list[Payment | None]:
    """The refunds of a payment, oldest first; None for one that was not made."""
    return [await shop.gateway.payment(ref) if ref else None for ref in shop.store.refunds(of)]


def _verdicts(payment: Payment) -> dict[Verdict, str]:
    """What a person may say of a payment that is not final."""
    if payment.is_final:
        return {}
    found = {
        Verdict.HAPPENED: "The portal shows it as done",
        Verdict.NOT_HAPPENED: "The portal shows nothing, or a failure",
    }
    if payment.status is PaymentStatus.ACTION_REQUIRED:
        found[Verdict.ABANDONED] = "The buyer never came back"
    return found


async def _find(shop: Shop, ref: str) -> Payment:
    try:
        return await shop.gateway.payment(ref)
    except InvalidValue:
        raise HTTPException(404) from None
