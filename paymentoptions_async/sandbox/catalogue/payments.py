"""A catalogue of the first gateway: purchases, authorisations with captures, refunds and voids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

from paymentoptions_async.sandbox.books import Transaction
from paymentoptions_async.sandbox.endpoint import Refused
from paymentoptions_async.sandbox.settings import Settings

from .base import UNTIL, BaseCatalogue
from .bodies import Bodies
from .entries import BLOCK, CURRENCIES, Entry, drawn_amount
from .permutation import TransactionIds
from .plan import Plan
from .transactions import transaction_of


class _Place(NamedTuple):
    """One place in a block: what follows another place has `share` sixteenths of its amount.

    `lone` is a payment that nothing follows.
    """

    kind: str
    above: int | None = None
    share: int = 16
    lone: bool = False


_LONE = _Place("payment", lone=True)
_PAID, _HELD = _Place("payment"), _Place("authorization")
_LAYOUTS = (
    *((_LONE, _LONE, _LONE, _LONE),) * 8,
    (_LONE, _LONE, _PAID, _Place("refund", 2)),
    (_LONE, _LONE, _PAID, _Place("refund", 2, 5)),
    (_LONE, _PAID, _Place("refund", 1, 4), _Place("refund", 1, 7)),
    (_HELD, _Place("capture", 0), _LONE, _LONE),
    (_HELD, _Place("capture", 0, 9), _LONE, _LONE),
    (_HELD, _Place("capture", 0, 6), _Place("capture", 0, 10), _LONE),
    (_HELD, _Place("void", 0), _LONE, _LONE),
    (_HELD, _Place("capture", 0), _Place("refund", 1, 8), _LONE),
)
assert len(_LAYOUTS) == 16  # noqa: PLR2004  four bits of a draw
assert {len(layout) for layout in _LAYOUTS} == {BLOCK}

_OUTCOMES = (
    *("approved",) * 206, *("approved_with_id",) * 10, *("partial_approval",) * 4,
    *("declined",) * 12, *("insufficient_funds",) * 10, *("expired_card",) * 4, *("stolen_card",) * 2,
    *("risk_rule",) * 2, *("issuer_inoperative",) * 2, *("security_code_incorrect",) * 2, *("unlisted_code",) * 2,
)  # fmt: skip
assert len(_OUTCOMES) == 256  # noqa: PLR2004  eight bits of a draw
_TOOK_MONEY = frozenset({"approved", "approved_with_id", "partial_approval"})
_UNCLEAR = ("timeout_charged", "unclear_not_charged", "duplicate_transmission", "verification_only", "gateway_error")

_IN_MONEY = frozenset({"amount", "within_tolerance", "currency"})
_ANYWHERE = frozenset({"status", "twice_in_ledger"})
_LONE_WITH_MONEY = frozenset({"kind", "missing_in_ledger"})
_REFUNDABLE = frozenset({"payment", "capture"})


class Catalogue(BaseCatalogue):
    """Transactions of the first gateway, for status queries; nothing else can be done with them.

    catalogue = Catalogue(seed=7, count=1_000_000, plan=Plan.even(0.01))
    catalogue.write_ledger(Path("ledger.csv"))
    sandbox = Sandbox(catalogue=catalogue)
    """

    _words: ClassVar = {
        **dict.fromkeys(("approved", "approved_with_id", *_UNCLEAR), "approved"),
        "partial_approval": "partially_approved",
        "pending": "pending",
    }

    def __init__(
        self, *, seed: int, count: int, plan: Plan | None = None, until: datetime = UNTIL, days: int = 365
    ) -> None:
        super().__init__(seed=seed, count=count, plan=plan, until=until, days=days)
        self._ids = TransactionIds(f"{seed}:transactions".encode())
        self._bodies = Bodies(self, Settings())

    def find(self, transaction_id: str, settings: Settings) -> Transaction | None:
        """Return the transaction that the gateway knows by this id; Refused for one that is planted to fail."""
        entry = self.lookup(transaction_id)
        if entry is None:
            return None
        if entry.planted == "unanswered":
            raise Refused(500, "Internal server error", None)
        return self.transaction(entry, settings)

    def transaction(self, entry: Entry, settings: Settings) -> Transaction:
        """Return a transaction as the books would have it."""
        return transaction_of(entry, self.id_of(entry.number), self.reference_of(entry), settings)

    def answer(self, transaction_id: str) -> tuple[int, bytes]:
        """Return the HTTP status and body of the answer to a status query, quickly; with the usual settings."""
        return self._bodies.answer(transaction_id)

    def status(self, transaction_id: str) -> bytes | None:
        """Return the body that tells of a transaction, quickly; None where the gateway does not tell of it."""
        status, body = self._bodies.answer(transaction_id)
        return body if status == 200 else None  # noqa: PLR2004  HTTP's

    def _block(self, block: int) -> list[Entry]:
        first, words = block * BLOCK, self._draws(block)
        layout = _LAYOUTS[words[0] & 15]
        entries = self._drawn(first, layout, words)
        bound = self._dice.bound
        for place in range(len(entries)):
            if words[2 * place] >> 16 < bound:
                self._plant(entries, layout, place, words[2 * place])
        return entries

    def _drawn(self, first: int, layout: Sequence[_Place], words: Sequence[int]) -> list[Entry]:
        """Return the transactions of a block before anything is planted."""
        entries: list[Entry] = []
        for place in range(min(BLOCK, self.count - first)):
            kind, above, share, lone = layout[place]
            number, bits = first + place, words[2 * place + 1]
            root, outcome = number, "approved"
            if above is None:
                currency = CURRENCIES[bits & 15]
                minor = drawn_amount(bits >> 12 & 0xFFFFFFF, currency)
                if lone:
                    outcome = _OUTCOMES[bits >> 4 & 0xFF]
            else:
                parent = entries[above]
                root, currency, minor = parent.root, parent.currency, parent.minor * share // 16
                if kind == "refund" and bits >> 4 & 15 == 0:
                    outcome = "declined"
                elif kind == "refund":
                    entries[above] = parent._replace(refunded=(parent.refunded or 0) + minor)
            refunded = 0 if kind in _REFUNDABLE and outcome in _TOOK_MONEY else None
            draw = words[2 * place] >> 4 & 0xFFF
            entries.append(Entry(number, root, kind, outcome, minor, currency, refunded, self._when(number), "", draw))
        return entries

    def _plant(self, entries: list[Entry], layout: Sequence[_Place], place: int, chance: int) -> None:
        planted, entry = self._dice.read(chance >> 16), entries[place]
        if not _suits(planted, entry, lone=layout[place].lone):
            return
        match planted:
            case "twice_at_gateway":
                if not place or not layout[place - 1].lone or not _is_plain(entries[place - 1]):
                    return
                before = entries[place - 1] = entries[place - 1]._replace(planted=planted)
                entries[place] = before._replace(number=entry.number, at=entry.at)
            case "pending" | "stale":
                at = self._when_open(entry, planted)
                entries[place] = entry._replace(planted=planted, outcome="pending", refunded=None, at=at)
            case "unclear":
                outcome = _UNCLEAR[entry.draw % len(_UNCLEAR)]
                entries[place] = entry._replace(planted=planted, outcome=outcome, refunded=None)
            case _:
                entries[place] = entry._replace(planted=planted)


def _suits(planted: str, entry: Entry, *, lone: bool) -> bool:
    """Tell whether something can be planted in such a transaction, and be what is found there."""
    took_money = entry.outcome in _TOOK_MONEY
    if planted in _ANYWHERE:
        return True
    if planted in _IN_MONEY:
        return took_money and entry.kind != "void"
    if planted == "refund":
        return took_money and entry.kind == "payment"
    return lone and (took_money or planted not in _LONE_WITH_MONEY)


def _is_plain(entry: Entry) -> bool:
    return entry.outcome in ("approved", "approved_with_id") and not entry.planted
