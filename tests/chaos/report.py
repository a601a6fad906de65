"""A campaign told to a human: what was done, what went wrong on purpose, what came of it, and what must not be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from paymentoptions_async import Operation, PaymentStatus, Progress
from paymentoptions_async.intent import Record
from tests.chaos.campaign import SHOWN, Outcome
from tests.chaos.invoice_referee import InvoiceCase
from tests.chaos.referee import Case, Kept

WIDTH = 64


def report(outcome: Outcome) -> str:
    """All of it."""
    return "".join(_lines(outcome))


def verdict(outcome: Outcome) -> str:
    """One line."""
    found = f"{len(outcome.harms)} HARMS" if outcome.harms else "no harm"
    return f"{found}: {_title(outcome)}"


def _title(outcome: Outcome) -> str:
    plan = outcome.plan
    broken = f", with {plan.mutant} on purpose" if plan.mutant else ""
    return f"seed {plan.seed}, {plan.workers} workers, journal on {outcome.journal}{broken}"


def _lines(outcome: Outcome) -> Iterator[str]:
    case, invoices = outcome.case, outcome.invoices
    assert case is not None, "a campaign that ended has one"
    assert invoices is not None, "and one of Corefy's"
    yield f"Chaos campaign: {_title(outcome)}\n"
    yield "\n"
    yield from table("Asked", _asked(outcome, case, invoices))
    yield from table("Went wrong on purpose", outcome.faults)
    yield from table("Struck", outcome.struck)
    yield from table("Callers were told", case.heard.answers)
    yield from table("Ended as", Counter(_ending(record) for record in case.records.values()))
    yield from table("Not settled at the end, and why", Counter(_why(record, case) for record in _open(case)))
    yield from table("Settled by a person", {**outcome.verdicts, "of these wrongly": len(case.mistaken)})
    yield from table("The bank's books", _books(case))
    yield from _invoices(invoices)
    yield from _harms(outcome)


def _asked(outcome: Outcome, case: Case, invoices: InvoiceCase) -> Mapping[str, object]:
    payments = len(case.records) + len(invoices.records)
    return {
        "orders": outcome.stories,
        "payments (charges, captures, refunds, voids, pages)": payments,
        "of these by Corefy's invoices": len(invoices.records),
        "calls": case.heard.asked + invoices.heard.asked,
        "seconds": f"{outcome.seconds:.1f}",
        "payments a second": f"{payments / outcome.seconds:.0f}",
    }


def _ending(record: Record) -> str:
    progress = record.payment.progress
    how = f" ({progress.value.replace('_', ' ')})" if progress in (Progress.NOT_SENT, Progress.REFUSED) else ""
    return f"{record.payment.status}{how}"


def _open(case: Kept) -> Iterator[Record]:
    return (record for record in case.records.values() if not record.payment.is_final)


def _why(record: Record, case: Case) -> str:
    payment = record.payment
    own = case.own(record)
    bank = "charged" if any(one.moved for one in own) else "not charged"
    if payment.status is PaymentStatus.ACTION_REQUIRED:
        return f"{payment.status}: the buyer never answered, or no webhook told it; {bank}"
    if any(entry.event == "contradiction" for entry in case.histories[record.ref]):
        return f"{payment.status}: contradicted; {bank}"
    if payment.response_code is not None:
        return f"{payment.status}: the acquirer's code {payment.response_code}, or its answer, is unclear; {bank}"
    lost = "its process died or stood still" if payment.progress is Progress.SENDING else "its answer was lost"
    follows = "capture, void or refund: " if record.intent.operation.follows else ""
    announced = "webhook told too little" if any(one.id in case.announced for one in own) else "no webhook told of it"
    return f"{payment.status}: {follows}{lost}, {announced}; {bank}"


def _books(case: Case) -> Mapping[str, int]:
    done = [one for one in case.ledger.transactions if one.moved]
    pages = [record for record in case.records.values() if record.intent.operation is Operation.HOSTED_PAGE]
    return {
        "transactions": len(case.ledger.transactions),
        "of these moved or held money": len(done),
        "pages paid twice by their buyers": sum(sum(bool(t.moved) for t in case.own(page)) > 1 for page in pages),
        "second charges reported": sum(bool(record.payment.duplicate_charges) for record in case.records.values()),
        "events handed to on_payment": len(case.heard.events),
        "handed over again": sum(event.times - 1 for event in case.heard.events.values()),
    }


def _invoices(case: InvoiceCase) -> Iterator[str]:
    """What there is to tell of the second gateway."""
    yield from table("Corefy: callers were told", case.heard.answers)
    yield from table("Corefy: ended as", Counter(_ending(record) for record in case.records.values()))
    still_open = Counter(f"{record.payment.status}: {case.why_open(record)}" for record in _open(case))
    yield from table("Corefy: not settled at the end, and why", still_open or {"nothing": 0})
    yield from table("Corefy's books", case.totals())


def table(title: str, rows: Mapping[str, object]) -> Iterator[str]:
    """A title, and a line for each row; counted ones in the order of their names."""
    if not rows:
        return
    yield f"{title}\n"
    for name, value in sorted(rows.items()) if isinstance(rows, Counter) else rows.items():
        yield f"  {name:<{WIDTH}} {value:>10}\n"
    yield "\n"


def _chain(ref: str, case: Kept | None) -> Iterator[str]:
    """The story of a payment, and of all that followed the same charge."""
    record = case.records.get(ref) if case is not None else None
    first = record.intent.charge_ref if record is not None else None
    if case is None or record is None or first is None:
        yield from _story(ref, case)
        return
    for one in (first, *(other for other in case.records if case.records[other].intent.charge_ref == first)):
        yield from _story(one, case)


def _story(ref: str, case: Kept | None) -> Iterator[str]:
    """What the journal and the bank have of a payment, line by line."""
    if case is None or ref not in case.records:
        return
    record = case.records[ref]
    yield f"      {record.payment!r}\n"
    for entry in case.histories[ref]:
        said = "; ".join((*entry.doubts, str(entry.evidence or "")))
        came = f"{entry.at:.1f} {entry.version}. {entry.source} {entry.event}"
        yield f"      {came}: {entry.status} ({entry.progress}) {said}\n"
    for notice in case.notices.get(ref, ()):
        named = ", ".join(notice.transaction_ids)
        yield f"      {notice.received_at:.1f} webhook of {named}: {notice.state} {notice.outcome}\n"
    for line in case.bank_says(record):
        yield f"      bank: {line}\n"


def _harms(outcome: Outcome) -> Iterator[str]:
    if not outcome.harms:
        yield "No promise was broken.\n"
        return
    yield f"{len(outcome.harms)} HARMS\n"
    for promise, count in Counter(harm.promise for harm in outcome.harms).items():
        yield f"  {promise:<{WIDTH}} {count:>10}\n"
    for harm in outcome.harms[:SHOWN]:
        yield f"  {harm}\n"
        for case in (outcome.case, outcome.invoices):
            yield from _chain(harm.ref, case)
    yield f"  The logs of all processes and the journal are in {outcome.plan.directory}\n"
    yield "  The same seed draws the same orders and faults again; which process meets them is up to the machine.\n"
