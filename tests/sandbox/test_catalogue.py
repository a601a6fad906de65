from __future__ import annotations

import csv
import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from paymentoptions_async.sandbox import (
    MERCHANT_ID,
    Catalogue,
    CorefyCatalogue,
    Plan,
    Sandbox,
    Settings,
    replies,
    serve,
)
from paymentoptions_async.sandbox.catalogue import COLUMNS, UNTIL, VERDICTS
from paymentoptions_async.sandbox.catalogue.permutation import InvoiceIds, Permutation, TransactionIds
from paymentoptions_async.sandbox.document import load

PREFIX = "/api/v1/server-to-server-interface"
MIXED = Plan.even(0.4)
KEYS = st.binary(max_size=20)


# Ids ------------------------------------------------------------------------------------------------------------------


@given(KEYS, st.integers(2, 40))
def test_a_permutation_reaches_every_number_once_and_comes_back(key, half):
    permutation = Permutation(key, half)
    reached = [permutation.forward(number) for number in range(half * half)]
    assert sorted(left * half + right for left, right in reached) == list(range(half * half))
    assert [permutation.back(*pair) for pair in reached] == list(range(half * half))


@given(KEYS, st.integers(0, 2**122 - 1))
def test_a_number_is_a_uuid_of_version_4_and_the_uuid_that_number(key, number):
    ids = TransactionIds(key)
    found = uuid.UUID(ids.of(number))
    assert (found.version, found.variant, str(found)) == (4, uuid.RFC_4122, ids.of(number))
    assert ids.number(str(found)) == number


@given(KEYS, st.integers(0, 62**16 - 1))
def test_a_number_is_an_invoice_id_and_the_id_that_number(key, number):
    ids = InvoiceIds(key)
    assert len(ids.of(number)) == 20
    assert ids.number(ids.of(number)) == number


@pytest.mark.parametrize("text", ["", "no id", "6faab9af-a989-1d35-bfa8-6f0ef1349959", "6FAAB9AF" * 4, "cpi_short"])
def test_what_is_no_id_is_no_number(text):
    assert TransactionIds(b"").number(text) is InvoiceIds(b"").number(text) is None


def test_ids_differ_by_seed_and_do_not_show_their_order():
    ids = [[Catalogue(seed=seed, count=1000).id_of(number) for number in range(1000)] for seed in (1, 2)]
    assert len({*ids[0], *ids[1]}) == 2000
    assert sum(before < after for before, after in pairwise(ids[0])) in range(400, 600)


# Transactions ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_and_another_one_another():
    one, same, other = (
        [*Catalogue(seed=seed, count=500, plan=MIXED).ledger(), *Catalogue(seed=seed, count=500, plan=MIXED).expected()]
        for seed in (5, 5, 6)
    )
    assert one == same != other


def test_a_transaction_alone_is_what_it_is_among_all():
    catalogue = Catalogue(seed=5, count=203, plan=MIXED)
    listed = [entry for block in range(51) for entry in catalogue._block(block)]
    assert [catalogue.entry(number) for number in range(203)] == listed
    with pytest.raises(IndexError):
        catalogue.entry(203)
    assert catalogue.lookup(catalogue.id_of(203)) is None


def test_there_is_all_that_a_bank_has():
    catalogue = Catalogue(seed=1, count=4000)
    entries = [catalogue.entry(number) for number in range(4000)]
    assert {entry.kind for entry in entries} == {"payment", "authorization", "capture", "refund", "void"}
    assert {entry.currency for entry in entries} >= {"JPY", "USD", "KWD"}
    assert {"approved", "partial_approval", "insufficient_funds", "risk_rule"} <= {entry.outcome for entry in entries}
    assert {entry.planted for entry in entries} == {""}
    times = [entry.at for entry in entries]
    assert times == sorted(times)
    assert max(times) < UNTIL.timestamp() * 1000
    assert min(times) == (UNTIL - timedelta(days=365)).timestamp() * 1000


def test_what_follows_a_payment_shares_its_reference_and_fits_its_amount():
    catalogue = Catalogue(seed=1, count=4000)
    chains: dict[int, list[Any]] = {}
    for number in range(4000):
        entry = catalogue.entry(number)
        chains.setdefault(entry.root, []).append(entry)
    kinds = {tuple(entry.kind for entry in chain) for chain in chains.values()}
    assert ("payment", "refund", "refund") in kinds
    assert ("authorization", "capture", "capture") in kinds
    for root, chain in chains.items():
        assert chain[0].number == root
        assert {entry.currency for entry in chain} == {chain[0].currency}
        back = sum(entry.minor for entry in chain if entry.kind == "refund" and entry.outcome == "approved")
        assert back == sum(entry.refunded or 0 for entry in chain) <= chain[0].minor
        assert sum(entry.minor for entry in chain if entry.kind == "capture") <= chain[0].minor


