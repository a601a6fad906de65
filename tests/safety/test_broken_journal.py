"""A journal that fails shows neither the database's password nor what it was to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import ConfigurationError, JournalUnavailable, PaymentOptionsError
from paymentoptions_async.journal.postgres import lanes
from tests.safety import tour
from tests.safety.marks import CVC, PAN, Marks
from tests.safety.test_durable import assert_silent, logged
from tests.support.postgres import GUARDED, PASSWORD, Cluster, new_schema, postgres, private_postgres

__all__ = ["logged", "postgres", "private_postgres"]  # fixtures

WEBHOOK = f'{{"card": {{"number": "{PAN}", "cvc": "{CVC}"}}}}'.encode()


async def use(shop: tour.Shop, url: str) -> None:
    """All that needs the journal."""
    gateway = shop.gateway
    for act in tour.CHARGES.values():
        await act(shop)
    ref = url.split("/")[-2]
    for call in (gateway.unresolved(), gateway.payment(ref), gateway.history(ref), shop.receive(url, WEBHOOK)):
        await shop.see(call)
    *_, token = url.split("/")
    await shop.see(gateway.returned("success", ref, token))


async def broken(journal: str, break_it: Any) -> tour.Shop:
    """A shop whose journal breaks between two payments, and while one is on the wire."""
    marks = Marks(also=[PASSWORD])
    async with tour.opened("mock", marks, journal=journal) as shop:
        paid = await shop.purchase()
        url = shop.bank.books.charges(paid.ref)[0].order.urls["webhook_url"]
        await shop.settle()
        break_it()
        await use(shop, url)
    return shop


async def test_a_database_that_goes_away_is_told_without_its_password(private_postgres: Cluster, logged, monkeypatch):
    def go_away() -> None:
        monkeypatch.setattr(lanes, "PATIENCE", 0.2)  # for what will not come back
        private_postgres.kill()

    url = private_postgres.url(user=GUARDED, password=PASSWORD, journal_schema=new_schema())
    shop = await broken(url, go_away)
    assert {type(error) for error in shop.raised} >= {JournalUnavailable}
    assert_silent(shop, shop.marks)
    assert shop.marks.found_in(logged()) == set()


async def test_a_database_that_refuses_what_it_is_to_keep_does_not_have_it_shown(postgres: Cluster, logged):
    schema = new_schema()

    def refuse() -> None:
        postgres.sql(f"ALTER TABLE {schema}.intents ADD CHECK (ref = 'none') NOT VALID")
        postgres.sql(f"ALTER TABLE {schema}.notices ADD CHECK (ref = 'none') NOT VALID")

    shop = await broken(postgres.url(user=GUARDED, password=PASSWORD, journal_schema=schema), refuse)
    assert {type(error) for error in shop.raised} >= {JournalUnavailable}
    assert_silent(shop, shop.marks)
    assert shop.marks.found_in(logged()) == set()


async def test_a_wrong_password_is_not_shown(postgres: Cluster, logged):
    marks = Marks(also=[PASSWORD, "another word that nobody sees"])
    url = postgres.url(user=GUARDED, password="another word that nobody sees")
    with pytest.raises(ConfigurationError, match="password") as failed:
        async with tour.opened("mock", marks, journal=url):
            pass
    shop: Any = type("Shop", (), {"returned": [], "raised": [failed.value]})
    assert_silent(shop, marks)
    assert marks.found_in(logged()) == set()


async def test_a_file_that_was_damaged_is_told_without_what_was_in_it(tmp_path: Path, logged):
    file = tmp_path / "journal.db"

    def damage() -> None:
        for path in tmp_path.iterdir():
            path.write_bytes(b"\x00" * path.stat().st_size)

    try:
        shop = await broken(str(file), damage)
    except PaymentOptionsError as error:
        shop = type("Shop", (), {"returned": [], "raised": [error], "marks": Marks()})  # type: ignore[assignment]
    assert shop.raised
    assert_silent(shop, shop.marks)
    assert shop.marks.found_in(logged()) == set()
