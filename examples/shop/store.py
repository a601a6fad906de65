"""The shop's own records, in SQLite: buyers, carts, orders, attempts to pay them, and cards on file.

What became of an attempt stands in the gateway's journal, not here; only its reference is kept. Every method is one
short transaction, so it may run on the event loop. Keep this file and the journal together:
idempotency keys are made from order numbers, and a shop that began to count again would find old payments under them.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paymentoptions_async import Address, Money, Payment

from .catalogue import MOST, Line, total_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buyers (
    id INTEGER PRIMARY KEY, cookie TEXT NOT NULL UNIQUE, currency TEXT NOT NULL, cart INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE IF NOT EXISTS cart_lines (
    buyer INTEGER NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (buyer, sku)
) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, buyer INTEGER NOT NULL, cart INTEGER NOT NULL, placed_at TEXT NOT NULL,
    total TEXT NOT NULL, currency TEXT NOT NULL, lines TEXT NOT NULL, recipient TEXT NOT NULL, address TEXT NOT NULL,
    paid_by TEXT, attention TEXT, UNIQUE (buyer, cart)
) STRICT;
CREATE TABLE IF NOT EXISTS attempts (
    order_number INTEGER NOT NULL, number INTEGER NOT NULL, supersedes TEXT, ref TEXT, returned TEXT,
    PRIMARY KEY (order_number, number)
) STRICT;
CREATE TABLE IF NOT EXISTS refunds (
    payment TEXT NOT NULL, number INTEGER NOT NULL, ref TEXT, PRIMARY KEY (payment, number)
) STRICT;
CREATE TABLE IF NOT EXISTS cards (
    id INTEGER PRIMARY KEY, buyer INTEGER NOT NULL, token TEXT NOT NULL, label TEXT NOT NULL, UNIQUE (buyer, token)
) STRICT;
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Buyer:
    """A browser with our cookie. ``cart`` counts the carts it has checked out, so that each becomes one order."""

    id: int
    cookie: str
    currency: str
    cart: int


@dataclass(frozen=True, slots=True)
class Order:
    """What a buyer ordered. ``paid_by`` is the reference of the payment that paid it, ``attention`` for the staff."""

    number: int
    buyer: int
    placed_at: datetime
    total: Money
    lines: tuple[Line, ...]
    recipient: str
    address: Address
    paid_by: str | None
    attention: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to pay an order. ``returned`` is where the gateway sent its buyer: success, decline or cancel."""

    order: int
    number: int
    supersedes: str | None = None
    ref: str | None = None
    returned: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key of this attempt, whoever asks for it, and whenever."""
        return f"{self.order}:{self.number}"


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card on file. The token is like a password: it never leaves the server."""

    id: int
    token: str
    label: str

    def __repr__(self) -> str:
        return f"<StoredCard {self.label}>"


