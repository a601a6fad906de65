"""Making links to hosted pages and wallets: POST …/hpp/generate/link.

Fields and shapes: seed 004 and the vendor's pages on hosted payment and wallets. A card link's amount is a number, a
wallet's a string; an empty one, or none, is left to the buyer. The answer repeats the request, without an envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .books import decimals_of
from .endpoint import Endpoint, Refused, origin_of
from .links import Link, Links, Terms
from .payments import amount_of, check_merchant
from .replies import Reply
from .settings import PREFIX, Settings

PAGE_PATH = "/HostedPaymentPage/{code}"
CARDS = "scheme"


@dataclass(frozen=True)
class LinkDesk:
    """Where links are made."""

    links: Links
    settings: Settings

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the operation that is served here."""
        path = f"{PREFIX}/hpp/generate/link"
        return (Endpoint("link", "POST", path, lambda body, r: self.make(body, origin=origin_of(r))),)

    def make(self, body: Mapping[str, Any], *, origin: str) -> Reply:
        """Make a link to a page below `origin`, and charge nothing."""
        check_merchant(body, self.settings)
        method = body.get("payment_method") or {}
        wallet = _wallet(method)
        if wallet is None:
            _check_card_link(body)
        link = self.links.make(
            Terms(
                merchant_id=body["merchant_id"],
                merchant_txn_ref=body.get("merchant_txn_ref"),
                merchant_email=body.get("merchant_email"),
                amount=_amount(body, wallet),
                currency=body["currency"],
                wallet=wallet,
                store_card=wallet is None and method.get("store_payment_method") is True,
                urls={name: url for name, url in body["return_url"].items() if url},
                billing_address=dict(body.get("billing_address") or {}),
                shipping_address=body.get("shipping_address"),
                customer_ip=body.get("customer_ip"),
            )
        )
        return _made(link, body, origin)


def page_path(link: Link) -> str:
    """Return the path of a link's page, in the language of the buyer's browser."""
    return PAGE_PATH.format(code=link.code)


def _made(link: Link, body: Mapping[str, Any], origin: str) -> Reply:
    repeated = (
        "currency",
        "merchant_txn_ref",
        "merchant_id",
        "merchant_email",
        "return_url",
        "billing_address",
        "shipping_address",
    )
    reply = {"id": link.id, "url": origin + page_path(link), "amount": link.terms.amount}
    return Reply(200, reply | {name: body.get(name) for name in repeated})


def _wallet(method: Mapping[str, Any]) -> str | None:
    kind = method.get("type") or CARDS
    if kind == CARDS:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", kind):
        raise Refused(400, "payment_method.type is not a kind of payment.", "BAD_REQUEST")
    return str(kind)


def _check_card_link(body: Mapping[str, Any]) -> None:
    missing = [name for name in ("merchant_email", "billing_address") if body.get(name) in (None, "")]
    if missing:
        raise Refused(400, "; ".join(f"{name} is missing" for name in missing), "BAD_REQUEST")


def _amount(body: Mapping[str, Any], wallet: str | None) -> Decimal | None:
    given, currency = body.get("amount"), body["currency"]
    if given in (None, ""):
        if decimals_of(currency) is None:
            raise Refused(400, "currency is not an ISO 4217 code.", "BAD_REQUEST")
        return None
    if isinstance(given, str) is (wallet is None):
        wanted = "number" if wallet is None else "string"
        raise Refused(
            400, f"amount must be a {wanted} in a {'card' if wallet is None else 'wallet'} link.", "BAD_REQUEST"
        )
    return amount_of(given, currency)