# What is planted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Catalogue, CorefyCatalogue])
@pytest.mark.parametrize("name", Plan().rates())
def test_each_discrepancy_can_be_planted_alone(make, name):
    catalogue = make(seed=3, count=400, plan=Plan(**{name: 0.5}))
    found = [one for one in catalogue.expected(tolerant=True) if one.planted]
    if make is CorefyCatalogue and name == "twice_at_gateway":
        assert not found
        return
    assert {one.planted for one in found} == ({name} if name != "twice_in_ledger" else {name, "repeated"})
    assert {one.verdict for one in found} == {VERDICTS[one.planted] for one in found}
    assert 30 < len(found) < 450


def test_the_ledger_says_otherwise_only_where_it_is_planted():
    catalogue = Catalogue(seed=3, count=2000, plan=MIXED)
    rows = {row["transaction_id"]: row for row in Catalogue(seed=3, count=2000).ledger()}
    differing: dict[str, set[str]] = {}
    for expected, row in zip((one for one in catalogue.expected() if one.line), catalogue.ledger(), strict=True):
        honest = rows.get(row["transaction_id"], row)
        differing.setdefault(expected.planted, set()).update(name for name in COLUMNS if row[name] != honest[name])
    assert differing.pop("") == set()
    for open_one in ("pending", "stale"):
        assert differing.pop(open_one) <= {"status", "refunded", "created_at"}
    assert differing.pop("unclear") <= {"status", "refunded"}
    again = differing.pop("twice_at_gateway")
    assert {"merchant_txn_ref", "order_id", "amount", "currency"} <= again <= set(COLUMNS) - {"created_at", "type"}
    assert differing.pop("unreadable") == {"status", "amount", "currency", "created_at"}
    assert differing == {
        "amount": {"amount"},
        "within_tolerance": {"amount"},
        "currency": {"currency"},
        "status": {"status"},
        "kind": {"type"},
        "refund": {"refunded"},
        **{name: set() for name in ("missing_at_gateway", "twice_in_ledger", "repeated")},
        **{name: set() for name in ("foreign", "unanswered", "no_id")},
    }


def test_amounts_are_off_by_more_than_the_tolerance_or_by_less():
    catalogue = Catalogue(seed=3, count=1500, plan=Plan(amount=0.3, within_tolerance=0.3))
    seen = set()
    for expected, row in zip(catalogue.expected(tolerant=True), catalogue.ledger(), strict=True):
        entry = catalogue.lookup(expected.transaction_id)
        assert entry is not None
        off = abs(Decimal(row["amount"]) - catalogue.transaction(entry, Settings()).approved)
        tolerance = catalogue.tolerances[row["currency"]]
        verdict = "matched" if not off else "amount_within_tolerance" if off <= tolerance else "amount_mismatch"
        assert expected.verdict == verdict
        assert Decimal(row["amount"]) > 0
        seen.add(verdict)
    assert len(seen) == 3
    assert "amount_within_tolerance" not in catalogue.counts()


def test_open_ones_are_young_or_old_at_the_end():
    until = datetime(2026, 3, 1, tzinfo=UTC)
    catalogue = Catalogue(seed=3, count=800, plan=Plan(pending=0.3, stale=0.3), until=until)
    ages: dict[str, list[float]] = {}
    for number in range(800):
        entry = catalogue.entry(number)
        ages.setdefault(entry.planted, []).append(until.timestamp() - entry.at / 1000)
    assert 0 <= min(ages["pending"]) < max(ages["pending"]) < 86_400
    assert min(ages["stale"]) > 10 * 86_400


def test_a_row_that_is_there_twice_comes_again_later():
    catalogue = Catalogue(seed=3, count=2000, plan=Plan(twice_in_ledger=0.02))
    rows = list(catalogue.ledger())
    lines = {one.line: one for one in catalogue.expected() if one.line is not None}
    repeated = {line: one for line, one in lines.items() if one.verdict == "duplicate_in_ledger"}
    assert len(repeated) > 20
    assert len(rows) == 2000 + len(repeated) == len(lines)
    for line, one in repeated.items():
        first = min(at for at, other in lines.items() if other.transaction_id == one.transaction_id)
        assert first < line
        assert rows[first - 2] == rows[line - 2]


