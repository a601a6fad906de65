"""The secrets of a campaign, marked, and the search for them in whatever it left on disk."""

from __future__ import annotations

import mmap
import re
from base64 import b64encode
from pathlib import Path

from paymentoptions_async import Card
from paymentoptions_async.redirects import Signer
from paymentoptions_async.sandbox import CARDS, COREFY_ACCOUNT_ID, COREFY_CARDS, MERCHANT_ID

CARD_NUMBERS = {card.name: card.number for card in CARDS}
COREFY_NUMBERS = {card.name: card.number for card in COREFY_CARDS}
CVC = "9417"
API_KEY = "marked-key-f8b1c2d3e4"
X_API_KEY = "marked-second-a9b8c7d6e5"
COREFY_API_KEY = "marked-corefy-c0d1e2f3a4"
COREFY_TEST_SECRET = "sk_test_marked-5a6b7c8d9e"
COREFY_LIVE_SECRET = "sk_live_marked-1f2e3d4c5b"
SIGNING_SECRET = "a marked signing secret"
NOWHERE = "http://127.0.0.1:9"
PUBLIC_URL = f"{NOWHERE}/pay"
COREFY_PUBLIC_URL = f"{NOWHERE}/corefy"
"""Where webhooks go, as the bank knows it; who really listens there changes whenever a worker is started again."""

SIGNER = Signer((SIGNING_SECRET,), MERCHANT_ID, "sandbox")

_ENCODED = "|".join(
    b64encode(keys.encode()).decode() for keys in (f"{API_KEY}:", f"{COREFY_ACCOUNT_ID}:{COREFY_API_KEY}")
)
_SECRETS = {
    "a card number": "|".join((*CARD_NUMBERS.values(), *COREFY_NUMBERS.values())),
    "a security code": rf"(?i:cvc|cvv|security.?code)\W{{1,6}}{CVC}",
    "an API key": f"{API_KEY}|{X_API_KEY}|{COREFY_API_KEY}|{_ENCODED}",
    "a secret that signs callbacks": f"{COREFY_TEST_SECRET}|{COREFY_LIVE_SECRET}",
    "a bearer of the cardgate": r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}",
    "the signing secret": SIGNING_SECRET,
    "a webhook's token": rf"{re.escape(SIGNER.key_ids[0])}[A-Za-z0-9_-]{{22}}",
}
_ELSEWHERE = {
    "a redirect URL": r"_token=[0-9a-f]{48}|HostedPaymentPage/[A-Za-z0-9]{8}|hpp\W{1,4}cgi_\w{8}|hpp\W{1,5}cpi=",
    "a form of the buyer's bank": r"creq\W{1,6}eyJ",
    "a stored card's token": r"stored_payment_method_id\W{1,6}(?:[0-9a-f]{8}-[0-9a-f]{4}-|[A-Za-z0-9]{32})",
}
"""These may stand in a journal, and nowhere else."""


def card(name: str) -> Card:
    """The sandbox's test card of this name, with a marked security code."""
    return Card(number=CARD_NUMBERS[name], cvc=CVC, expiry_month=12, expiry_year=2029, name="John Doe")


def corefy_card(name: str) -> Card:
    """Corefy's test card of this name; ``pending`` is one that the bank does not decide about by itself."""
    kind, is_pending = name.replace("pending", "processed"), name.startswith("pending")
    expiry = (7, 2077) if is_pending else (12, 2029)
    return Card(number=COREFY_NUMBERS[kind], cvc=CVC, expiry_month=expiry[0], expiry_year=expiry[1], name="John Doe")


def secrets_in(path: Path, *, is_journal: bool) -> list[str]:
    """Name the secrets that stand in a file, read as bytes; never what they are."""
    patterns = _SECRETS if is_journal else _SECRETS | _ELSEWHERE
    if not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [what for what, pattern in patterns.items() if re.search(pattern.encode(), content)]
