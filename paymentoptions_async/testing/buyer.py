"""The buyer, on the pages that a payment leads to."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from paymentoptions_async import Payment
from paymentoptions_async.sandbox import Sandbox


class Buyer:
    """Does what a buyer does on the bank's 3-D Secure page, on the hosted page, or on a wallet's page.

    Each method takes a payment that waits for its buyer, or the address of its page, and returns where the browser is
    sent then: to the shop, to a further page, or nowhere (None).
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def approve(self, payment: Payment | str, *, card: str = "approved") -> str | None:
        """Confirm it. On a hosted page, pay with the test card of this name, which may lead on to 3-D Secure."""
        match self._page(payment):
            case url, "challenge":
                return await self._sandbox.answer_challenge(url, "confirm")
            case url, "wallet":
                return await self._sandbox.answer_wallet(url, "approve")
            case url, _:
                return await self._sandbox.pay_hosted_page(url, card)

    async def decline(self, payment: Payment | str) -> str | None:
        """Refuse it. On a hosted page, pay with a card that is declined."""
        match self._page(payment):
            case url, "challenge":
                return await self._sandbox.answer_challenge(url, "decline")
            case url, "wallet":
                return await self._sandbox.answer_wallet(url, "decline")
            case url, _:
                return await self._sandbox.pay_hosted_page(url, "declined")

    async def cancel(self, payment: Payment | str) -> str | None:
        """Go back to the shop. The 3-D Secure page has no way back: it is left by its link, and stays open."""
        url, kind = self._page(payment)
        if kind != "challenge":
            return await self._sandbox.answer_wallet(url, "cancel")
        async with httpx.AsyncClient(transport=self._sandbox.transport()) as browser:
            await browser.get(url, params={**_query(url), "left": "1"})
        return None

    async def abandon(self, payment: Payment | str) -> None:
        """Close the window, and never come back: time passes until the page is no longer valid."""
        _, kind = self._page(payment)
        settings = self._sandbox.settings
        await self._sandbox.advance(settings.challenge_seconds if kind == "challenge" else settings.link_seconds)

    def _page(self, payment: Payment | str) -> tuple[str, str]:
        """The address of a page, and what it is: ``challenge``, ``wallet`` or ``hosted``."""
        url = payment if isinstance(payment, str) else payment.redirect_url
        if url is None:
            assert isinstance(payment, Payment)
            raise ValueError(f"payment {payment.ref} is {payment.status}: it leads its buyer to no page")
        token = _query(url).get("_token", "")
        if self._sandbox.books.challenge(token) is not None:
            return url, "challenge"
        link = self._sandbox.links.find(urlsplit(url).path.rpartition("/")[2])
        if link is None:
            raise ValueError("no such page; was it made by this sandbox, and not reset since?")
        return url, "hosted" if link.terms.wallet is None else "wallet"


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
