-- Ledger and journal, by transaction.

-- Rows of the ledger that have the same one.
CREATE TEMP TABLE repeated AS
SELECT transaction_id, min(line) AS first_line
FROM resolved WHERE transaction_id IS NOT NULL GROUP BY transaction_id HAVING count(*) > 1;

-- The journal may tell of one several times: it is one payment's own and another one's duplicate, or a void has that of
-- its charge. Whose own it is counts, and the charge before what followed it.
CREATE TEMP TABLE known_again AS
SELECT transaction_id FROM known WHERE transaction_id IS NOT NULL GROUP BY transaction_id HAVING count(*) > 1;

CREATE TEMP TABLE chosen AS
SELECT *, bool_or(role = 'duplicate') OVER (PARTITION BY transaction_id) AS is_duplicate
FROM known SEMI JOIN known_again USING (transaction_id)
QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY
    list_position(['own', 'renewal', 'duplicate', 'orphan'], role),
    coalesce(operation IN ('capture', 'refund', 'void'), false), ref, opened_at
) = 1;

CREATE TEMP VIEW journal AS
SELECT *, role = 'duplicate' AS is_duplicate
FROM known ANTI JOIN known_again USING (transaction_id)
WHERE transaction_id IS NOT NULL
UNION ALL
FROM chosen;

-- What followed a charge under the charge's own transaction.
CREATE TEMP TABLE hidden AS
SELECT reference AS chain, operation AS nature, currency, amount
FROM known SEMI JOIN known_again USING (transaction_id) ANTI JOIN chosen USING (ref)
WHERE role = 'own' AND operation IN ('capture', 'refund', 'void') AND confirmed AND took_money(status);

-- What it knows of rows that no transaction could be found for.
CREATE TEMP TABLE nameless AS
SELECT DISTINCT reference FROM resolved WHERE transaction_id IS NULL AND reference IS NOT NULL;

CREATE TEMP TABLE known_by_name AS
SELECT ref, any_value(status) AS status, CASE
    WHEN any_value(operation) IN ('capture', 'refund', 'void') THEN any_value(operation) ELSE 'charge'
END AS nature
FROM known SEMI JOIN nameless ON nameless.reference = known.ref
WHERE role = 'own' GROUP BY ref;
