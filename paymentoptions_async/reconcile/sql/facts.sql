-- The same, with what the journal knows. `chain` is the reference that a charge and all that followed it share; `nature`
-- what the transaction is, in the words of options.Kind.
CREATE TEMP TABLE facts AS
WITH sides AS (
    SELECT told.* REPLACE (
            coalesce(told.transaction_id, journal.transaction_id) AS transaction_id,
            coalesce(told.order_name, journal.order_name) AS order_name,
            coalesce(told.contradicts, false) AS contradicts,
            coalesce(told.settled, false) AS settled,
            coalesce(told.taken, false) AS taken
        ),
        coalesce(told_reference, journal.reference, told.reference) AS chain,
        journal.ref, journal.role, journal.status AS journal_status,
        CASE WHEN journal.role = 'own' THEN journal.operation END AS operation,
        coalesce(journal.confirmed, false) AS confirmed,
        journal.amount AS journal_amount, journal.currency AS journal_currency, journal.opened_at,
        coalesce(journal.is_duplicate, false) AS is_duplicate,
        coalesce(told_type, upper(journal.transaction_type)) AS type
    FROM told FULL JOIN journal ON journal.transaction_id = told.transaction_id
)
SELECT sides.* EXCLUDE (type) REPLACE (
        coalesce(sides.ref, known_by_name.ref) AS ref,
        coalesce(journal_status, known_by_name.status) AS journal_status
    ),
    repeated.first_line,
    CASE
        WHEN type = 'REFUND' THEN 'refund'
        WHEN type IN ('VOID', 'VOIDAUTHORISATION', 'VOIDAUTHORIZATION') THEN 'void'
        WHEN charges_at_once(operation) THEN 'payment'
        WHEN told_status = 'authorized' OR type IN ('PRE_AUTH', 'AUTHORIZATION', 'AUTHORISATION') THEN 'authorization'
        -- A purchase and a capture are both a CAPTURE: who asked for it knows, else the gateway's code tells.
        WHEN type = 'CAPTURE' AND coalesce(operation = 'capture', gateway_code = 'INFO0001', false) THEN 'capture'
        WHEN type IS NOT NULL THEN 'payment'
        WHEN operation IN ('capture', 'refund', 'void') THEN operation
        WHEN operation = 'authorize' THEN 'authorization'
        ELSE coalesce(kind, 'payment')
    END AS nature
FROM sides
LEFT JOIN repeated ON repeated.transaction_id = sides.transaction_id
LEFT JOIN known_by_name ON sides.transaction_id IS NULL AND known_by_name.ref = sides.reference
    AND (kind IS NULL OR known_by_name.nature = CASE WHEN kind IN ('capture', 'refund', 'void') THEN kind ELSE 'charge' END);

DROP TABLE told;
