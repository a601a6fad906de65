-- What has no transaction to ask for, and took money all the same: a person said so, or an answer that named none. A row
-- of its own reference accounts for it, or one of its kind under the charge's that is no other payment's of the journal;
-- and what a webhook named under that reference is found by itself.
INSERT INTO missing BY NAME
WITH idless AS (
    SELECT *, reference AS chain, CASE
        WHEN operation IN ('capture', 'refund') THEN operation
        WHEN operation = 'authorize' THEN 'authorization'
        ELSE 'payment'
    END AS nature
    FROM known
    WHERE role = 'own' AND transaction_id IS NULL AND operation <> 'void' AND took_money(status)
        AND coalesce(opened_at >= $since, true) AND coalesce(opened_at < $until, true)
), accounted AS (
    SELECT idless.ref FROM idless JOIN facts USING (chain)
    WHERE (line IS NOT NULL OR (taken AND facts.role = 'orphan')) AND CASE idless.nature
        WHEN 'capture' THEN (facts.nature = 'capture' AND facts.role IS DISTINCT FROM 'own')
            OR (facts.nature = 'authorization' AND facts.status IN ('approved', 'partially_approved')
                AND facts.kind IS DISTINCT FROM 'authorization')
        WHEN 'refund' THEN (facts.nature = 'refund' AND facts.role IS DISTINCT FROM 'own')
            OR (refunded IS NOT NULL AND coalesce(kind NOT IN ('refund', 'void'), true))
        ELSE facts.nature NOT IN ('refund', 'void')
    END
    UNION
    SELECT ref FROM idless JOIN (
        SELECT reference FROM resolved WHERE reference IS NOT NULL
    ) AS named ON named.reference = idless.ref
    UNION
    SELECT ref FROM idless WHERE chain IN (FROM nameless)
    UNION
    SELECT ref FROM idless SEMI JOIN voided USING (chain) WHERE nature = 'authorization'
)
SELECT ref, chain, role, nature, order_name, opened_at, status AS journal_status, amount AS journal_amount,
    currency AS journal_currency, false AS settled, false AS taken, false AS contradicts, false AS is_duplicate
FROM idless ANTI JOIN accounted USING (ref);
