"""Words of others that are kept: what webhooks say in whatever form, and what people note."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from paymentoptions_async import OutcomeUnknown
from paymentoptions_async.gateway_json import excerpt, read_masked
from paymentoptions_async.notices import read_notice
from tests.safety.conftest import shop
from tests.safety.marks import API_KEY, CVC, MISTYPED, PAN, X_API_KEY, marks_in
from tests.safety.test_nothing_shown import lost, pay

FIELDS = {"number": PAN, "cvc": CVC, "api_key": API_KEY, "note": f"card {PAN}, cvv2: {CVC}", "x-api-key": X_API_KEY}
BODIES = {
    "JSON": json.dumps({"card": FIELDS}).encode(),
    "JSON of numbers": json.dumps({"card": {"number": int(PAN), "cvc": int(CVC), "other": [int(PAN)]}}).encode(),
    "JSON in JSON": json.dumps({"payload": json.dumps(FIELDS)}).encode(),
    "JSON cut off": json.dumps({"card": FIELDS, "more": 1}).encode()[:-2],
    "JSON of a mistyped number": json.dumps({"card": {"number": MISTYPED}, "card_no": MISTYPED}).encode(),
    "form": urlencode(FIELDS).encode(),
    "XML": "".join(f"<{name}>{value}</{name}>" for name, value in FIELDS.items()).encode(),
    "XML with attributes": f'<card number="{PAN}" cvc="{CVC}"/><cvc kind="x">{CVC}</cvc>'.encode(),
    "XML in JSON": json.dumps({"xml": f"<card><cvc>{CVC}</cvc><number>{PAN}</number></card>"}).encode(),
    "parts": "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in FIELDS.items()
        if "key" not in name
    ).encode(),
    "words": f"security code {CVC} of {PAN[:4]} {PAN[4:8]} {PAN[8:12]} {PAN[12:]}".encode(),
    "in a strange coding": f"<cvc>{CVC}</cvc>{PAN}".encode() + b"\xff\xfe\x00",
}


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded", "text/xml"])
@pytest.mark.parametrize("form", BODIES)
def test_a_webhook_is_kept_without_card_and_code_whatever_it_looks_like(form, content_type):
    kept = read_notice("PO", BODIES[form], content_type=content_type)
    assert marks_in(f"{kept!r} {json.dumps(kept.body, default=str)}") == []


def test_numbers_that_stand_by_no_code_are_kept():
    assert excerpt(b"<error>1042 of 9000</error>") == "<error>1042 of 9000</error>"
    assert read_masked(b'{"message": "5 > 4"}') == ({"message": "5 > 4"}, False)


async def test_what_a_person_notes_is_masked_before_anything_is_raised_or_kept():
    async with shop("mock", lost) as gateway:
        with pytest.raises(OutcomeUnknown) as unknown:
            await pay(gateway)
        ref = unknown.value.payment.ref
        note = f"{PAN} with cvc: {CVC}, x-api-key={X_API_KEY}"
        await gateway.settle(ref, "not_happened", by=f"Jo {PAN}", note=note)
        history = await gateway.history(ref)
    assert history[-1].note is not None
    assert "520000******1005" in history[-1].note
    assert marks_in(repr(history)) == []
