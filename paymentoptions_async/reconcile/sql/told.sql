-- Each row of the ledger, and each transaction that it lacks, with what the gateway says of it.
CREATE TEMP TABLE told AS
SELECT
    rows.line, coalesce(rows.transaction_id, answers.transaction_id) AS transaction_id,
    rows.reference, rows.order_name, rows.kind, rows.status, rows.amount, rows.currency, rows.refunded, rows."at",
    answers.outcome, answers.status AS told_status, upper(answers.transaction_type) AS told_type,
    answers.gateway_code, answers.amount AS told_amount, answers.currency AS told_currency,
    answers.reference AS told_reference, answers.refunded AS told_refunded, answers.gateway_time,
    answers.reason AS told_reason, answers.source,
    coalesce(answers.contradicts, false) AS contradicts,
    coalesce(answers.outcome <> 'failed', false) AS settled,
    coalesce(answers.outcome = 'answered' AND took_money(answers.status), false) AS taken
FROM resolved AS rows FULL JOIN answers ON answers.transaction_id = rows.transaction_id;
