"""Run the shop on this machine, with a sandbox as its gateway: ``make shop``."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Sandbox, Settings, serve

from .app import make_app
from .store import Store

PORT = 8000
_SHOWN = {
    "approved": "approved",
    "challenge": "asks for 3-D Secure, then approved",
    "challenge_then_declined": "asks for 3-D Secure, then declined",
    "insufficient_funds": "declined: not enough money",
    "declined": "declined",
    "pending": "undecided; approved after a minute",
    "timeout_charged": "charged, but the answer is unclear",
    "refund_declined": "approved; its refund is declined",
}
TEST_CARDS = tuple((card.number, _SHOWN[card.name]) for card in CARDS if card.name in _SHOWN)


async def main() -> None:
    """Serve shop and sandbox until interrupted. The sandbox forgets when it ends, so the shop's records go with it."""
    bank = Sandbox(settings=Settings(merchant_name="Komorebi"))
    with TemporaryDirectory(prefix="shop-") as directory, contextlib.closing(listen()) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        password = secrets.token_urlsafe(9)
        async with serve(bank) as bank_url:
            app = make_app(
                Store(str(Path(directory) / "shop.db")),
                admin_password=password,
                test_cards=TEST_CARDS,
                environment="sandbox",
                sandbox_url=bank_url,
                api_key=API_KEY,
                x_api_key=X_API_KEY,
                merchant_id=MERCHANT_ID,
                public_url=url,
                signing_secrets=secrets.token_urlsafe(32),
                journal=str(Path(directory) / "payments.db"),
            )
            print(welcome(url, bank_url, password), flush=True)
            await Server(uvicorn.Config(app, log_level="warning", access_log=False)).serve(sockets=[listener])
    print("\nStopped.")


def listen() -> socket.socket:
    """Listen on loopback, on the usual port or another that is free."""
    try:
        return socket.create_server(("127.0.0.1", PORT))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


class Server(uvicorn.Server):
    """Ends on Ctrl-C without killing the program, so that what is under way is recorded."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the wish to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def welcome(url: str, bank_url: str, password: str) -> str:
    """What to open, and with which cards to pay."""
    lines = [
        f"Shop            {url}",
        f"Staff           {url}/admin  (any name, password {password})",
        f"Bank's books    {bank_url}/_sandbox/",
        "",
        "Test cards (any expiry to come, any security code; no money moves)",
        *(f"  {number}  {what}" for number, what in TEST_CARDS),
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    asyncio.run(main())
