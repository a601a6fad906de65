"""Prism knows nothing of us but the document: every operation is called against it, and no answer is a surprise.

Prism also holds each request against the document. Its examples name another merchant, reference and amount than were
asked for, so the right outcome of most is to say so; only an example that repeats what was asked for is a success.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from uuid import UUID

import pytest

from paymentoptions_async import (
    AuthenticationFailed,
    GatewayUnavailable,
    InvalidRequest,
    OutcomeUnknown,
    Payment,
    PaymentOptions,
    PaymentStatus,
    RateLimited,
)
from paymentoptions_async.sandbox import MERCHANT_ID
from tests.crosscheck import prism
from tests.crosscheck.narrowing import operations
from tests.crosscheck.operations import (
    OPERATIONS,
    NoJitter,
    Operation,
    Outcome,
    client,
    outcome_of,
    put_all,
    put_merchant,
)
from tests.crosscheck.prism import Relay

DOCUMENT = prism.ROOT / "openapi" / "paymentoptions.json"
VENDORS_PURCHASE = prism.ROOT / "openapi" / "paymentoptions" / "purchase.json"
INVENTED_ANSWERS = 8

REFUSALS: dict[int, Outcome] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: InvalidRequest,
    406: InvalidRequest,
    412: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
}
FAILURES = (302, 418, 500, 502, 503, 504)

pytestmark = [
    pytest.mark.xdist_group("prism"),
    pytest.mark.filterwarnings("ignore:.*announced this endpoint for deprecation:DeprecationWarning"),
]
each = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


@pytest.fixture(scope="module")
def needed() -> None:
    if reason := prism.missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def built(needed: None) -> Iterator[str]:
    with prism.serve(DOCUMENT) as url:
        yield url


@pytest.fixture(scope="module")
def vendors(needed: None) -> Iterator[str]:
    with prism.serve(VENDORS_PURCHASE) as url:
        yield url


@pytest.fixture
async def relay(built: str) -> AsyncIterator[Relay]:
    """Prism with the built document. Whatever a test asks of it, every request must fit the document."""
    async with prism.relay(built) as relay:
        yield relay
    assert relay.statuses, "nothing was asked"
    assert relay.violations == []


@pytest.fixture
async def gateway(relay: Relay) -> AsyncIterator[PaymentOptions]:
    async with client(relay.url, random=NoJitter()) as gateway:
        yield gateway


def test_every_operation_of_the_document_is_called():
    document = json.loads(DOCUMENT.read_text("utf-8"))
    assert {operation.document_id for operation in OPERATIONS} == set(operations(document))


@each
async def test_an_example_of_another_merchant_is_told_from_ours(relay, gateway, operation):
    assert (await outcome_of(operation.call(gateway)))[0] == operation.example


@each
async def test_an_example_of_our_merchant_is_still_another_payment(relay, gateway, operation):
    relay.rewrite = put_merchant
    assert (await outcome_of(operation.call(gateway)))[0] == operation.ours


@each
async def test_an_example_that_repeats_what_was_asked_for_is_a_success(relay, gateway, operation):
    relay.rewrite = partial(put_all, operation)
    outcome, payment = await outcome_of(operation.call(gateway))
    assert outcome == operation.echoed
    if payment is not None and outcome in (PaymentStatus.APPROVED, PaymentStatus.AUTHORIZED):
        assert payment.merchant_id == MERCHANT_ID
        assert payment.card is not None
        assert payment.model().transaction_details.id == UUID(payment.transaction_id)


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if "V2" in o.document_id], ids=lambda o: o.name)
async def test_version_2_also_answers_without_a_challenge(relay, gateway, operation):
    relay.prefer = "code=201"
    relay.rewrite = partial(put_all, operation)
    wanted = PaymentStatus.AUTHORIZED if operation.kind == "PRE_AUTH" else PaymentStatus.APPROVED
    assert (await outcome_of(operation.call(gateway)))[0] == wanted
    assert relay.statuses == [201]


@each
@pytest.mark.parametrize("status", [*REFUSALS, *FAILURES])
async def test_a_refusal_and_a_failure_are_told_apart(relay, gateway, operation, status):
    relay.prefer = f"code={status}"
    outcome, payment = await outcome_of(operation.call(gateway))
    assert set(relay.statuses) == {status}
    assert outcome == _expected(operation, status)
    assert payment is None or payment.approved_amount is None


@each
@pytest.mark.parametrize("status", [406, 412])
async def test_a_decline_is_returned(relay, gateway, operation, status):
    relay.prefer = f"code={status}, example=declined"
    relay.rewrite = partial(put_all, operation)
    outcome, payment = await outcome_of(operation.call(gateway))
    if operation.kind is None:
        assert outcome == GatewayUnavailable  # there is nothing to be declined
        return
    assert outcome is PaymentStatus.DECLINED
    assert payment is not None
    assert payment.decline is not None
    assert payment.decline.reason == "insufficient_funds"


@each
@pytest.mark.parametrize("prefer", ["dynamic=true", "code=400, dynamic=true", "code=500, dynamic=true"])
async def test_whatever_prism_invents_is_read_and_moves_nothing(relay, operation, prefer):
    relay.prefer = prefer
    for _ in range(INVENTED_ANSWERS):
        async with client(relay.url, random=NoJitter()) as gateway:
            _, payment = await outcome_of(operation.call(gateway))
        if isinstance(payment, Payment):
            assert not payment.status.took_money
            payment.model()


async def test_the_vendors_own_page_takes_our_purchase(vendors):
    [operation] = [operation for operation in OPERATIONS if operation.name == "purchase v1"]
    async with prism.relay(vendors) as relay, client(relay.url) as gateway:
        assert (await outcome_of(operation.call(gateway)))[0] == operation.example
    async with prism.relay(vendors) as echoing, client(echoing.url) as gateway:
        echoing.rewrite = partial(put_all, operation)
        assert (await outcome_of(operation.call(gateway)))[0] == operation.echoed
    assert relay.statuses == echoing.statuses == [201]
    assert relay.violations == echoing.violations == []


def _expected(operation: Operation, status: int) -> Outcome:
    if status == 404 and operation.name == "status":
        return PaymentStatus.UNKNOWN  # it settles nothing
    if status in REFUSALS:
        return REFUSALS[status]
    return OutcomeUnknown if operation.moves_money else GatewayUnavailable
