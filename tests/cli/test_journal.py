"""`paymentoptions journal`, on journals that an application wrote."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from paymentoptions_async import refs
from paymentoptions_async.cli import main
from paymentoptions_async.cli.journal import exporting
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Change, Intent, Notice, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.payment import Decline, Operation, PaymentStatus, Progress, Source
from paymentoptions_async.values import MaskedCard, Money
from tests.support.postgres import GUARDED, PASSWORD, Cluster, new_schema, postgres
from tests.support.scripted import MERCHANT, OTHER_TRANSACTION, TRANSACTION

__all__ = ["postgres"]  # a fixture

YEN = Money("1000", "JPY")
LOST = Evidence(Left.MAYBE, Stage.SENDING, failure="reset")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PAGE = "https://checkout-dev.paymentoptions.com/integration/3ds?_token=buyers-secret"
TOKEN = "b1f0a1de-6b5c-4f8e-9f30-cc2f4f8a7a11"


class Books:
    """A journal that an application has open, and the commands over it. ``ago`` sets its clock back, in seconds."""

    def __init__(self, location: str) -> None:
        self.ago = 0.0
        self.journal = open_journal(location, clock=lambda: time.time() - self.ago)
        self._runner = asyncio.Runner()

    def do(self, work: Callable[[Journal], Coroutine[Any, Any, Any]]) -> Any:
        """Use the journal as the application does."""
        return self._runner.run(work(self.journal))

    def close(self) -> None:
        self._runner.run(self.journal.aclose())
        self._runner.close()

    def ref(self, key: str, operation: Operation = Operation.PURCHASE) -> str:
        return intent(key, operation).ref

    def keep(
        self,
        key: str,
        status: PaymentStatus,
        operation: Operation = Operation.PURCHASE,
        *,
        age: float = 0.0,
        evidence: Evidence | None = None,
        about: dict[str, Any] | None = None,
        **known: Any,
    ) -> str:
        """Write one payment down, ``age`` seconds ago; ``about`` it is what was asked, ``known`` what came of it."""
        asked = intent(key, operation, **(about or {}))
        told = {"status": status, "progress": Progress.ANSWERED, "source": Source.REPLY, **known}

        async def work(journal: Journal) -> None:
            assert (await journal.admit(asked, owner="application", lease=45.0)).send
            await journal.change(
                asked.ref,
                lambda record: Change(replace(record.payment, **told), Source.REPLY, "answered", evidence),
            )

        self.ago = age
        self.do(work)
        self.ago = 0.0
        return asked.ref

    def run(self, *words: str, columns: int | None = None, answer: str | None = None) -> Result:
        env = {"COLUMNS": str(columns)} if columns else {}
        return CliRunner().invoke(main, ["journal", *words], env=env, input=answer)


def intent(key: str, operation: Operation = Operation.PURCHASE, **about: Any) -> Intent:
    whose = {"gateway": "paymentoptions", "environment": "sandbox", "merchant_id": MERCHANT, **about}
    names = {name: whose.pop(name) for name in ("gateway", "environment", "merchant_id")}
    ref = refs.make_ref(**names, family=operation.family, idempotency_key=key)
    return Intent(**names, operation=operation, idempotency_key=key, ref=ref, **{"amount": YEN, **whose})


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    location = str(tmp_path / "payments.db")
    monkeypatch.setenv("PAYMENTOPTIONS_JOURNAL", location)
    monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "sandbox")
    monkeypatch.setenv("PAYMENTOPTIONS_MERCHANT_ID", MERCHANT)
    monkeypatch.delenv("COLUMNS", raising=False)
    books = Books(location)
    books.do(lambda journal: journal.get("PO"))  # which makes the file
    yield books
    books.close()


# unresolved


def test_nothing_unresolved_is_said_and_is_success(books: Books):
    books.keep("1", PaymentStatus.APPROVED)
    result = books.run("unresolved")
    assert (result.exit_code, result.output) == (0, f"Nothing unresolved of sandbox {MERCHANT}.\n")


def test_a_misspelt_merchant_is_not_told_that_all_is_well(books: Books):
    books.keep("1", PaymentStatus.UNKNOWN)
    result = books.run("unresolved", "--merchant", "JP00000010")
    assert result.exit_code == 2
    assert "no payment of sandbox JP00000010 at all" in result.stderr


def urgent_first(books: Books) -> list[str]:
    """What is open, in the order in which it should be looked at, and some of what is not."""
    books.keep("done", PaymentStatus.DECLINED, age=DAY)
    waiting = books.keep("waits", PaymentStatus.ACTION_REQUIRED, age=3 * DAY, redirect_url=PAGE)
    lost = books.keep("lost", PaymentStatus.UNKNOWN, age=DAY, evidence=LOST, doubts=(str(LOST),))
    pending = books.keep("slow", PaymentStatus.PENDING, age=2 * HOUR, transaction_id=TRANSACTION)
    plan = books.keep("plan", PaymentStatus.UNKNOWN, Operation.SUBSCRIBE, age=HOUR, doubts=("no answer",))
    books.do(lambda journal: journal.admit(intent("flying"), owner="application", lease=45.0))
    return [plan, lost, pending, waiting]


@pytest.mark.parametrize("columns", [80, 160, None])
def test_what_is_open_is_listed_the_most_urgent_first_and_references_are_never_cut(books: Books, columns: int | None):
    expected = urgent_first(books)
    result = books.run("unresolved", columns=columns)
    assert result.exit_code == 1
    assert [word for word in result.output.split() if word.startswith("PO")] == expected
    assert max(map(len, result.output.splitlines())) <= (columns or 200)
    for told in ("3d", "1d", "2h", "1h", "action_required", "unknown", "pending", "subscribe", "no answer, reset"):
        assert told in result.output
    assert "4 unresolved of sandbox JP00000001: subscriptions 1, unknown or pending 2" in result.output


def test_scripts_read_json_without_pages_and_tokens(books: Books):
    expected = urgent_first(books)
    result = books.run("unresolved", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, [one["ref"] for one in found]) == (1, expected)
    assert [one["urgency"] for one in found] == ["billing", "undecided", "undecided", "waiting"]
    assert (found[1]["amount"], found[1]["currency"], found[1]["why"]) == ("1000", "JPY", str(LOST))
    assert "secret" not in result.stdout
    assert json.loads(books.run("unresolved", "--json", "--older-than", "9d").stdout) == []


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["--kind", "pending"], ["slow"]),
        (["--older-than", "23h"], ["lost", "waits"]),
        (["--older-than", "1d12h"], ["waits"]),
        (["--older-than", "90m", "--kind", "unknown"], ["lost"]),
        (["--older-than", "4d"], []),
    ],
    ids=" ".join,
)
def test_it_lists_what_is_asked_for(books: Books, options: list[str], keys: list[str]):
    urgent_first(books)
    result = books.run("unresolved", "--json", *options)
    assert [one["idempotency_key"] for one in json.loads(result.stdout)] == keys
    assert result.exit_code == (1 if keys else 0)


def test_it_says_when_a_webhook_waits_to_be_confirmed(books: Books):
    ref = books.keep("1", PaymentStatus.ACTION_REQUIRED)
    assert "webhook" not in books.run("unresolved").output
    books.do(lambda journal: journal.note(notice(ref)))
    assert "a webhook of it came; the application confirms it" in books.run("unresolved").output


@pytest.mark.parametrize(
    ("status", "known", "by"),
    [
        (PaymentStatus.UNKNOWN, {}, "its webhook; or a person who looks it up in the portal"),
        (PaymentStatus.UNKNOWN, {"transaction_id": TRANSACTION}, "resolve(), which asks the gateway; or a person who"),
        (PaymentStatus.UNKNOWN, {"contradicted": True}, "a person who compares its history with the portal"),
        (PaymentStatus.PENDING, {"transaction_id": TRANSACTION}, "resolve(), which asks the gateway"),
        (PaymentStatus.PENDING, {}, "its webhook"),
        (PaymentStatus.ACTION_REQUIRED, {}, "its buyer; or a person, as abandoned"),
    ],
)
def test_it_says_what_can_settle_each(books: Books, status: PaymentStatus, known: dict[str, Any], by: str):
    ref = books.keep("1", status, **known)
    [found] = json.loads(books.run("unresolved", "--json").stdout)
    assert found["settled_by"].startswith(by)
    assert by in books.run("show", ref).output


def notice(ref: str) -> Notice:
    return Notice(ref=ref, digest="d", transaction_ids=(TRANSACTION,), body={}, scope=intent("any").scope, known=True)


@pytest.mark.parametrize("wrong", ["soon", "2", "-1h", "", "1h2d"])
def test_a_duration_that_is_none_is_refused(books: Books, wrong: str):
    result = books.run("unresolved", "--older-than", wrong)
    assert result.exit_code == 2
    assert "write 90s, 15m, 2h, 3d or 1d12h" in result.output


# show


def test_all_of_a_payment_is_shown(books: Books):
    ref = books.keep(
        "1042:1",
        PaymentStatus.UNKNOWN,
        age=2 * DAY,
        evidence=replace(LOST, request_id="req-7"),
        about={"order": "1042", "signing_key": "s"},
        doubts=(str(LOST),),
        card=MaskedCard("520000", "1005", "12", "29", "MASTERCARD"),
        redirect_url=PAGE,
        stored_payment_method_id=TOKEN,
    )
    books.do(lambda journal: journal.note(notice(ref)))
    result = books.run("show", ref, columns=80)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80
    for told in (
        "purchase of 1000 JPY",
        "unknown",
        "1042:1",
        "2d ago",
        "520000******1005 12/29 MASTERCARD",
        f"as reference {ref}",
        "opened: pending, told by the application",
        "answered: unknown, told by the gateway's answer",
        "no answer, reset at sending; the request may have left",
        "request id req-7",
        f"names {TRANSACTION}",
    ):
        assert told in result.output
    assert "secret" not in result.output
    assert TOKEN not in result.output


def test_what_followed_and_the_balance_are_shown(books: Books):
    paid = books.keep("1", PaymentStatus.APPROVED, transaction_id=TRANSACTION)
    about = {"parent": paid, "charge_ref": paid, "amount": Money("300", "JPY")}
    refund = books.keep("1:back", PaymentStatus.UNKNOWN, Operation.REFUND, about=about, doubts=("no answer",))
    shown = books.run("show", paid).output
    assert refund in shown
    assert "0 JPY, and 300 JPY more may be" in shown
    assert "700 JPY" in shown
    assert f"as a refund under {paid}, whose notes end with {refund}" in books.run("show", refund).output


def test_an_authorisation_shows_what_may_be_captured(books: Books):
    held = books.keep("1", PaymentStatus.AUTHORIZED, Operation.AUTHORIZE, transaction_id=TRANSACTION)
    about = {"parent": held, "charge_ref": held, "amount": Money("300", "JPY")}
    books.keep("1:taken", PaymentStatus.APPROVED, Operation.CAPTURE, about=about)
    shown = books.run("show", held).output.split()
    assert "captured 700 JPY" in " ".join(shown)


def test_a_payment_is_found_by_its_transaction_and_by_its_key(books: Books, monkeypatch: pytest.MonkeyPatch):
    ref = books.keep("1042:1", PaymentStatus.APPROVED, transaction_id=TRANSACTION)
    for name in (ref, TRANSACTION, TRANSACTION.upper(), "1042:1"):
        assert ref in books.run("show", name).output
    monkeypatch.delenv("PAYMENTOPTIONS_MERCHANT_ID")
    monkeypatch.delenv("PAYMENTOPTIONS_ENVIRONMENT")
    assert ref in books.run("show", ref).output
    assert "pass --environment and --merchant" in books.run("show", "1042:1").output


def test_a_key_of_several_operations_says_which_there_are(books: Books):
    paid = books.keep("1042", PaymentStatus.APPROVED)
    back = books.keep("1042", PaymentStatus.APPROVED, Operation.REFUND, about={"parent": paid, "charge_ref": paid})
    result = books.run("show", "1042")
    assert result.exit_code == 2
    assert f"{paid}  purchase of 1000 JPY" in result.output
    assert f"{back}  refund of 1000 JPY" in result.output


def test_what_is_not_there_is_said(books: Books):
    result = books.run("show", "PONOBODY")
    assert (result.exit_code, result.output) == (2, "Error: The journal has no payment PONOBODY.\n")


def test_webhooks_of_a_payment_that_is_gone_are_told_of(books: Books):
    books.do(lambda journal: journal.note(replace(notice("POGONE"), known=False)))
    assert "no payment POGONE, but 1 webhooks for it" in books.run("show", "POGONE").output


def test_what_others_wrote_does_not_steer_the_terminal(books: Books):
    evil = "\x1b[2J\x9b31m\u202e[bold]\r"
    decline = Decline("do_not_honour", 5, message=evil)
    ref = books.keep("1", PaymentStatus.ACTION_REQUIRED, decline=decline, about={"order": "a b"})
    books.do(lambda journal: journal.change(ref, told_of(evil)))
    for words in (["show", ref], ["unresolved"]):
        output = books.run(*words).output
        assert [letter for letter in output if not (letter.isprintable() or letter == "\n")] == []
    assert "\\x1b[2J\\x9b31m\\u202e[bold]" in books.run("show", ref).output


def told_of(doubt: str) -> Callable[[Any], Change]:
    return lambda record: Change(replace(record.payment, doubts=(doubt,)), Source.STATUS, "asked")


def approved(record: Record) -> Change:
    """A status query answers."""
    payment = replace(record.payment, status=PaymentStatus.APPROVED, source=Source.STATUS)
    return Change(payment, Source.STATUS, "confirmed")


# settle

SAID = ("--by", "Ann", "--note", "looked it up")


def status_of(books: Books, ref: str) -> PaymentStatus:
    status = books.do(lambda journal: journal.get(ref)).payment.status
    assert isinstance(status, PaymentStatus)
    return status


@pytest.mark.parametrize(
    ("kind", "verdict", "status"),
    [
        (PaymentStatus.UNKNOWN, "--happened", PaymentStatus.APPROVED),
        (PaymentStatus.UNKNOWN, "--not-happened", PaymentStatus.CANCELLED),
        (PaymentStatus.PENDING, "--not-happened", PaymentStatus.CANCELLED),
        (PaymentStatus.ACTION_REQUIRED, "--abandoned", PaymentStatus.EXPIRED),
    ],
)
def test_a_person_settles_what_is_open(books: Books, kind: PaymentStatus, verdict: str, status: PaymentStatus):
    ref = books.keep("1", kind)
    result = books.run("settle", ref, verdict, *SAID, "--yes")
    assert (result.exit_code, result.output) == (0, f"{ref} is {status.name} now.\n")
    last = books.do(lambda journal: journal.history(ref))[-1]
    assert (last.event, last.source, last.by, last.note) == ("settled", Source.PERSON, "Ann", "looked it up")
    assert "settled: " in books.run("show", ref).output
    assert "told by Ann" in books.run("show", ref).output


def test_the_transaction_that_the_portal_shows_is_kept(books: Books):
    ref = books.keep("1", PaymentStatus.UNKNOWN)
    books.run("settle", ref, "--happened", "--transaction-id", TRANSACTION.upper(), *SAID, "--yes")
    assert books.do(lambda journal: journal.find(TRANSACTION)).ref == ref


def test_it_says_what_it_will_do_and_asks(books: Books):
    ref = books.keep("1042:1", PaymentStatus.UNKNOWN, about={"order": "1042"}, doubts=("no answer",))
    no = books.run("settle", ref, "--not-happened", *SAID, answer="n\n", columns=80)
    assert no.exit_code == 1
    assert status_of(books, ref) is PaymentStatus.UNKNOWN
    told = " ".join(no.output.split())
    for meaning in (
        "purchase of 1000 JPY",
        "no answer",
        "looked it up",
        "the payment becomes CANCELLED, for good",
        "Its key '1042:1' never sends again.",
        "Order '1042' may be paid by a new attempt, with another key.",
        "a new attempt charges the buyer a second time",
        "Settle it so? [y/N]",
    ):
        assert meaning in told
    yes = books.run("settle", ref, "--not-happened", *SAID, answer="y\n")
    assert yes.exit_code == 0
    assert status_of(books, ref) is PaymentStatus.CANCELLED


def test_without_anybody_to_answer_nothing_is_settled(books: Books):
    ref = books.keep("1", PaymentStatus.UNKNOWN)
    assert books.run("settle", ref, "--happened", *SAID).exit_code == 1
    assert status_of(books, ref) is PaymentStatus.UNKNOWN


@pytest.mark.parametrize(
    ("operation", "verdict", "meaning"),
    [
        (Operation.PURCHASE, "--happened", "pass --transaction-id if the portal shows one"),
        (Operation.REFUND, "--happened", "It counts in the balance of what it follows."),
        (Operation.REFUND, "--not-happened", "a new refund gives the amount back a second time"),
        (Operation.CAPTURE, "--not-happened", "a new capture takes the amount a second time"),
        (Operation.VOID, "--not-happened", "a capture may meet an authorisation that is gone"),
        (Operation.SUBSCRIBE, "--not-happened", "it keeps billing, unseen"),
    ],
)
def test_it_says_what_the_verdict_means_for_each_operation(
    books: Books, operation: Operation, verdict: str, meaning: str
):
    about = {"parent": TRANSACTION} if operation.follows else {}
    ref = books.keep("1", PaymentStatus.UNKNOWN, operation, about=about)
    assert meaning in " ".join(books.run("settle", ref, verdict, *SAID, answer="n\n").output.split())


def test_who_answers_meanwhile_comes_first(books: Books, monkeypatch: pytest.MonkeyPatch):
    ref = books.keep("1", PaymentStatus.UNKNOWN)

    def a_webhook_comes(question: str, *, abort: bool) -> bool:
        assert (question, abort) == ("Settle it so?", True)
        books.do(lambda journal: journal.change(ref, approved))
        return True

    monkeypatch.setattr("click.confirm", a_webhook_comes)
    result = books.run("settle", ref, "--not-happened", *SAID)
    assert result.exit_code == 2
    assert "changed meanwhile: it is approved" in result.output
    assert status_of(books, ref) is PaymentStatus.APPROVED


def test_what_can_not_be_settled_is_refused_before_anything_is_asked(books: Books):
    paid = books.keep("paid", PaymentStatus.APPROVED, transaction_id=TRANSACTION)
    lost = books.keep("lost", PaymentStatus.UNKNOWN)
    foreign = books.keep("foreign", PaymentStatus.UNKNOWN, about={"merchant_id": "JP99999999"})
    books.do(lambda journal: journal.admit(intent("flying"), owner="application", lease=45.0))
    refused = {
        (paid, "--not-happened"): "is approved; there is nothing to settle",
        (lost, "--abandoned"): "does not wait for its buyer",
        (lost, "--happened", "--transaction-id", TRANSACTION): f"belongs to {paid}",
        (lost, "--happened", "--transaction-id", "no id"): "needs a UUID",
        (books.ref("flying"), "--happened"): "is in flight",
        (foreign, "--happened"): "is of paymentoptions/sandbox/JP99999999",
        ("PONOBODY", "--happened"): "the journal has no payment",
    }
    for words, why in refused.items():
        result = books.run("settle", *words, *SAID)
        assert result.exit_code == 2, words
        assert why in result.output
        assert "Settle it so?" not in result.output
    assert status_of(books, foreign) is status_of(books, lost) is PaymentStatus.UNKNOWN


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["PO1"], "one of --happened"),
        (["PO1", "--happened", "--not-happened"], "one of --happened"),
        (["--happened"], "Which payment?"),
        ([], "Which payment?"),
        (["PO1", "--abandoned", "--older-than", "1d"], "--older-than belongs to --all-abandoned"),
        (["PO1", "--not-happened", "--transaction-id", TRANSACTION], "--transaction-id belongs to --happened"),
        (["--all-abandoned"], "Pass --older-than"),
        (["--all-abandoned", "--older-than", "1d", "--happened"], "settles many at once"),
        (["PO1", "--all-abandoned", "--older-than", "1d"], "settles many at once"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_options_that_do_not_belong_together_are_refused(books: Books, words: list[str], why: str):
    result = books.run("settle", *words, *SAID)
    assert result.exit_code == 2
    assert why in result.output


@pytest.mark.parametrize(("by", "note"), [("", "why"), ("Ann", " "), ("A" * 101, "why"), ("Ann", "x" * 501)])
def test_who_and_why_are_needed(books: Books, by: str, note: str):
    ref = books.keep("1", PaymentStatus.UNKNOWN)
    assert books.run("settle", ref, "--happened", "--by", by, "--note", note, "--yes").exit_code == 2
    assert status_of(books, ref) is PaymentStatus.UNKNOWN


def test_all_that_was_abandoned_is_settled_at_once(books: Books):
    old = [books.keep(key, PaymentStatus.ACTION_REQUIRED, age=3 * DAY) for key in ("1", "2")]
    others = [
        books.keep("new", PaymentStatus.ACTION_REQUIRED, age=DAY),
        books.keep("lost", PaymentStatus.UNKNOWN, age=3 * DAY),
    ]
    words = ("settle", "--all-abandoned", "--older-than", "2d", *SAID)
    asked = books.run(*words, answer="n\n")
    assert asked.exit_code == 1
    assert "Settle these 2 as abandoned?" in asked.output
    assert all(ref in asked.output for ref in old)
    assert not any(ref in asked.output for ref in others)
    done = books.run(*words, "--yes")
    assert (done.exit_code, done.output) == (0, "2 are EXPIRED now.\n")
    assert [status_of(books, ref) for ref in old] == [PaymentStatus.EXPIRED] * 2
    assert [status_of(books, ref) for ref in others] == [PaymentStatus.ACTION_REQUIRED, PaymentStatus.UNKNOWN]
    assert books.run(*words).output == f"Nothing of sandbox {MERCHANT} has waited so long.\n"


def test_what_was_paid_while_one_thought_is_not_abandoned(books: Books, monkeypatch: pytest.MonkeyPatch):
    paid, left = [books.keep(key, PaymentStatus.ACTION_REQUIRED, age=3 * DAY) for key in ("1", "2")]

    def the_buyer_pays(question: str, *, abort: bool) -> bool:
        assert (question, abort) == ("Settle these 2 as abandoned?", True)
        books.do(lambda journal: journal.change(paid, approved))
        return True

    monkeypatch.setattr("click.confirm", the_buyer_pays)
    result = books.run("settle", "--all-abandoned", "--older-than", "2d", *SAID)
    assert result.output.endswith("1 are EXPIRED now. 1 changed meanwhile and were left.\n")
    assert (status_of(books, paid), status_of(books, left)) == (PaymentStatus.APPROVED, PaymentStatus.EXPIRED)


# export


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_all_records_are_written_in_pages(books: Books, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "_PAGE", 2)
    expected = sorted(books.keep(str(number), PaymentStatus.APPROVED) for number in range(5))
    result = books.run("export")
    assert result.exit_code == 0
    assert [row["ref"] for row in rows(result.stdout)] == expected
    assert result.stderr == f"5 records of sandbox {MERCHANT}.\n"
    lines = books.run("export", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["ref"] for line in lines] == expected


def test_amounts_are_exact_and_pages_and_tokens_are_left_out(books: Books):
    books.keep(
        "1",
        PaymentStatus.PARTIALLY_APPROVED,
        about={"amount": Money("10.50", "USD"), "instrument": "token of a card"},
        approved_amount=Money("0.10", "USD"),
        response_code=10,
        transaction_id=TRANSACTION,
        duplicate_charges=(OTHER_TRANSACTION, TOKEN.replace("b", "c")),
        card=MaskedCard("520000", "1005"),
        redirect_url=PAGE,
        stored_payment_method_id=TOKEN,
        raw={"all": "that came"},
    )
    for form in ("csv", "jsonl"):
        text = books.run("export", "--format", form).stdout
        [one] = rows(text) if form == "csv" else [json.loads(text)]
        assert (one["amount"], one["currency"], one["approved_amount"]) == ("10.50", "USD", "0.10")
        assert one["card"] == "520000******1005"
        for hidden in ("secret", TOKEN, "that came", "token of a card"):
            assert hidden not in text
    assert rows(books.run("export").stdout)[0]["duplicate_charges"].split("; ")[0] == OTHER_TRANSACTION


@pytest.mark.parametrize("order", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\uff1d1"])
def test_no_cell_is_a_formula(books: Books, order: str):
    books.keep("1", PaymentStatus.DECLINED, about={"order": order}, response_code=-8000)
    [row] = rows(books.run("export").stdout)
    assert (row["order"], row["response_code"]) == (f"'{order}", "-8000")
    assert json.loads(books.run("export", "--format", "jsonl").stdout)["order"] == order


def test_only_what_changed_since_and_has_the_status_is_written(books: Books):
    books.keep("old", PaymentStatus.APPROVED, age=9 * DAY)
    books.keep("new", PaymentStatus.APPROVED, age=HOUR)
    books.keep("declined", PaymentStatus.DECLINED, age=HOUR)
    for words, keys in {
        ("--since", "7d"): {"new", "declined"},
        ("--since", time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * DAY))): {"new", "declined"},
        ("--since", "7d", "--status", "approved"): {"new"},
        ("--status", "approved", "--status", "declined"): {"old", "new", "declined"},
        ("--since", "2026-01-01T00:00+09:00", "--status", "unknown"): set(),
    }.items():
        assert {row["idempotency_key"] for row in rows(books.run("export", *words).stdout)} == keys, words
    assert books.run("export", "--since", "yesterday").exit_code == 2


def test_what_passed_its_deadline_changed_when_it_did(books: Books):
    books.ago = DAY
    books.do(lambda journal: journal.admit(intent("crashed"), owner="application", lease=23 * HOUR))
    books.ago = 0.0
    [row] = rows(books.run("export", "--since", "2h").stdout)
    assert (row["status"], row["told_by"]) == ("unknown", "clock")


def test_an_empty_export_has_its_heading(books: Books):
    assert books.run("export").stdout.startswith("ref,operation,status,amount,")


# what every one of them needs


@pytest.mark.parametrize("words", [["unresolved"], ["export"], ["settle", "PO1", "--happened", *SAID]])
def test_it_asks_whose_payments_are_meant(books: Books, monkeypatch: pytest.MonkeyPatch, words: list[str]):
    monkeypatch.delenv("PAYMENTOPTIONS_MERCHANT_ID")
    result = books.run(*words)
    assert result.exit_code == 2
    assert "Pass --environment and --merchant" in result.output
    assert "has blanks" in books.run(*words, "--merchant", "JP 1").output
    assert books.run(*words, "--merchant", MERCHANT, "--environment", "prod").exit_code == 2


def test_it_asks_which_journal_is_meant(books: Books, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PAYMENTOPTIONS_JOURNAL")
    result = books.run("unresolved")
    assert result.exit_code == 2
    assert "Pass --journal, or set PAYMENTOPTIONS_JOURNAL" in result.output


def test_other_merchants_payments_are_not_listed(books: Books):
    books.keep("1", PaymentStatus.UNKNOWN)
    books.keep("2", PaymentStatus.APPROVED, about={"merchant_id": "JP99999999"})
    assert books.run("unresolved", "--merchant", "JP99999999").exit_code == 0
    assert books.run("export").stdout.count("\n") == 2
    assert books.run("export", "--merchant", "JP99999999").stdout.count("\n") == 2
    assert books.run("export", "--merchant", "JP11111111").stdout.count("\n") == 1


def test_a_journal_that_is_not_there_is_not_made(books: Books, tmp_path: Path):
    result = books.run("unresolved", "--journal", str(tmp_path / "typo.db"))
    assert (result.exit_code, result.output) == (2, f"Error: There is no journal {tmp_path / 'typo.db'}.\n")
    assert not (tmp_path / "typo.db").exists()


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("memory:", "seen by its own process alone"),
        (__file__, "it is no SQLite database"),
        ("mysql://shop:secret@db/shop", "mysql: is no kind of journal"),
        ("postgresql://shop:sec@ret@db/shop", "write @ as %40"),
    ],
)
def test_what_can_not_be_opened_is_said_without_a_traceback_or_a_password(books: Books, location: str, why: str):
    result = books.run("unresolved", "--journal", location)
    assert result.exit_code == 2
    assert why in result.output
    assert "sec" not in result.output
    assert "Traceback" not in result.output


def test_the_help_of_the_command_shows_no_setting(books: Books, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PAYMENTOPTIONS_JOURNAL", "postgresql://shop:secret@db/shop")
    assert "secret" not in books.run("unresolved", "--help").output


def test_it_says_which_extra_is_missing():
    code = (
        "import sys; sys.modules['rich'] = sys.modules['rich.console'] = None; from click.testing import CliRunner;"
        "from paymentoptions_async.cli import main; print(CliRunner().invoke(main, ['journal', 'unresolved']).output)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'paymentoptions-async[cli]'" in done.stdout


# on PostgreSQL


@pytest.fixture
def remote_books(postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    location = postgres.url(user=GUARDED, password=PASSWORD, journal_schema=new_schema())
    monkeypatch.setenv("PAYMENTOPTIONS_JOURNAL", location)
    monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "sandbox")
    monkeypatch.setenv("PAYMENTOPTIONS_MERCHANT_ID", MERCHANT)
    books = Books(location)
    yield books
    books.close()


def test_on_postgresql_it_does_the_same(remote_books: Books):
    books = remote_books
    lost = books.keep("1042:1", PaymentStatus.UNKNOWN, doubts=("no answer",))
    listed = books.run("unresolved")
    assert (listed.exit_code, lost in listed.output) == (1, True)
    assert "answered: unknown" in books.run("show", "1042:1").output
    done = books.run("settle", lost, "--happened", "--transaction-id", TRANSACTION, *SAID, "--yes")
    assert done.output == f"{lost} is APPROVED now.\n"
    assert books.do(lambda journal: journal.find(TRANSACTION)).payment.status is PaymentStatus.APPROVED
    assert [row["ref"] for row in rows(books.run("export").stdout)] == [lost]
    assert books.run("unresolved").exit_code == 0


def test_the_password_of_a_database_that_refuses_it_is_not_shown(remote_books: Books, postgres: Cluster):
    location = postgres.url(user=GUARDED, password="not the password at all")
    result = remote_books.run("unresolved", "--journal", location)
    assert result.exit_code == 2
    assert "the server refused the role or its password" in result.output
    assert "not the password at all" not in result.output


# beside an application


def test_it_may_be_used_while_an_application_charges(books: Books, tmp_path: Path):
    """Another process writes as fast as it can; no command fails, and neither loses what the other wrote."""
    program = f"""
