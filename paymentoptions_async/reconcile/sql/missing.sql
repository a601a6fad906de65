-- Transactions that took money and that no row of the ledger has, or accounts for: a payment's row that says what was
-- refunded stands for its refunds; a capture's for its authorisation, and the other way round.
CREATE TEMP TABLE missing AS
WITH candidates AS (
    SELECT * FROM facts
    WHERE line IS NULL AND role IS NOT NULL AND nature <> 'void'
        AND (taken OR (
            -- Nobody answered, or nothing sure: then the journal counts. It has duplicates and renewals from the gateway.
            (took_money(journal_status) OR role IN ('duplicate', 'renewal'))
            AND (NOT settled OR outcome = 'foreign'
                OR (outcome = 'answered' AND (contradicts OR coalesce(told_status = 'unknown', true))))
        ))
        AND coalesce(opened_at >= $since, true) AND coalesce(opened_at < $until, true)
), accounted AS (
    SELECT chain,
        bool_or(nature = 'capture') AS captured,
        bool_or(nature = 'authorization' AND status IN ('approved', 'partially_approved')
            AND kind IS DISTINCT FROM 'authorization') AS taken,
        bool_or(refunded IS NOT NULL AND coalesce(kind NOT IN ('refund', 'void'), true)) AS refunded
    FROM facts SEMI JOIN candidates USING (chain)
    WHERE line IS NOT NULL GROUP BY chain
)
SELECT candidates.*
FROM candidates LEFT JOIN accounted USING (chain) LEFT JOIN voided USING (chain)
WHERE is_duplicate OR NOT (
    (role = 'own' AND (chain IN (FROM nameless) OR ref IN (FROM nameless)))
    OR coalesce(nature = 'authorization' AND accounted.captured, false)
    OR coalesce(nature = 'authorization' AND voided.chain IS NOT NULL, false)
    OR coalesce(nature = 'capture' AND accounted.taken, false)
    OR coalesce(nature = 'refund' AND accounted.refunded, false)
);
