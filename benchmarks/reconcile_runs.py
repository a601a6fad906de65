"""What the benchmarks of reconciling have in common: a ledger of what the server knows, and a client of it."""

from __future__ import annotations

import csv
import urllib.request
import uuid
from pathlib import Path
from random import Random

from benchmarks.gateway_server import MERCHANT_ID
from paymentoptions_async import PaymentOptions


def write_ledger(path: Path, rows: int) -> list[str]:
    """Write a ledger that the server agrees with in everything, and return the ids of its transactions."""
    random = Random(1)
    ids = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(rows)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["transaction_id", "amount", "currency", "status"])
        writer.writerows([transaction_id, "1000", "JPY", "approved"] for transaction_id in ids)
    return ids


def client(url: str) -> PaymentOptions:
    """A client as an application would make it, with its journal in memory."""
    return PaymentOptions(
        api_key="benchmark-key",
        x_api_key="benchmark-x-key",
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=url,
    )


def noted(url: str) -> list[tuple[float, str]]:
    """When the server was asked for what, in seconds, since it told that last."""
    with urllib.request.urlopen(f"{url}/noted") as answer:  # noqa: S310  our own server's
        lines = answer.read().decode().splitlines()
    return [(float(second), transaction_id) for second, transaction_id in map(str.split, lines)]