def test_what_the_ledger_lacks_is_told_apart():
    catalogue = Catalogue(seed=3, count=1000, plan=Plan(missing_in_ledger=0.1))
    lacking = list(catalogue.unlisted())
    assert len(lacking) > 20
    assert {row["status"] for row in lacking} <= {"approved", "partially_approved"}
    listed = {row["transaction_id"] for row in catalogue.ledger()}
    assert len(listed) + len(lacking) == 1000
    assert listed.isdisjoint(row["transaction_id"] for row in lacking)
    expected = [one for one in catalogue.expected() if one.line is None]
    assert [one.transaction_id for one in expected] == [row["transaction_id"] for row in lacking]
    assert {one.verdict for one in expected} == {"missing_in_ledger"}
    assert all(catalogue.status(row["transaction_id"]) for row in lacking)


def test_files_hold_what_is_streamed(tmp_path):
    catalogue = Catalogue(seed=3, count=1000, plan=MIXED)
    rows = catalogue.write_ledger(tmp_path / "ledger.csv")
    catalogue.write_expected(tmp_path / "expected.csv", tolerant=True)
    with (tmp_path / "ledger.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == list(catalogue.ledger())
    with (tmp_path / "expected.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    assert [one["line"] for one in told if one["line"]] == [str(line) for line in range(2, rows + 2)]
    assert Counter(one["verdict"] for one in told) == catalogue.counts(tolerant=True)


@pytest.mark.parametrize("shares", [{"amount": -0.1}, {"amount": 1.1}, {"amount": 0.6, "status": 0.6}])
def test_shares_are_shares(shares):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Plan(**shares)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"days": 0}, {"until": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_a_catalogue_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"catalogue|aware"):
        Catalogue(**{"seed": 1, "count": 1, **wrong})


# Answers --------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(0, 10**8 - 1))
def test_the_quick_answer_is_the_sandboxs_own(seed, number):
    catalogue = Catalogue(seed=seed, count=10**8, plan=Plan.even(0.9))
    transaction_id = catalogue.id_of(number)
    status, body = catalogue.answer(transaction_id)
    assert (status == 200) == (catalogue.status(transaction_id) is not None)
    if status == 200:
        transaction = catalogue.find(transaction_id, Settings())
        assert transaction is not None
        assert body == replies.status(transaction, Settings()).content()


def test_every_answer_keeps_to_the_document():
    document = load()
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT4.create_resource(document))
    schema = {"$ref": "urn:document#/components/schemas/PaymentReply"}
    validator = OAS30Validator(schema, registry=registry)
    catalogue = Catalogue(seed=1, count=300, plan=MIXED)
    answered = [body for number in range(300) if (body := catalogue.status(catalogue.id_of(number)))]
    assert len(answered) > 200
    for body in answered:
        assert list(validator.iter_errors(json.loads(body))) == []


async def test_the_sandbox_answers_from_its_catalogue(clock, inbox, keys):
    catalogue = Catalogue(seed=1, count=10**8, plan=MIXED)
    sandbox = Sandbox(clock=clock, deliver=inbox, catalogue=catalogue)
    numbers = range(10**8 - 60, 10**8 + 3)
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys) as client:
        await _check_answers(client, catalogue, numbers)
        assert (await client.get(f"{PREFIX}/transaction/status/nothing")).status_code == 404
    assert sandbox.requests[0].transaction_id is not None


async def test_the_sandbox_answers_from_its_catalogue_over_http(keys):
    catalogue = Catalogue(seed=1, count=1000, plan=Plan(missing_at_gateway=0.2, unanswered=0.4, foreign=0.2))
    async with serve(Sandbox(catalogue=catalogue)) as url, httpx.AsyncClient(base_url=url, headers=keys) as client:
        await _check_answers(client, catalogue, range(980, 1003))


async def _check_answers(client: httpx.AsyncClient, catalogue: Catalogue, numbers: range) -> None:
    statuses = set()
    for number in numbers:
        transaction_id = catalogue.id_of(number)
        status, body = catalogue.answer(transaction_id)
        reply = await client.get(f"{PREFIX}/transaction/status/{transaction_id}")
        assert (reply.status_code, reply.content) == (status, body)
        statuses.add(status)
    assert statuses == {200, 404, 500}


async def test_its_own_payments_are_known_beside_the_catalogue(clock, inbox, keys, body):
    sandbox = Sandbox(clock=clock, deliver=inbox, catalogue=Catalogue(seed=1, count=10))
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys) as client:
        made = (await client.post(f"{PREFIX}/paymentv2", json=body())).json()["transaction_details"]["id"]
        assert (await client.get(f"{PREFIX}/transaction/status/{made}")).status_code == 200
        old = {"transactionId": sandbox.catalogue.id_of(0), "merchant_id": MERCHANT_ID, "amount": 1}
        assert (await client.post(f"{PREFIX}/refund", json=old)).status_code == 404
