"""What comparing must come to, in plain Python: slow, and written to be read. The SQL is held against it.

Each rule is one `if`, in the words of the guide's page on findings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from paymentoptions_async.reconcile.verdicts import PRECEDENCE, Verdict
from tests.reconcile.comparing_worlds import BEGUN, World

Judgement = tuple[str, list[str]]
Row = dict[str, Any]

TOOK = ("approved", "authorized", "partially_approved")
NONE = ("declined", "cancelled", "expired")
OPEN = ("pending", "action_required")
FOLLOWERS = ("capture", "refund", "void")
AT_ONCE = ("purchase", "purchase_with_token", "subscribe", "hosted_page", "checkout")
CHARGES = ("payment", "authorization")


def judge(world: World, ids: dict[int, str | None]) -> dict[int | str, Judgement]:
    """Verdict and flags of each row, by its line, and of each transaction that the ledger lacks, by its id.

    ``ids`` are the transactions that the rows stand for.
    """
    return dict(_Judge(world, ids).all())


class _Judge:
    def __init__(self, world: World, ids: dict[int, str | None]) -> None:
        self.world = world
        self.ids = ids
        self.corefy = world.scope.startswith("corefy/")
        self.answers = {one["transaction_id"]: one for one in world.answers}  # of several, which failed, the last
        self.by_id: dict[str, list[Row]] = defaultdict(list)
        for one in world.known:
            if one["transaction_id"] is not None:
                self.by_id[one["transaction_id"]].append(one)
        self.rows: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(world.ledger, key=lambda row: row["line"]):
            if (name := ids[row["line"]]) is not None:
                self.rows[name].append(row)
        self.transactions = {*self.answers, *self.by_id, *self.rows}
        self.chains: dict[str, list[str]] = defaultdict(list)
        for name in self.transactions:
            if (chain := self.chain_of(name)) is not None:
                self.chains[chain].append(name)
        self.known_in: dict[str, list[Row]] = defaultdict(list)
        for one in world.known:
            self.known_in[one["reference"]].append(one)
        self.doubled = self._doubled()
        self.rows_in: dict[str, list[Row]] = defaultdict(list)
        for row in world.ledger:
            name = ids[row["line"]]
            chain = row.get("reference") if name is None else self.chain_of(name, row)
            if chain is not None:
                self.rows_in[chain].append(row)
        self.nameless = {row.get("reference") for row in world.ledger if ids[row["line"]] is None} - {None}

    def all(self) -> Iterator[tuple[int | str, Judgement]]:
        """Judge all."""
        for row in self.world.ledger:
            yield row["line"], self.judge_row(row)
        for one in self.world.invalid:
            yield one["line"], ("invalid_row", ["invalid_row"])
        for name in self.transactions:
            if self.is_missing(name):
                yield name, self.judge_missing(name)
        for one in self.world.known:
            if self.is_missing_without_id(one):
                charge = one["operation"] not in FOLLOWERS
                twice = one["reference"] in self.doubled and (charge or one["operation"] == "capture")
                flags = ["missing_in_ledger", "duplicate_at_gateway"] if twice else ["missing_in_ledger"]
                yield one["ref"], ("missing_in_ledger", flags)

    # What is known of a transaction ---------------------------------------------------------------------------------

    def known(self, name: str | None) -> Row | None:
        """The journal's row that counts: whose own it is, and the charge before what followed it."""
        found = self.by_id.get(name or "", [])
        roles = ("own", "renewal", "duplicate", "orphan")
        return min(
            found,
            key=lambda one: (roles.index(one["role"]), one["operation"] in FOLLOWERS, one["ref"], one["opened_at"]),
            default=None,
        )

    def settled(self, name: str | None) -> Row | None:
        """The answer, unless it failed."""
        answer = self.answers.get(name or "")
        return None if answer is None or answer["outcome"] == "failed" else answer

    def taken(self, name: str) -> bool:
        """Does the gateway say that money moved or is held?"""
        answer = self.settled(name)
        return answer is not None and answer["outcome"] == "answered" and answer["status"] in TOOK

    def operation(self, name: str | None) -> str | None:
        known = self.known(name)
        return known["operation"] if known is not None and known["role"] == "own" else None

    def chain_of(self, name: str, row: Row | None = None) -> str | None:
        """The reference of the gateway, or else of the journal, or else of the ledger."""
        answer, known = self.answers.get(name, {}), self.known(name) or {}
        row = row or next(iter(self.rows[name]), {})
        return answer.get("reference") or known.get("reference") or row.get("reference")

    def nature(self, name: str, row: Row | None = None) -> str:
        """What a transaction is, in the words of `Kind`."""
        answer, known, operation = self.answers.get(name, {}), self.known(name) or {}, self.operation(name)
        kind = answer.get("transaction_type") or known.get("transaction_type")
        if kind in ("REFUND", "VOID"):
            return str(kind.lower())
        if operation in AT_ONCE:
            return "payment"
        if answer.get("status") == "authorized" or kind == "PRE_AUTH":
            return "authorization"
        if kind == "CAPTURE" and operation is not None:
            return "capture" if operation == "capture" else "payment"
        if kind == "CAPTURE":
            return "capture" if answer.get("gateway_code") == "INFO0001" else "payment"
        if kind is not None:
            return "payment"
        if operation in FOLLOWERS:
            return str(operation)
        if operation == "authorize":
            return "authorization"
        row = row or next(iter(self.rows[name]), {})
        return row.get("kind") or "payment"

    # What is known of a chain ---------------------------------------------------------------------------------------

    def sure(self, chain: str | None) -> Iterator[tuple[str, str | None, Decimal | None]]:
        """Nature, currency and amount of all that happened under a reference: the gateway's word, or the journal's."""
        for name in self.chains.get(chain or "", ()):
            answer, known = self.settled(name), self.known(name)
            if self.taken(name):
                assert answer is not None
                yield self.nature(name), _currency(answer, known), answer["amount"]
            elif answer is None and known is not None and known["confirmed"] and known["status"] in TOOK:
                yield self.nature(name), _currency(self.answers.get(name), known), known["amount"]
        for one in self.known_in.get(chain or "", ()):
            name = one["transaction_id"]
            is_hidden = name is not None and one is not self.known(name) and one["operation"] in FOLLOWERS
            if is_hidden and one["role"] == "own" and one["confirmed"] and one["status"] in TOOK:
                yield one["operation"], one["currency"], one["amount"]

    def total(self, chain: str | None, nature: str, currency: str) -> Decimal:
        found = (amount for kind, code, amount in self.sure(chain) if kind == nature and code == currency)
        return sum((amount for amount in found if amount is not None), Decimal(0))

    def is_unclear(self, chain: str | None, nature: str) -> bool:
        """May one have happened, of which nothing is known? In whatever currency: the ledger may be wrong."""
        for name in self.chains.get(chain or "", ()):
            if self.nature(name) != nature:
                continue
            answer, known = self.settled(name), self.known(name)
            if answer is not None:
                if answer["contradicts"] or answer["outcome"] == "foreign" or answer["status"] == "unknown":
                    return True
                if self.taken(name) and answer["amount"] is None:
                    return True
            elif known is None or (not known["confirmed"] and known["status"] not in NONE):
                return True
        for row in self.rows_in.get(chain or "", ()):
            if self.ids[row["line"]] is None and row.get("kind") == nature:
                known = self.known_by_name(row, nature)
                if known is None or known["status"] not in NONE:
                    return True
        return any(
            one["role"] == "own"
            and one["operation"] == nature
            and one["transaction_id"] is None
            and one["status"] not in NONE
            for one in self.known_in.get(chain or "", ())
        )

    def known_by_name(self, row: Row, nature: str) -> Row | None:
        """The payment of the journal, without a transaction yet, that a row names by its reference."""
        found = (one for one in self.world.known if one["role"] == "own" and one["ref"] == row["reference"])
        return next((one for one in found if one["operation"] == nature), None)

    def _doubled(self) -> set[str]:
        subscriptions = {
            one["reference"] for one in self.world.known if one["operation"] == "subscribe" and one["role"] == "own"
        }
        found = set()
        for chain, names in self.chains.items():
            charges = [
                name
                for name in names
                if self.taken(name)
                and self.nature(name) in CHARGES
                and (self.known(name) or {}).get("role") != "renewal"
            ]
            if len(charges) > 1 and chain not in subscriptions:
                found.add(chain)
        for name in self.transactions:
            if self.is_duplicate(name) and (self.taken(name) or self.settled(name) is None):
                found |= {one["reference"] for one in self.by_id[name] if one["role"] == "duplicate"}
                found |= {chain for chain in [self.chain_of(name)] if chain is not None}
        return found

    def is_duplicate(self, name: str) -> bool:
        return any(one["role"] == "duplicate" for one in self.by_id[name])

    # A row ----------------------------------------------------------------------------------------------------------

    def judge_row(self, row: Row) -> Judgement:
        flags = self.flags(row)
        order = [verdict.value for verdict in PRECEDENCE if verdict in flags]
        name = self.ids[row["line"]]
        is_first = name is not None and self.rows[name][0] is row
        counting = [flag for flag in order if not (is_first and flag == Verdict.DUPLICATE_IN_LEDGER)]
        if not counting:
            return "matched", [*order, "matched"]
        return counting[0], order

    def flags(self, row: Row) -> set[Verdict]:
        name, found = self.ids[row["line"]], set[Verdict]()
        answer = self.settled(name)
        if name is not None and len(self.rows[name]) > 1:
            found.add(Verdict.DUPLICATE_IN_LEDGER)
        if name is None or answer is None:
            return found | {Verdict.UNCHECKED}
        if answer["outcome"] == "not_found":
            return found | {Verdict.MISSING_AT_GATEWAY}
        if answer["outcome"] == "foreign" or answer["status"] in (None, "unknown") or answer["contradicts"]:
            found.add(Verdict.UNKNOWN)
        if answer["outcome"] == "foreign" or answer["status"] in (None, "unknown"):
            return found
        if self.is_elsewhere(row, answer, name):
            found.add(Verdict.UNKNOWN)
        chain, nature = self.chain_of(name, row), self.nature(name, row)
        if self.taken(name) and nature in (*CHARGES, "capture") and (chain in self.doubled or self.is_duplicate(name)):
            found.add(Verdict.DUPLICATE_AT_GATEWAY)
        found |= self.flags_of_status(row, answer, chain, nature)
        found |= self.flags_of_amount(row, answer, chain, nature)
        found |= self.flags_of_refunds(row, answer, chain, nature)
        return found | self.flags_of_age(row, answer, self.known(name))

    def is_elsewhere(self, row: Row, answer: Row, name: str) -> bool:
        """Does the gateway have it under another reference than the ledger, which is none of the journal's own?"""
        there, here = answer.get("reference"), row.get("reference")
        if there is None or here is None or "*" in there + here:
            return False
        return bool(there != here != (self.known(name) or {}).get("ref"))

    def here(self, row: Row) -> str:
        if row["status"] in NONE:
            return "none"
        if row["status"] in OPEN:
            return "open"
        if row["status"] == "unknown":
            return "unknown"
        return "held" if row["status"] == "authorized" or row.get("kind") == "authorization" else "taken"

    def counts_captures(self, row: Row, chain: str | None, nature: str) -> bool:
        """Is it the row of an authorisation that the ledger calls a paid payment, and was it captured?"""
        says_paid = row["status"] in ("approved", "partially_approved") and row.get("kind") != "authorization"
        return nature == "authorization" and says_paid and self.total(chain, "capture", row["currency"]) > 0

    def is_other_kind(self, row: Row, answer: Row, nature: str) -> bool:
        """Does the gateway call it something else? A void tells nothing else than a ledger that says cancelled."""
        kind, cancels = row.get("kind"), nature == "void" and answer["status"] in TOOK and row["status"] == "cancelled"
        if kind is None or answer["transaction_type"] is None or cancels:
            return False
        if kind == "payment":
            return nature in ("refund", "void")
        if kind == "capture":
            return bool(answer["transaction_type"] != "CAPTURE")
        return bool(kind != nature)

    def flags_of_status(self, row: Row, answer: Row, chain: str | None, nature: str) -> set[Verdict]:
        is_same = self.is_same_status(row, answer, chain, nature) and not self.is_other_kind(row, answer, nature)
        return set() if is_same else {Verdict.STATUS_MISMATCH}

    def is_same_status(self, row: Row, answer: Row, chain: str | None, nature: str) -> bool:
        here = self.here(row)
        if answer["status"] in OPEN:
            return here != "none"
        if answer["status"] in NONE:
            return here == "none"
        if nature == "void":
            return here == "taken" or row["status"] == "cancelled"
        if nature != "authorization" or self.counts_captures(row, chain, nature):
            return here == "taken"
        if row["status"] == "cancelled":
            return any(one == "void" for one, _, _ in self.sure(chain))
        return here == "held"

    def flags_of_amount(self, row: Row, answer: Row, chain: str | None, nature: str) -> set[Verdict]:
        if answer["status"] not in TOOK or self.here(row) not in ("taken", "held"):
            return set()
        if nature == "void" or row.get("kind") == "void":
            return set()
        amount, found = answer["amount"], set[Verdict]()
        if self.counts_captures(row, chain, nature):
            amount = None if self.is_unclear(chain, "capture") else self.total(chain, "capture", row["currency"])
        in_part = answer["status"] == "partially_approved" and row["status"] != "partially_approved"
        if in_part:
            found.add(Verdict.AMOUNT_MISMATCH)
        if amount is None or answer["currency"] is None:
            found.add(Verdict.UNKNOWN)
        if answer["currency"] is not None and answer["currency"] != row["currency"]:
            found.add(Verdict.CURRENCY_MISMATCH)
        if amount is None or answer["currency"] != row["currency"]:
            return found
        off = abs(amount - row["amount"])
        if off > self.tolerance(row["currency"]):
            found.add(Verdict.AMOUNT_MISMATCH)
        elif off and not in_part:
            found.add(Verdict.AMOUNT_WITHIN_TOLERANCE)
        return found

    def tolerance(self, currency: str) -> Decimal:
        return self.world.rules.tolerances.get(currency, self.world.rules.tolerance)

    def flags_of_refunds(self, row: Row, answer: Row, chain: str | None, nature: str) -> set[Verdict]:
        if row.get("refunded") is None or row.get("kind") in ("refund", "void") or nature in ("refund", "void"):
            return set()
        if answer["currency"] not in (None, row["currency"]):
            return set()
        if self.corefy and answer["source"] != "journal":
            if answer["refunded"] is None and answer["status"] in TOOK:
                return {Verdict.UNCHECKED}
            told = answer["refunded"] or 0
            return {Verdict.REFUND_MISMATCH} if told != row["refunded"] else set()
        if self.is_unclear(chain, "refund"):
            return {Verdict.UNCHECKED}
        says = row["refunded"] if chain is None else self.ledger_refunded(chain, row["currency"])
        told = self.total(chain, "refund", row["currency"])
        return {Verdict.REFUND_MISMATCH} if told != says else set()

    def ledger_refunded(self, chain: str, currency: str) -> Decimal:
        """What all rows of a reference together say was refunded; a transaction's first row counts."""
        found = Decimal(0)
        for row in self.rows_in[chain]:
            name = self.ids[row["line"]]
            counts = name is None or self.rows[name][0] is row
            if counts and row["currency"] == currency and row.get("kind") not in ("refund", "void"):
                found += row.get("refunded") or 0
        return found

    def flags_of_age(self, row: Row, answer: Row, known: Row | None) -> set[Verdict]:
        if answer["status"] not in OPEN:
            return set()
        since: datetime | None = answer.get("gateway_time") or row.get("at") or (known or {}).get("opened_at")
        if since is None or since < self.world.rules.stale_before(BEGUN):
            return {Verdict.STALE_PENDING}
        return {Verdict.TIMING_PENDING}

    # What the ledger lacks ------------------------------------------------------------------------------------------

    def is_missing(self, name: str) -> bool:
        known, answer = self.known(name), self.settled(name)
        if known is None or self.rows[name] or not self.in_window(known["opened_at"]):
            return False
        nature, chain = self.nature(name), self.chain_of(name)
        if nature == "void" or not (self.taken(name) or self.may_have_taken(known, answer)):
            return False
        if self.is_duplicate(name):
            return True
        if known["role"] == "own" and (chain in self.nameless or known["ref"] in self.nameless):
            return False
        rows = self.rows_in.get(chain or "", [])
        if nature == "authorization":
            has_capture = any(self.nature_of_row(row) == "capture" for row in rows)
            return not has_capture and all(kind != "void" for kind, _, _ in self.sure(chain))
        if nature == "capture":
            return not any(map(self.says_captured, rows))
        if nature == "refund":
            return not any(map(self.says_refunded, rows))
        return True

    def is_missing_without_id(self, one: Row) -> bool:
        """Does the journal say that money moved, without a transaction, and no row accounts for it?"""
        operation, chain = one["operation"], one["reference"]
        if one["role"] != "own" or one["transaction_id"] is not None or operation == "void":
            return False
        if one["status"] not in TOOK or not self.in_window(one["opened_at"]) or chain in self.nameless:
            return False
        if any(row.get("reference") == one["ref"] for row in self.world.ledger):
            return False
        rows = self.rows_in.get(chain, [])
        told = [self.nature(name) for name in self.chains.get(chain, ()) if self.is_told_by_a_webhook(name)]
        free = told + [self.nature_of_row(row) for row in rows if not self.is_own(row)]
        if operation == "capture":
            return "capture" not in free and not any(map(self.says_captured, rows))
        if operation == "refund":
            return "refund" not in free and not any(map(self.says_refunded, rows))
        is_voided = any(kind == "void" for kind, _, _ in self.sure(chain))
        natures = {*told, *map(self.nature_of_row, rows)}
        return not natures - {"refund", "void"} and not (operation == "authorize" and is_voided)

    def is_told_by_a_webhook(self, name: str) -> bool:
        return self.taken(name) and not self.rows[name] and (self.known(name) or {}).get("role") == "orphan"

    def is_own(self, row: Row) -> bool:
        """Has it the transaction of another payment of the journal?"""
        return (self.known(self.ids[row["line"]]) or {}).get("role") == "own"

    def says_captured(self, row: Row) -> bool:
        is_paid = row["status"] in ("approved", "partially_approved") and row.get("kind") != "authorization"
        return is_paid and self.nature_of_row(row) == "authorization"

    def says_refunded(self, row: Row) -> bool:
        return row.get("refunded") is not None and row.get("kind") not in ("refund", "void")

    def nature_of_row(self, row: Row) -> str:
        name = self.ids[row["line"]]
        return (row.get("kind") or "payment") if name is None else self.nature(name, row)

    def may_have_taken(self, known: Row, answer: Row | None) -> bool:
        """Where the gateway says nothing, or nothing sure, does the journal say that money moved?"""
        if known["status"] not in TOOK and known["role"] not in ("duplicate", "renewal"):
            return False
        if answer is None:
            return True
        if answer["outcome"] == "foreign":
            return True
        return answer["outcome"] == "answered" and (answer["contradicts"] or answer["status"] in (None, "unknown"))

    def in_window(self, moment: datetime) -> bool:
        since, until = self.world.selection.since, self.world.selection.until
        return (since is None or since <= moment) and (until is None or moment < until)

    def judge_missing(self, name: str) -> Judgement:
        answer, flags = self.settled(name), ["missing_in_ledger"]
        if answer is not None and (answer["contradicts"] or not self.taken(name)):
            flags.append("unknown")
        is_charge = self.nature(name) in (*CHARGES, "capture")
        if self.is_duplicate(name) or (is_charge and self.chain_of(name) in self.doubled):
            flags.append("duplicate_at_gateway")
        return "missing_in_ledger", flags


def _currency(answer: Row | None, known: Row | None) -> str | None:
    return (answer or {}).get("currency") or (known or {}).get("currency")
