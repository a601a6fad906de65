"""What the sandbox's Corefy is set to: its account, its secrets, and the choices the vendor's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

COREFY_ACCOUNT_ID = "coma_SandboxCoffee0001"
COREFY_API_KEY = "sandbox-corefy-api-key-not-a-secret"
COREFY_TEST_SECRET = "sk_test_sandbox-not-a-secret"  # noqa: S105  obviously
COREFY_LIVE_SECRET = "sk_live_sandbox-not-a-secret"  # noqa: S105  obviously

API_PREFIX = "/corefy/api"
CARDGATE_PREFIX = "/corefy/cardgate"


@dataclass(frozen=True, kw_only=True)
class CorefySettings:
    """Fix how the sandbox's Corefy answers where its documents say two things or nothing.

    `duplicate_status` is the HTTP status of a second invoice with the same `reference_id` (422 is inferred; one table
    of the vendor speaks of 429). `unique_refund_references` refuses a second refund with the same `reference_id`; no
    document does. `refund_reply` answers a refund with the refund, as the newer samples do, or with the whole invoice.
    `sale_reply` is flat, as integrations read it, or below `data.attributes`, as one sample shows it.
    `three_d_secure` is the version whose fields `auth_payload.params` holds: 1 (`PaReq`, `MD`, `TermUrl`) or
    2 (`creq`). `bearer_seconds` is how long the cardgate's bearer is good (3600 in two decoded samples).
    `invoice_seconds` is how long an invoice can be paid unless it says `expires` itself (not documented).
    `challenge_seconds` is how long the bank's page can be answered. `retry_limit` is how many declined attempts the
    hosted page takes. `callback_retries` are the seconds between one failed delivery of a callback and the next.
    """

    account_id: str = COREFY_ACCOUNT_ID
    api_key: str = field(default=COREFY_API_KEY, repr=False)
    test_secret: str = field(default=COREFY_TEST_SECRET, repr=False)
    live_secret: str = field(default=COREFY_LIVE_SECRET, repr=False)
    duplicate_status: Literal[422, 429] = 422
    unique_refund_references: bool = False
    refund_reply: Literal["refund", "invoice"] = "refund"
    sale_reply: Literal["flat", "resource"] = "flat"
    three_d_secure: Literal[1, 2] = 2
    bearer_seconds: int = 3600
    invoice_seconds: int = 86_400
    challenge_seconds: int = 1800
    retry_limit: int = 5
    callback_retries: tuple[float, ...] = tuple(60.0 * number for number in range(1, 100))
