"""What one sandbox is set to: its keys, its merchant, and the choices the vendor's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .corefy.settings import CorefySettings
from .traffic import Traffic

API_KEY = "sandbox-api-key-not-a-secret"
X_API_KEY = "sandbox-x-api-key-not-a-secret"
MERCHANT_ID = "JP00000001"
MERCHANT_NAME = "Sandbox Coffee"

PREFIX = "/api/v1/server-to-server-interface"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Fix how a sandbox answers where the vendor's documents say nothing.

    `decline_status` is the HTTP status of an ordinary decline (no decline is shown anywhere; 201, 406 and 412 are all
    plausible). `error_shape` picks the body of a refusal: `portal` as the vendor's portal answers, or `envelope`.
    `echo_pan` repeats whole card numbers in replies, as the vendor's samples do although their description says
    "masked"; only test cards can appear. `webhook_retries` are the seconds between one failed delivery and the next.
    `challenge_seconds` is how long a 3-D Secure page stays open (1800 in the sample token of seed 001).
    `authorization_seconds` is how long an authorisation can be captured or voided (no document gives a period).
    `several_captures` lets one authorisation be captured in parts; without it the first capture releases the rest.
    Which of the two depends on the acquirer. `operation_webhooks` announces captures, voids and refunds at the webhook
    URL of the original payment, the only one there is.
    `link_seconds` is how long a hosted page or wallet link can be paid (not documented). `pay_hosted_page_twice` lets
    the buyer pay a paid link again, as no document rules out. `traffic` is what each gateway bears (no document says).
    `corefy` is what the second gateway is set to.
    """

    api_key: str = field(default=API_KEY, repr=False)
    x_api_key: str = field(default=X_API_KEY, repr=False)
    merchant_id: str = MERCHANT_ID
    merchant_name: str = MERCHANT_NAME
    decline_status: int = 201
    error_shape: Literal["portal", "envelope"] = "portal"
    echo_pan: bool = False
    webhook_retries: tuple[float, ...] = (5, 30, 120, 600, 3600)
    challenge_seconds: float = 1800
    authorization_seconds: float = 7 * 24 * 3600
    several_captures: bool = True
    operation_webhooks: bool = True
    link_seconds: float = 86_400
    pay_hosted_page_twice: bool = False
    traffic: Traffic = field(default_factory=Traffic)
    corefy: CorefySettings = field(default_factory=CorefySettings)
