-- One row for each row of the ledger and each transaction that it lacks, in the order of schemas.FINDING.

WITH sides AS (
    SELECT facts.*,
        followed.captured, followed.refunded AS chain_refunded, followed.ledger_refunded AS chain_ledger_refunded,
        in_doubt.chain IS NOT NULL AS unclear, captures.chain IS NOT NULL AS unclear_captures,
        doubled.chain IS NOT NULL AS is_doubled,
        coalesce(outcome = 'answered' AND told_status <> 'unknown', false) AS told,
        CASE
            WHEN took_none(status) THEN 'none' WHEN is_open(status) THEN 'open' WHEN status = 'unknown' THEN 'unknown'
            WHEN status = 'authorized' OR kind = 'authorization' THEN 'held' ELSE 'taken'
        END AS here,
        CASE
            WHEN took_none(told_status) THEN 'none' WHEN is_open(told_status) THEN 'open'
            WHEN facts.nature = 'void' THEN 'voided'
            WHEN facts.nature <> 'authorization' THEN 'taken'
            -- An authorisation's own status tells nothing of what followed it.
            WHEN followed.captured > 0 AND status IN ('approved', 'partially_approved')
                AND kind IS DISTINCT FROM 'authorization' THEN 'taken'
            WHEN voided.chain IS NOT NULL AND status = 'cancelled' THEN 'none'
            ELSE 'held'
        END AS there
    FROM facts
    LEFT JOIN followed ON followed.chain = facts.chain AND followed.currency = facts.currency
    LEFT JOIN in_doubt ON in_doubt.chain = facts.chain AND in_doubt.nature = 'refund'
    LEFT JOIN in_doubt AS captures ON captures.chain = facts.chain AND captures.nature = 'capture'
    LEFT JOIN voided ON voided.chain = facts.chain
    LEFT JOIN doubled ON doubled.chain = facts.chain
    WHERE line IS NOT NULL
), amounts AS (
    SELECT *,
        -- What may be compared at all: money on both sides, and what was given back where the ledger speaks of it.
        told AND taken AND here IN ('taken', 'held') AND nature <> 'void' AND kind IS DISTINCT FROM 'void'
            AS both_took,
        told AND refunded IS NOT NULL AND coalesce(kind NOT IN ('refund', 'void'), true)
            AND nature NOT IN ('refund', 'void') AND coalesce(told_currency = currency, true) AS tells_refunds,
        $answers_tell_refunds AND source <> 'journal' AS by_answer,
        CASE WHEN nature <> 'authorization' OR there <> 'taken' THEN told_amount WHEN NOT unclear_captures THEN captured END
            AS gateway_amount
    FROM sides
), differences AS (
    SELECT *,
        CASE WHEN both_took AND told_currency = currency THEN gateway_amount - amount END AS difference,
        CASE WHEN by_answer THEN coalesce(told_refunded, CASE WHEN NOT taken THEN 0 END) ELSE coalesce(chain_refunded, 0) END
            AS gateway_refunded,
        CASE WHEN by_answer OR chain IS NULL THEN refunded ELSE coalesce(chain_ledger_refunded, 0) END AS here_refunded,
        both_took AND told_status = 'partially_approved' AND status <> 'partially_approved' AS only_in_part,
        tells_refunds AND CASE WHEN by_answer THEN taken AND told_refunded IS NULL ELSE unclear END AS unclear_refund,
        told AND there = 'open' AS still_open,
        coalesce(gateway_time, "at", opened_at) AS open_since,
        told AND CASE
            WHEN kind IS NULL OR told_type IS NULL OR (there = 'voided' AND status = 'cancelled') THEN false
            WHEN kind = 'payment' THEN nature NOT IN ('payment', 'capture', 'authorization')
            WHEN kind = 'capture' THEN told_type <> 'CAPTURE'
            ELSE kind <> nature
        END AS is_other_kind
    FROM amounts
), judged AS (
    SELECT *,
        -- It may be another order's. A refund's row may name the refund itself, as the journal does; masked ones tell nothing.
        told AND coalesce(told_reference <> reference AND reference IS DISTINCT FROM ref
            AND NOT contains(told_reference || reference, '*'), false) AS is_elsewhere,
        transaction_id IS NULL OR NOT settled OR unclear_refund AS unchecked,
        first_line IS NOT NULL AS repeated,
        coalesce(outcome = 'not_found', false) AS not_found,
        coalesce(outcome = 'foreign', false) OR (coalesce(outcome = 'answered', false) AND NOT told)
            OR (settled AND contradicts) OR (both_took AND (gateway_amount IS NULL OR told_currency IS NULL))
            OR is_elsewhere AS unknown,
        taken AND nature IN ('payment', 'authorization', 'capture') AND (is_doubled OR is_duplicate) AS charged_again,
        coalesce(both_took AND told_currency <> currency, false) AS other_currency,
        only_in_part OR coalesce(abs(difference) > coalesce(tolerance, $tolerance), false) AS other_amount,
        told AND (is_other_kind OR CASE there
            WHEN 'open' THEN here = 'none'
            WHEN 'voided' THEN here <> 'taken' AND status <> 'cancelled'
            ELSE here <> there
        END) AS other_status,
        tells_refunds AND NOT unclear_refund AND gateway_refunded <> here_refunded AS other_refunds,
        still_open AND coalesce(open_since < $stale_before, true) AS stale,
        still_open AND coalesce(open_since >= $stale_before, false) AS timing,
        NOT only_in_part AND coalesce(difference <> 0 AND abs(difference) <= coalesce(tolerance, $tolerance), false)
            AS within_tolerance,
        CASE WHEN here = 'held' THEN 'authorized' ELSE status END AS said_here,
        CASE there WHEN 'voided' THEN 'voided' WHEN 'held' THEN 'authorized' WHEN 'none' THEN
            CASE WHEN took_none(told_status) THEN told_status ELSE 'voided' END
        ELSE replace(told_status, 'authorized', 'approved') END AS said_there
    FROM differences LEFT JOIN currencies USING (currency)
), flagged AS (
    SELECT *,
        list_filter([
            CASE WHEN unchecked THEN 'unchecked' END,
            CASE WHEN repeated THEN 'duplicate_in_ledger' END,
            CASE WHEN not_found THEN 'missing_at_gateway' END,
            CASE WHEN unknown THEN 'unknown' END,
            CASE WHEN charged_again THEN 'duplicate_at_gateway' END,
            CASE WHEN other_currency THEN 'currency_mismatch' END,
            CASE WHEN other_amount THEN 'amount_mismatch' END,
            CASE WHEN other_status THEN 'status_mismatch' END,
            CASE WHEN other_refunds THEN 'refund_mismatch' END,
            CASE WHEN stale THEN 'stale_pending' END,
            CASE WHEN timing THEN 'timing_pending' END,
            CASE WHEN within_tolerance THEN 'amount_within_tolerance' END
        ], lambda flag: flag IS NOT NULL) AS found
    FROM judged
), decided AS (
    -- The first of several rows with one transaction keeps its own verdict.
    SELECT * EXCLUDE (found),
        coalesce(CASE WHEN line = first_line THEN list_filter(found, lambda flag: flag <> 'duplicate_in_ledger')
            ELSE found END[1], 'matched') AS verdict,
        CASE WHEN verdict = 'matched' THEN list_append(found, 'matched') ELSE found END AS flags
    FROM flagged
), explained AS (
    SELECT *,
        money(gateway_amount, told_currency, gateway_decimals) AS money_there,
        CASE verdict
            WHEN 'unchecked' THEN CASE
                WHEN transaction_id IS NULL AND reference IS NULL THEN 'it has neither transaction id nor reference'
                WHEN transaction_id IS NULL AND ref IS NULL
                    THEN 'it has no transaction id, and the journal knows none for its reference'
                WHEN transaction_id IS NULL THEN 'it has no transaction id, and the journal has not learned one yet'
                WHEN outcome IS NULL THEN 'the gateway was not asked'
                WHEN outcome = 'failed' THEN coalesce(told_reason, 'the gateway did not answer')
                WHEN by_answer THEN 'the gateway does not say how much it gave back'
                ELSE 'whether a refund of it went through is not known'
            END
            WHEN 'duplicate_in_ledger' THEN 'line ' || first_line || ' has the same transaction'
            WHEN 'missing_at_gateway' THEN 'the gateway knows no such transaction'
            WHEN 'unknown' THEN CASE
                WHEN outcome = 'foreign' THEN coalesce(told_reason, 'it is of another merchant or environment')
                WHEN contradicts
                    THEN 'the gateway has it ' || told_status || ', and the journal had it settled otherwise'
                WHEN is_elsewhere
                    THEN 'the gateway has it under the reference ' || told_reference || ', the ledger under ' || reference
                WHEN told THEN 'the gateway does not say how much it approved'
                ELSE coalesce(told_reason, 'the answer says nothing sure')
            END
            WHEN 'duplicate_at_gateway' THEN 'charged more than once under the reference ' || coalesce(chain, '?')
            WHEN 'currency_mismatch' THEN 'the gateway has ' || money_there
                || ', the ledger ' || money(amount, currency, decimals)
            WHEN 'amount_mismatch' THEN 'the gateway ' || CASE WHEN only_in_part THEN 'approved only ' ELSE 'has ' END
                || money_there || ', the ledger ' || CASE WHEN only_in_part THEN 'has ' ELSE '' END
                || money(amount, currency, decimals) || coalesce(' (' || signed(difference, decimals) || ')', '')
            WHEN 'status_mismatch' THEN CASE
                WHEN is_other_kind THEN 'the gateway calls it a ' || told_type || ', the ledger a ' || kind
                ELSE 'the gateway has it ' || said_there
                    || CASE WHEN took_none(told_status) THEN coalesce(' (' || told_reason || ')', '') ELSE '' END
                    || ', the ledger ' || said_here
            END
            WHEN 'refund_mismatch' THEN 'the gateway gave back ' || money(gateway_refunded, currency, decimals)
                || ', the ledger has ' || money(here_refunded, currency, decimals)
                || ' (' || signed(gateway_refunded - here_refunded, decimals) || ')'
            WHEN 'stale_pending' THEN coalesce('open since ' || moment(open_since), 'open, and nobody says since when')
            WHEN 'timing_pending' THEN 'open since ' || moment(open_since)
            WHEN 'amount_within_tolerance' THEN 'the gateway has ' || money_there || ', the ledger '
                || money(amount, currency, decimals) || ' (' || signed(difference, decimals) || ')'
        END AS reason
    FROM decided LEFT JOIN
        (SELECT currency AS told_currency, decimals AS gateway_decimals FROM currencies) USING (told_currency)
)
SELECT line, verdict, flags, reason, transaction_id, coalesce(reference, chain) AS reference, order_name, kind, "at",
    status AS ledger_status, told_status AS gateway_status, journal_status,
    amount AS ledger_amount, currency AS ledger_currency, gateway_amount, told_currency AS gateway_currency,
    difference, CASE WHEN other_refunds THEN here_refunded ELSE refunded END AS ledger_refunded,
    CASE WHEN told AND (by_answer OR chain_refunded > 0 OR refunded IS NOT NULL) THEN gateway_refunded END
        AS gateway_refunded,
    told_type AS gateway_type, gateway_time, source, ref
