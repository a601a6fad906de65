"""A catalogue of Corefy's invoices: paid, declined, expired, given back, charged back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from paymentoptions_async.sandbox.books import CardOnFile
from paymentoptions_async.sandbox.cards import masked
from paymentoptions_async.sandbox.corefy import resources
from paymentoptions_async.sandbox.corefy.books import Attempt, Invoice, Refund, Terms
from paymentoptions_async.sandbox.corefy.cards import Verdict, by_name
from paymentoptions_async.sandbox.endpoint import Refused

from .base import UNTIL, BaseCatalogue
from .entries import BLOCK, CURRENCIES, Entry, drawn_amount, in_major
from .permutation import InvoiceIds
from .plan import Plan

_OUTCOMES = (
    *("processed",) * 200, *("partially_processed",) * 4, *("refunded",) * 8, *("partially_refunded",) * 8,
    *("charged_back",) * 2, *("partially_charged_back",) * 2,
    *("process_failed",) * 22, *("expired",) * 6, *("terminated",) * 4,
)  # fmt: skip
assert len(_OUTCOMES) == 256  # noqa: PLR2004  eight bits of a draw
_PAID = (
    "processed", "partially_processed", "refunded", "partially_refunded", "charged_back", "partially_charged_back",
)  # fmt: skip
_PENDING, _STRANGE = "process_pending", "on_hold"  # the second is in none of the vendor's lists

_WITH_MONEY = frozenset({"amount", "within_tolerance", "currency", "kind", "refund", "missing_in_ledger"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BANK_TAKES = timedelta(seconds=30)
_CARD = CardOnFile(
    test_card="processed",
    masked=masked(by_name("processed").number),
    fingerprint="catalogue",
    scheme=by_name("processed").network,
    name="John Doe",
    exp_month="12",
    exp_year="29",
)


class CorefyCatalogue(BaseCatalogue):
    """Invoices of Corefy's that can be asked for, and nothing else. Nothing is charged twice: references are unique."""

    _words: ClassVar = {
        **dict.fromkeys((*_PAID, _STRANGE), "approved"),
        "partially_processed": "partially_approved",
        "process_failed": "declined",
        "expired": "expired",
        "terminated": "cancelled",
        _PENDING: "pending",
    }

    def __init__(
        self, *, seed: int, count: int, plan: Plan | None = None, until: datetime = UNTIL, days: int = 365
    ) -> None:
        super().__init__(seed=seed, count=count, plan=plan, until=until, days=days)
        self._ids = InvoiceIds(f"{seed}:invoices".encode())

    def document(self, invoice_id: str, *, origin: str = "http://127.0.0.1") -> dict[str, Any] | None:
        """Return the document of the invoice with this id; Refused for one that is planted to fail."""
        entry = self.lookup(invoice_id)
        if entry is None:
            return None
        if entry.planted == "unanswered":
            raise Refused(500, "Internal server error", "error")
        document = resources.invoice(self.invoice(entry, origin=origin))
        if entry.planted == "foreign":
            document["data"]["attributes"]["test_mode"] = False
        return document

    def invoice(self, entry: Entry, *, origin: str = "http://127.0.0.1") -> Invoice:
        """Return an invoice as the books would have it."""
        invoice_id, created = self.id_of(entry.number), _EPOCH + timedelta(milliseconds=entry.at)
        ended, serial = created + _BANK_TAKES, invoice_id.removeprefix("cpi_")
        paid = in_major(entry.minor, entry.currency)
        invoice = Invoice(
            id=invoice_id,
            session=f"cgi_{serial}",
            customer_id=f"cus_{serial}",
            bearer="",
            terms=Terms(
                reference_id=self.reference_of(entry),
                amount=2 * paid if entry.outcome == "partially_processed" else paid,
                currency=entry.currency,
                service=f"payment_card_{entry.currency.lower()}_hpp",
            ),
            origin=origin,
            created=created,
            updated=ended,
            expires=created + timedelta(days=1),
            status=entry.outcome,
            resolution="declined" if entry.outcome == "process_failed" else "ok",
        )
        if entry.outcome in _PAID:
            self._pay(invoice, entry, paid, ended)
        elif entry.outcome == "process_failed":
            invoice.failed = ended
        return invoice

    def _pay(self, invoice: Invoice, entry: Entry, paid: Decimal, ended: datetime) -> None:
        invoice.processed = ended
        invoice.attempts.append(
            Attempt(
                id=f"pay_{invoice.session.removeprefix('cgi_')}",
                at=ended,
                source="page",
                amount=invoice.terms.amount,
                card=_CARD,
                verdict=Verdict("processed"),
                approval_code=f"{entry.number * 7919 % 1_000_000:06}",
                state="processed",
                charged=paid,
            )
        )
        if entry.refunded:
            amount = in_major(entry.refunded, entry.currency)
            serial = invoice.id.removeprefix("cpi_")
            invoice.refunds.append(Refund(f"ref_{serial}", f"refund-{entry.root}", amount, None, ended))
        if entry.outcome in ("charged_back", "partially_charged_back"):
            share = 1 if entry.outcome == "charged_back" else 2
            invoice.charged_back, invoice.charged_back_amount = ended, in_major(entry.minor // share, entry.currency)

    def _block(self, block: int) -> list[Entry]:
        first, words, entries = block * BLOCK, self._draws(block), []
        bound = self._dice.bound
        for place in range(min(BLOCK, self.count - first)):
            number, chance, bits = first + place, words[2 * place], words[2 * place + 1]
            currency = CURRENCIES[bits & 15]
            minor = drawn_amount(bits >> 12 & 0xFFFFFFF, currency)
            outcome, draw = _OUTCOMES[bits >> 4 & 0xFF], chance >> 4 & 0xFFF
            refunded = _given_back(outcome, minor)
            entry = Entry(number, number, "payment", outcome, minor, currency, refunded, self._when(number), "", draw)
            entries.append(entry if chance >> 16 >= bound else self._planted(entry, self._dice.read(chance >> 16)))
        return entries

    def _planted(self, entry: Entry, planted: str) -> Entry:
        if not _suits(planted, entry.outcome):
            return entry
        match planted:
            case "pending" | "stale":
                at = self._when_open(entry, planted)
                return entry._replace(planted=planted, outcome=_PENDING, refunded=None, at=at)
            case "unclear":
                return entry._replace(planted=planted, outcome=_STRANGE, refunded=None)
            case _:
                return entry._replace(planted=planted)


def _given_back(outcome: str, minor: int) -> int | None:
    if outcome not in _PAID:
        return None
    return {"refunded": minor, "partially_refunded": minor // 3}.get(outcome, 0)


def _suits(planted: str, outcome: str) -> bool:
    """Tell whether something can be planted in such an invoice, and be what is found there."""
    return planted != "twice_at_gateway" and (outcome in _PAID or planted not in _WITH_MONEY)
