-- What is only seen of all transactions under one reference together.

-- What the gateway says it approved, or else what the journal has from it.
CREATE TEMP VIEW sure AS
SELECT chain, nature, coalesce(told_currency, journal_currency) AS currency,
    CASE WHEN settled THEN told_amount ELSE journal_amount END AS amount
FROM facts
WHERE coalesce(line = first_line, true)
    AND (taken OR (NOT settled AND confirmed AND took_money(journal_status)))
UNION ALL
SELECT chain, nature, currency, amount FROM hidden;

-- `captured` and `refunded` by the gateway, `ledger_refunded` as the ledger says.
CREATE TEMP TABLE followed AS
WITH pieces AS (
    SELECT chain, currency, amount AS captured, 0 AS refunded, 0 AS ledger_refunded
    FROM sure WHERE nature = 'capture'
    UNION ALL
    SELECT chain, currency, 0, amount, 0
    FROM sure WHERE nature = 'refund'
    UNION ALL
    SELECT chain, currency, 0, 0, refunded
    FROM facts WHERE refunded <> 0 AND coalesce(kind NOT IN ('refund', 'void'), true) AND coalesce(line = first_line, true)
)
SELECT chain, currency, sum(captured)::DECIMAL(38, 4) AS captured, sum(refunded)::DECIMAL(38, 4) AS refunded,
    sum(ledger_refunded)::DECIMAL(38, 4) AS ledger_refunded
FROM pieces WHERE chain IS NOT NULL GROUP BY chain, currency;

-- Where a refund or capture may have happened, in whatever currency: the ledger may be wrong in that too.
CREATE TEMP TABLE in_doubt AS
SELECT chain, nature
FROM facts WHERE nature IN ('refund', 'capture') AND chain IS NOT NULL AND coalesce(line = first_line, true) AND CASE
    WHEN settled THEN contradicts OR outcome = 'foreign' OR coalesce(told_status = 'unknown', false)
        OR (taken AND told_amount IS NULL)
    ELSE NOT confirmed AND NOT took_none(journal_status)
END
UNION
SELECT reference, operation
FROM known
WHERE operation IN ('refund', 'capture') AND role = 'own' AND transaction_id IS NULL AND reference IS NOT NULL
    AND NOT took_none(status);

CREATE TEMP TABLE voided AS SELECT DISTINCT chain FROM sure WHERE nature = 'void' AND chain IS NOT NULL;

-- Where the gateway charged more than once. A subscription's later charges are no doubles.
CREATE TEMP TABLE doubled AS
SELECT chain
FROM facts ANTI JOIN (SELECT reference AS chain FROM known WHERE operation = 'subscribe' AND role = 'own') USING (chain)
WHERE taken AND nature IN ('payment', 'authorization') AND role IS DISTINCT FROM 'renewal'
    AND coalesce(line = first_line, true)
GROUP BY chain HAVING count(*) > 1
UNION
SELECT unnest([facts.chain, known.reference])
FROM facts JOIN known USING (transaction_id)
WHERE facts.is_duplicate AND known.role = 'duplicate' AND (facts.taken OR NOT facts.settled);