import asyncio
from dataclasses import replace
from paymentoptions_async.intent import Change
from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.payment import PaymentStatus, Progress, Source
from tests.cli.test_journal import intent

def lost(record):
    payment = replace(record.payment, status=PaymentStatus.UNKNOWN, progress=Progress.ANSWERED)
    return Change(payment, Source.REPLY, "answered")

async def main():
    journal = SqliteJournal({str(tmp_path / "payments.db")!r})
    for number in range(150):
        asked = intent(f"charge {{number}}")
        assert (await journal.admit(asked, owner="application", lease=45.0)).send
        await journal.change(asked.ref, lost)
        print(number, flush=True)
    await journal.aclose()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as application:
        assert application.stdout is not None
        assert application.stdout.readline() == "0\n"
        settled: list[str] = []
        while not settled or application.poll() is None:
            found = json.loads(books.run("unresolved", "--json").stdout)
            if not found:
                continue  # all that was written so far is settled
            done = books.run("settle", found[0]["ref"], "--not-happened", *SAID, "--yes")
            assert done.exit_code == 0, done.output
            settled.append(found[0]["ref"])
    assert application.returncode == 0
    assert len(settled) == len(set(settled))
    records = rows(books.run("export").stdout)
    assert len(records) == 150
    assert {row["ref"] for row in records if row["status"] == "cancelled"} == set(settled)
