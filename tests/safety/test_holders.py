"""What holds a secret does not show it when it is printed."""

from __future__ import annotations

import pytest

from paymentoptions_async.corefy.callbacks import Signatures
from paymentoptions_async.corefy.replies import Session
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.flow import Call
from paymentoptions_async.instruments import instrument_of
from paymentoptions_async.intent import Intent
from paymentoptions_async.journal.postgres.address import read_address
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Reading
from paymentoptions_async.redirects import Signer, make_urls
from paymentoptions_async.values import Secret
from paymentoptions_async.wire.credentials import Authentication, Credentials
from paymentoptions_async.wire.exchange import Reply, Request
from tests.safety.conftest import card
from tests.safety.marks import API_KEY, CALLBACK_SECRET, CVC, LINK_TOKEN, PAN, SIGNING_SECRET, TOKEN, X_API_KEY, Marks

PASSWORD = "a password that nobody sees"
BODY = f'{{"number": "{PAN}", "cvc": "{CVC}"}}'.encode()
SIGNER = Signer((SIGNING_SECRET,), "JP00000001", "sandbox")
INTENT = Intent(
    gateway="paymentoptions",
    environment="sandbox",
    merchant_id="JP00000001",
    operation=Operation.PURCHASE,
    idempotency_key="1",
    ref="PO",
    instrument=f"{instrument_of(card=card())} {instrument_of(token=Secret(TOKEN))}",
)
HOLDERS = [
    Secret(PAN),
    card(),
    INTENT,
    Call(INTENT, "/payment", BODY, lambda _: Reading(status=PaymentStatus.UNKNOWN)),
    Payment(
        ref="PO",
        operation=Operation.PURCHASE,
        status=PaymentStatus.ACTION_REQUIRED,
        stored_payment_method_id=TOKEN,
        redirect_url=f"https://bank.example/{LINK_TOKEN}",
        redirect_form={"creq": LINK_TOKEN},
    ),
    Reading(status=PaymentStatus.ACTION_REQUIRED, stored_payment_method_id=TOKEN, redirect_form={"creq": LINK_TOKEN}),
    Request("POST", "/payment", 1.0, BODY, authentication=Authentication({"Authorization": f"Bearer {API_KEY}"})),
    Reply(200, {}, BODY, Evidence(Left.MAYBE, Stage.DONE)),
    Credentials(API_KEY, X_API_KEY),
    SIGNER,
    Signatures((CALLBACK_SECRET,)),
    Session(invoice_id="cpi_1", bearer=Secret(API_KEY), ends_at=1.0),
    make_urls("https://shop.example", "PO", SIGNER, now=1.0),
    read_address(f"postgresql://shop:{PASSWORD}@db/shop"),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_it_shows_nothing_of_what_it_holds(holder):
    marks = Marks(also=[PASSWORD])
    assert marks.found_in(f"{holder!r} {holder!s} {holder} {[holder]}") == set()