FROM explained
UNION ALL BY NAME
SELECT 'missing_in_ledger' AS verdict,
    ['missing_in_ledger'] || CASE WHEN unsure THEN ['unknown'] ELSE [] END
        || CASE WHEN is_doubled THEN ['duplicate_at_gateway'] ELSE [] END AS flags,
    CASE role
        WHEN 'orphan' THEN 'a webhook told of it, no payment of the journal is its own'
        WHEN 'renewal' THEN 'the journal has it as a renewal of a subscription'
        WHEN 'duplicate' THEN 'the journal has it as a further charge under the reference'
        ELSE 'the journal has it'
    END || CASE WHEN unsure THEN ' as ' || coalesce(journal_status, 'unknown') || ', the gateway says nothing sure'
        ELSE coalesce(': ' || money(gateway_amount, gateway_currency, decimals), '') END AS reason,
    transaction_id, chain AS reference, order_name, nature AS kind, opened_at AS "at", gateway_status, journal_status,
    gateway_amount, gateway_currency, told_type AS gateway_type, gateway_time, source, ref
FROM (
    SELECT missing.* EXCLUDE (source),
        settled AND NOT (taken AND NOT contradicts) AS unsure,
        is_duplicate OR (doubled.chain IS NOT NULL AND nature IN ('payment', 'authorization', 'capture')) AS is_doubled,
        -- Where nobody could be asked, the journal speaks for the gateway.
        CASE WHEN settled THEN source ELSE 'journal' END AS source,
        CASE WHEN settled THEN told_status ELSE journal_status END AS gateway_status,
        CASE WHEN settled THEN told_amount ELSE journal_amount END AS gateway_amount,
        CASE WHEN settled THEN told_currency ELSE journal_currency END AS gateway_currency
    FROM missing LEFT JOIN doubled USING (chain)
) LEFT JOIN (SELECT currency AS gateway_currency, decimals FROM currencies) USING (gateway_currency)
UNION ALL BY NAME
SELECT line, 'invalid_row' AS verdict, ['invalid_row'] AS flags, reason
FROM invalid