class Store:
    """The records of one shop. ``path`` is a file, or ``:memory:``."""

    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # Buyers and carts

    def buyer(self, cookie: str | None) -> Buyer | None:
        """The buyer with this cookie."""
        row = self._one("SELECT id, cookie, currency, cart FROM buyers WHERE cookie = ?", cookie)
        return row and Buyer(*row)

    def new_buyer(self, currency: str) -> Buyer:
        """A buyer with a cookie that nobody can guess."""
        row = self._one(
            "INSERT INTO buyers (cookie, currency) VALUES (?, ?) RETURNING id, cookie, currency, cart",
            secrets.token_urlsafe(32),
            currency,
        )
        return Buyer(*row)

    def set_currency(self, buyer: Buyer, currency: str) -> None:
        """Show prices in another currency from now on. Orders keep theirs."""
        self._one("UPDATE buyers SET currency = ? WHERE id = ?", currency, buyer.id)

    def cart(self, buyer: Buyer) -> list[tuple[str, int]]:
        """What lies in the cart, and how many of each."""
        rows = self._all("SELECT sku, quantity FROM cart_lines WHERE buyer = ? ORDER BY rowid", buyer.id)
        return [(row["sku"], row["quantity"]) for row in rows]

    def put(self, buyer: Buyer, sku: str, quantity: int) -> None:
        """Have so many of a good in the cart; none takes it out."""
        if quantity <= 0:
            self._one("DELETE FROM cart_lines WHERE buyer = ? AND sku = ?", buyer.id, sku)
            return
        self._one(
            "INSERT INTO cart_lines VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET quantity = excluded.quantity",
            buyer.id,
            sku,
            min(quantity, MOST),
        )

    # Orders

    def place(
        self, buyer: Buyer, cart: int, lines: Iterable[Line], *, recipient: str, address: Address
    ) -> Order | None:
        """Make a cart an order, once: the same cart again is the same order. None for a cart that is empty."""
        lines = list(lines)
        with self._transaction():
            placed = self._one("SELECT * FROM orders WHERE buyer = ? AND cart = ?", buyer.id, cart)
            if placed is not None or not lines:
                return placed and _order(placed)
            total = total_of(lines, buyer.currency)
            row = self._one(
                "INSERT INTO orders (number, buyer, cart, placed_at, total, currency, lines, recipient, address)"
                " SELECT COALESCE(MAX(number), 1000) + 1, ?, ?, ?, ?, ?, ?, ?, ? FROM orders RETURNING *",
                buyer.id,
                cart,
                datetime.now(UTC).isoformat(),
                str(total.amount),
                total.currency,
                json.dumps([(line.sku, line.title, line.quantity, str(line.price.amount)) for line in lines]),
                recipient,
                json.dumps(address.to_wire()),
            )
            self._one("DELETE FROM cart_lines WHERE buyer = ?", buyer.id)
            self._one("UPDATE buyers SET cart = cart + 1 WHERE id = ?", buyer.id)
        return _order(row)

    def order(self, number: int) -> Order | None:
        """One order."""
        row = self._one("SELECT * FROM orders WHERE number = ?", number)
        return row and _order(row)

    def order_of(self, payment: Payment) -> Order | None:
        """The order that a payment is for, if it is one of ours."""
        name = payment.order or ""
        return self.order(int(name)) if name.isdecimal() else None

    def orders(self, buyer: Buyer | None = None) -> list[Order]:
        """The orders of one buyer, or all, newest first."""
        rows = self._all("SELECT * FROM orders WHERE buyer = ?1 OR ?1 IS NULL ORDER BY number DESC", buyer and buyer.id)
        return [_order(row) for row in rows]

    # Attempts to pay

    def attempts(self, order: int) -> list[Attempt]:
        """The attempts at an order, oldest first."""
        return [
            Attempt(*row) for row in self._all("SELECT * FROM attempts WHERE order_number = ? ORDER BY number", order)
        ]

    def begin(self, order: int, number: int, *, supersedes: str | None) -> Attempt | None:
        """Write an attempt down before it is made; one that stands already is returned as it stands.

        None for a number that is not the next one.
        """
        with self._transaction():
            attempts = {attempt.number: attempt for attempt in self.attempts(order)}
            if number == max(attempts, default=0) + 1:
                self._one("INSERT INTO attempts VALUES (?, ?, ?, NULL, NULL)", order, number, supersedes)
                return Attempt(order, number, supersedes)
        return attempts.get(number)

    def withdraw(self, attempt: Attempt) -> None:
        """Strike out an attempt that the gateway's client refused to make."""
        self._one(
            "DELETE FROM attempts WHERE order_number = ? AND number = ? AND ref IS NULL", attempt.order, attempt.number
        )

    def withdraw_forgotten(self) -> None:
        """Strike out the attempts that a crash kept from being made. Those that it did not are told of by `learn`."""
        self._one("DELETE FROM attempts WHERE ref IS NULL")

    def remember(self, attempt: Attempt, ref: str) -> None:
        """Keep the reference of an attempt."""
        self._one(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET ref = excluded.ref",
            attempt.order,
            attempt.number,
            attempt.supersedes,
            ref,
        )

    def learn(self, payment: Payment) -> None:
        """Keep the reference of an attempt from what the journal says of it; it may be all that a crash left."""
        order, _, number = (payment.idempotency_key or "").partition(":")
        if payment.order == order and number.isdigit():
            self.remember(Attempt(int(order), int(number)), payment.ref)

    def returned(self, payment: Payment, purpose: str) -> None:
        """Note that a buyer came back, and from where."""
        self._one("UPDATE attempts SET returned = ? WHERE ref = ?", purpose, payment.ref)

    # What was confirmed

    @contextmanager
    def once(self, event: str) -> Iterator[bool]:
        """Give True the first time an event is taken in; whatever is done inside is kept with it, or not at all."""
        with self._transaction():
            yield self._db.execute("INSERT INTO events VALUES (?) ON CONFLICT DO NOTHING", (event,)).rowcount == 1

    def mark_paid(self, order: Order, ref: str) -> None:
        """The order is paid; pack it. The first payment stays the one that paid it."""
        self._one(
            "UPDATE orders SET paid_by = COALESCE(paid_by, ?), attention = NULL WHERE number = ?", ref, order.number
        )

    def hold(self, order: Order, why: str) -> None:
        """It is no longer sure that the order is paid: have a person look at it before it leaves."""
        self._one("UPDATE orders SET paid_by = NULL, attention = ? WHERE number = ?", why, order.number)

    def flag(self, order: Order, why: str) -> None:
        """Have a person look at an order, which goes on meanwhile."""
        self._one("UPDATE orders SET attention = ? WHERE number = ?", why, order.number)

    def keep_card(self, order: Order, token: str, label: str) -> None:
        """Put a card on file for the buyer of an order."""
        self._one(
            "INSERT INTO cards (buyer, token, label) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", order.buyer, token, label
        )

    def cards(self, buyer: int) -> list[StoredCard]:
        """The cards on file of a buyer, the latest first."""
        return [
            StoredCard(*row)
            for row in self._all("SELECT id, token, label FROM cards WHERE buyer = ? ORDER BY id DESC", buyer)
        ]

    # Refunds

    def refunds(self, payment: str) -> list[str | None]:
        """The references of a payment's refunds, oldest first; None for one that was not made."""
        return [row["ref"] for row in self._all("SELECT ref FROM refunds WHERE payment = ? ORDER BY number", payment)]

    def begin_refund(self, payment: str, number: int) -> None:
        """Write a refund down before it is made."""
        self._one("INSERT INTO refunds VALUES (?, ?, NULL) ON CONFLICT DO NOTHING", payment, number)

    def remember_refund(self, payment: str, number: int, ref: str) -> None:
        """Keep the reference of a refund."""
        self._one("UPDATE refunds SET ref = ? WHERE payment = ? AND number = ?", ref, payment, number)

    # Below all of them

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self._all(sql, *values)
        return rows[0] if rows else None

    def _all(self, sql: str, *values: Any) -> list[Any]:
        return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _order(row: sqlite3.Row) -> Order:
    currency = row["currency"]
    return Order(
        number=row["number"],
        buyer=row["buyer"],
        placed_at=datetime.fromisoformat(row["placed_at"]),
        total=Money(row["total"], currency),
        lines=tuple(
            Line(sku, title, quantity, Money(price, currency))
            for sku, title, quantity, price in json.loads(row["lines"])
        ),
        recipient=row["recipient"],
        address=Address(**json.loads(row["address"])),
        paid_by=row["paid_by"],
        attention=row["attention"],
    )
