"""The tables of a run, as Parquet keeps them. Amounts are in major units, times in UTC.

``line`` is a row's line in a CSV file (the first of it), or its number in a table or query, from 1 on. Nothing in them
holds a card number: cells, answers and messages are masked before they are written.
"""

from __future__ import annotations

import pyarrow as pa

AMOUNT = pa.decimal128(38, 4)
"""Exact, with as many decimals as any currency of ISO 4217 has."""
WHOLE_DIGITS = 24
"""How many digits an amount has before the point at most: ten billion such amounts add up to what `AMOUNT` can hold."""
TIME = pa.timestamp("us", tz="UTC")

LEDGER = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("transaction_id", pa.string()),  # as the gateway writes it: a UUID in lower case, or Corefy's cpi_…
        pa.field("reference", pa.string()),  # merchant_txn_ref, or Corefy's reference_id
        pa.field("order_name", pa.string()),
        pa.field("kind", pa.string()),  # of options.Kind; null where the ledger does not say
        pa.field("status", pa.string(), nullable=False),  # of PaymentStatus: what the ledger takes it to be
        pa.field("amount", AMOUNT, nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("refunded", AMOUNT),  # what the ledger says was given back of it
        pa.field("at", TIME),
    ]
)
"""``ledger.parquet``: the rows that can be used, as they were at one point in time."""

INVALID = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("field", pa.string()),  # which column is to blame, in our names; null for the row as a whole
        pa.field("reason", pa.string(), nullable=False),
        pa.field("cells", pa.string(), nullable=False),  # what stands there, masked and cut short
    ]
)
"""``invalid.parquet``: the rows that can't."""

KNOWN = pa.schema(
    [
        pa.field("ref", pa.string(), nullable=False),  # our reference of the intent
        pa.field("reference", pa.string()),  # under which the gateway keeps it: a refund's is its charge's
        pa.field("transaction_id", pa.string()),
        pa.field("role", pa.string(), nullable=False),  # own, duplicate, renewal; orphan: a webhook's
        pa.field("operation", pa.string()),
        pa.field("status", pa.string()),
        pa.field("confirmed", pa.bool_(), nullable=False),  # final, and said so by the gateway itself
        pa.field("contradicted", pa.bool_(), nullable=False),
        pa.field("amount", AMOUNT),
        pa.field("currency", pa.string()),
        pa.field("charged_back", AMOUNT),
        pa.field("transaction_type", pa.string()),
        pa.field("parent", pa.string()),  # the reference of what it captures, voids or refunds, or its id
        pa.field("order_name", pa.string()),
        pa.field("opened_at", TIME, nullable=False),
    ]
)
"""``known.parquet``: what the journal knows, a row for each transaction, and for each payment that has none.

What a duplicate, a renewal or an orphan came to is not known here; of an orphan, only who named it when. ``own`` is for
each payment once, but a transaction may be in several rows.
"""

WORK = pa.schema(
    [
        pa.field("n", pa.int64(), nullable=False),
        pa.field("transaction_id", pa.string(), nullable=False),
        pa.field("status", pa.string()),  # what the first row of the ledger that has it expects; null: none has
        pa.field("amount", AMOUNT),
        pa.field("currency", pa.string()),
    ]
)
"""``work.parquet``: each transaction that is to be asked for, once, numbered from 0 in the order of the ledger."""

ANSWER = pa.schema(
    [
        pa.field("n", pa.int64(), nullable=False),
        pa.field("transaction_id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # of answers.Outcome
        pa.field("status", pa.string()),  # of PaymentStatus, where it was answered
        pa.field("transaction_type", pa.string()),
        pa.field("gateway_code", pa.string()),
        pa.field("response_code", pa.int64()),
        pa.field("amount", AMOUNT),  # what the gateway approved
        pa.field("currency", pa.string()),
        pa.field("reference", pa.string()),
        pa.field("refunded", AMOUNT),  # in an answer of Corefy's
        pa.field("charged_back", AMOUNT),
        pa.field("gateway_time", TIME),
        pa.field("reason", pa.string()),  # why it was declined, was not answered, or says nothing sure
        pa.field("contradicts", pa.bool_(), nullable=False),  # what the journal took for settled
        pa.field("http_status", pa.int32()),
        pa.field("seconds", pa.float32(), nullable=False),  # from asking to answer, repeats included
        pa.field("asked_at", TIME, nullable=False),
        pa.field("raw", pa.string()),  # the masked answer, as JSON
    ]
)
"""``parts/*.parquet``: what the gateway answered."""

FINDING = pa.schema(
    [
        pa.field("line", pa.int64()),  # null for what is missing in the ledger
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),  # every verdict that is true of it, by precedence
        pa.field("reason", pa.string()),
        pa.field("transaction_id", pa.string()),
        pa.field("reference", pa.string()),
        pa.field("order_name", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("at", TIME),
        pa.field("ledger_status", pa.string()),
        pa.field("gateway_status", pa.string()),
        pa.field("journal_status", pa.string()),
        pa.field("ledger_amount", AMOUNT),
        pa.field("ledger_currency", pa.string()),
        pa.field("gateway_amount", AMOUNT),
        pa.field("gateway_currency", pa.string()),
        pa.field("difference", AMOUNT),  # the gateway's amount less the ledger's, where both are in one currency
        pa.field("ledger_refunded", AMOUNT),
        pa.field("gateway_refunded", AMOUNT),
        pa.field("gateway_type", pa.string()),
        pa.field("gateway_time", TIME),
        pa.field("source", pa.string()),  # of answers.Origin: who said so
        pa.field("ref", pa.string()),  # the journal's reference
    ]
)
"""``findings.parquet``: a row for each row of the ledger, and for each transaction that it lacks."""
