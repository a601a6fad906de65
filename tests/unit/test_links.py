"""What the answer to a link may say."""

from __future__ import annotations

import json

import pytest

from paymentoptions_async import Money, PaymentStatus
from paymentoptions_async.links import read_link
from paymentoptions_async.payment import Expected, Operation

ASKED = Expected(
    operation=Operation.HOSTED_PAGE, merchant_id="JP00000001", live=False, ref="PO1", amount=Money("1000", "JPY")
)


def payment(*, success: bool, code: int) -> bytes:
    return json.dumps(
        {
            "success": success,
            "is_live": False,
            "transaction_type": "CAPTURE",
            "merchant_details": {"mid": "JP00000001", "merchant_txn_ref": "PO1"},
            "payment_details": {"amount": 1000, "currency": "JPY", "response_code": code},
            "transaction_details": {"id": "ab8444e7-fec0-40dd-994d-0ad813785f74"},
        }
    ).encode()


@pytest.mark.parametrize("status", [200, 201, 406, 412])
@pytest.mark.parametrize(("success", "code"), [(True, 0), (False, 51), (False, 578)])
def test_a_payment_is_no_answer_to_a_link(status, success, code):
    reading = read_link(status, {}, payment(success=success, code=code), ASKED)
    assert reading.status is PaymentStatus.UNKNOWN
    assert reading.doubts
    assert reading.approved_amount is None
    assert reading.transaction_id is None
