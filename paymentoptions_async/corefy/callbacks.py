"""Callbacks: their signature, and what they name. Nothing in them is believed.

``X-Signature`` is base64 of SHA-1 over secret, raw body and secret. It has no time and no nonce, so whoever saw a
callback can send it again; therefore each sets off nothing but a reading of the invoice.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from paymentoptions_async.corefy.replies import hide_links
from paymentoptions_async.corefy.values import is_invoice_id
from paymentoptions_async.discreet import discreet
from paymentoptions_async.errors import ConfigurationError, WebhookRejected
from paymentoptions_async.gateway_json import NotJson, read_masked
from paymentoptions_async.intent import Notice
from paymentoptions_async.notices import MAX_BODY, read_notice
from paymentoptions_async.reply_fields import object_in, text_of
from paymentoptions_async.webhooks import Inbox, header

SIGNATURE = "X-Signature"
_MOST = 50
"""Invoices of one batch that are asked for."""


def sign(secret: str, body: bytes) -> str:
    """The signature of a body as it is on the wire (vendor's callbacks page)."""
    key = secret.encode()
    return b64encode(hashlib.sha1(key + body + key, usedforsecurity=False).digest()).decode()


class Signatures:
    """The secrets of one mode, test or live. Several are accepted, so that one can be replaced."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"<Signatures {len(self._secrets)} secrets>"

    def verify(self, signature: str, body: bytes) -> None:
        """Raise `WebhookRejected` unless the body was signed with one of the secrets. Compared in constant time."""
        if not self._secrets:
            raise ConfigurationError("callbacks need the secret of their mode: set COREFY_CALLBACK_SECRETS")
        given, good = signature.encode("utf-8", "replace"), False
        for secret in self._secrets:
            good |= hmac.compare_digest(sign(secret, body).encode(), given)
        if not good:
            raise WebhookRejected("bad signature of a callback", http_status=401)


class Callbacks(Inbox):
    """Takes in the callbacks of one account in one mode.

    `receive` is for the URL of one invoice, which this package made and which carries a token besides the signature;
    `receive_signed` for the one URL that may be set for the account.
    """

    signatures: Signatures
    is_live: bool

    @discreet
    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        """See `Inbox.receive`. Both the token and the signature must be good, and the mode must be this client's."""
        self._check(ref, token, size=len(body))
        notices = self._notices(headers, body)
        del token, headers, body  # this frame may be shown in a traceback
        await self._take_in_all([replace(notice, ref=ref) for notice in notices])

    @discreet
    async def receive_signed(self, *, headers: Mapping[str, str], body: bytes) -> None:
        """Take in a callback that came to the account's own URL. Answer 200 when this returns, and nothing else."""
        if len(body) > MAX_BODY:
            self.refused += 1
            raise WebhookRejected(f"a callback of {len(body)} bytes; at most {MAX_BODY} are taken in", http_status=413)
        notices = self._notices(headers, body)
        del headers, body  # this frame may be shown in a traceback
        await self._take_in_all(notices)

    async def _take_in_all(self, notices: Sequence[Notice]) -> None:
        """Record them all, also where the caller is cancelled meanwhile: see `Inbox._take_in`."""
        self._guard.check()
        await asyncio.shield(self._flow.spawn(self._record_ours(notices)))

    async def _record_ours(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            await self._record_if_ours(notice)

    async def _record_if_ours(self, notice: Notice) -> None:
        """Take in what is about a payment of this client's mode, or about none; the other's secret signs the others."""
        record = await self._flow.journal.get(notice.ref)
        if record is not None and record.intent.scope != self._scope:
            self.refused += 1
            raise WebhookRejected("a callback about a payment of the other mode", http_status=403)
        await self._record(notice)

    def _notices(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        try:
            self.signatures.verify(header(headers, SIGNATURE.lower()), body)
            return read_callback(body, is_live=self.is_live)
        except WebhookRejected:
            self.refused += 1
            raise


def read_callback(body: bytes, *, is_live: bool) -> list[Notice]:
    """The invoices that a callback names, each as a notice of its reference; an unreadable one as a notice of none.

    Raises `WebhookRejected` where an invoice is of the other mode.
    """
    try:
        raw, _ = read_masked(body)
    except NotJson:
        return [replace(read_notice("", body), transaction_ids=())]
    data: Any = raw.get("data") if isinstance(raw, dict) else None
    told = [one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict)][:_MOST]
    for one in told:
        hide_links(one)
        mode = object_in(one, "attributes").get("test_mode")
        if isinstance(mode, bool) and mode is is_live:
            raise WebhookRejected("a callback of the other mode", http_status=403)
    plain = replace(read_notice("", body), transaction_ids=())
    if not told:
        return [plain]
    return [
        replace(
            plain,
            ref=text_of(object_in(one, "attributes").get("reference_id")) or "",
            digest=plain.digest if len(told) == 1 else hashlib.sha256(f"{plain.digest} {number}".encode()).hexdigest(),
            transaction_ids=(one["id"],) if is_invoice_id(one.get("id")) else (),
            body={"data": one},
        )
        for number, one in enumerate(told)
    ]
