"""Corefy, the second gateway of the sandbox: payment invoices, the cardgate, its pages and its signed callbacks.

It answers on the same server, below paths of its own, each of which a client can take as a base URL:

    {sandbox URL}/corefy/api         private API: HTTP Basic, COREFY_ACCOUNT_ID and COREFY_API_KEY
    {sandbox URL}/corefy/cardgate    cardgate: the bearer of `flow_data.metadata.token`; the buyer's pages too

Callbacks are signed with COREFY_TEST_SECRET, and with COREFY_LIVE_SECRET where a fault plan says so. The four
constants come from `paymentoptions_async.sandbox`; what the documents leave open is fixed by
`Settings(corefy=CorefySettings(…))`. `Sandbox(deliver_callback=…)`, an async `(url, body, headers) -> status`, takes
the place of HTTP for callbacks.

    sandbox.corefy.books         every invoice, attempt, charge and refund: `invoices`, `find(invoice_id)`,
                                 `by_reference(reference_id)`, `charges(reference_id)`, `total_charged(reference_id)`
    sandbox.corefy.callbacks     every callback and each attempt to deliver it (`deliveries`)
    await sandbox.corefy.pay_page(url, "processed")             the buyer on the hosted page, with a test card's name
    await sandbox.corefy.answer_challenge(auth_payload)         the buyer on the bank's page (`confirm` or `decline`)
    sandbox.corefy.process(invoice_id, amount=None)             the bank takes all, or less than was asked
    sandbox.corefy.fail, expire, terminate, charge_back, require_moderation     force what no request brings about

Endpoints of a fault plan: `corefy_create`, `corefy_show`, `corefy_list`, `corefy_refund`, `corefy_sale`, and
`corefy_callback` for what is told.
"""
