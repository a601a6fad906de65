-- The statuses by what they mean for money, and amounts as people write them.

CREATE MACRO took_money(status) AS coalesce(status IN ('approved', 'authorized', 'partially_approved'), false);
CREATE MACRO took_none(status) AS coalesce(status IN ('declined', 'cancelled', 'expired'), false);
CREATE MACRO is_open(status) AS coalesce(status IN ('pending', 'action_required'), false);

-- Whether an operation of the journal's charges at once. The vendor's samples answer such ones with PRE_AUTH too.
CREATE MACRO charges_at_once(operation) AS coalesce(
    operation IN ('purchase', 'purchase_with_token', 'subscribe', 'hosted_page', 'checkout'), false
);

-- A digit more than the currency has is kept, should there be one.
CREATE MACRO written(amount, decimals) AS CASE
    WHEN right(amount::VARCHAR, 4 - coalesce(decimals, 2)) = repeat('0', 4 - coalesce(decimals, 2))
    THEN rtrim(left(amount::VARCHAR, len(amount::VARCHAR) - 4 + coalesce(decimals, 2)), '.')
    ELSE amount::VARCHAR
END;
CREATE MACRO money(amount, currency, decimals) AS written(amount, decimals) || ' ' || currency;
CREATE MACRO signed(amount, decimals) AS CASE WHEN amount > 0 THEN '+' ELSE '' END || written(amount, decimals);
CREATE MACRO moment(instant) AS strftime(instant, '%Y-%m-%d %H:%M UTC');
