"""`paymentoptions webhooks send`."""

from __future__ import annotations

import os
import uuid
from base64 import b32encode
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import click
import httpx
from rich.console import Console
from rich.text import Text

from paymentoptions_async.cli.webhooks.deliveries import Answer, printable, said, shown_target
from paymentoptions_async.cli.webhooks.sample import TYPES, Sample
from paymentoptions_async.errors import ConfigurationError, InvalidValue
from paymentoptions_async.masking import mask_text
from paymentoptions_async.redirects import Purpose, Signer, split_secrets
from paymentoptions_async.settings import Environment, from_environment
from paymentoptions_async.values import Money, check_merchant_id
from paymentoptions_async.values.urls import is_loopback, is_safe_url

TIMEOUT = 30.0
_SHOWN = 200
_SOME_MERCHANT = "JP00000001"
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


@click.command("send", short_help="Deliver a made-up webhook to your application.")
@click.argument("url")
@click.option("--ref", help="The payment's reference.  [default: a made-up one]")
@click.option("--transaction-id", type=click.UUID, help="The gateway's id.  [default: a made-up one]")
@click.option(
    "--type",
    "transaction_type",
    default="CAPTURE",
    show_default=True,
    type=click.Choice(TYPES),
    help="What happened; a purchase is a CAPTURE too.",
)
@click.option("--amount", default="1000", show_default=True, help="In major units: 1000 JPY, 10.50 USD.")
@click.option("--currency", default="JPY", show_default=True, help="ISO 4217.")
@click.option("--response-code", default=0, show_default=True, help="The acquirer's code; 0 is approved, 51 declined.")
@click.option(
    "--status-code", default=200, show_default=True, type=click.IntRange(100, 599), help="As the body tells it."
)
@click.option("--body", type=click.File("rb"), help="Send this file's bytes instead; - is standard input.")
@click.option("--form", is_flag=True, help="Send a form instead of JSON.")
@click.option("--forged", is_flag=True, help="Spoil the token, to see that your application refuses it.")
@click.option("--count", default=1, show_default=True, type=click.IntRange(1, 100), help="Deliver it so many times.")
@click.option(
    "--environment",
    envvar="PAYMENTOPTIONS_ENVIRONMENT",
    show_envvar=True,
    type=click.Choice([environment.value for environment in Environment]),
    help="Of your application; not live.",
)
@click.option("--merchant", envvar="PAYMENTOPTIONS_MERCHANT_ID", show_envvar=True, help="Of your application.")
def send(  # noqa: PLR0917  click passes by name
    url: str,
    body: BinaryIO | None,
    form: bool,  # noqa: FBT001
    forged: bool,  # noqa: FBT001
    count: int,
    environment: str | None,
    merchant: str | None,
    **about: Any,
) -> None:
    """Deliver a made-up webhook to your application at URL, and show its answer.

    {ref} and {token} in URL are filled in, signed as your application's client signs them: with the first of
    PAYMENTOPTIONS_SIGNING_SECRETS. For example http://127.0.0.1:8000/webhook/{ref}/{token}

    Exit code 0 if every delivery was taken (2xx) or, with --forged, refused (4xx); 1 if not; 2 if nothing was sent.
    """
    if environment == Environment.LIVE:
        raise click.UsageError("made-up webhooks are not for environment live")
    if forged and "{token}" not in url:
        raise click.UsageError("--forged spoils the token, so URL needs a {token}")
    sample = _sample(merchant, **about)
    target = _filled(url, sample.ref, lambda: _token(sample.ref, environment, merchant, forged=forged))
    content = body.read() if body else sample.form() if form else sample.json()
    kind = _FORM if form else _JSON

    console = Console(highlight=False)
    for line in (f"POST {shown_target(target)}", *said(content, kind, target)):
        console.print(Text(line), soft_wrap=True)
    statuses = [_deliver(console, target, content, kind) for _ in range(count)]
    if not all(status in (range(400, 500) if forged else range(200, 300)) for status in statuses):
        raise click.exceptions.Exit(1)


def _deliver(console: Console, url: str, content: bytes, kind: str) -> int | None:
    """Deliver once, show the answer, and return its status; None where there is none."""
    local = is_loopback(urlsplit(url).hostname or "")
    began = monotonic()
    try:
        reply = httpx.post(url, content=content, headers={"content-type": kind}, timeout=TIMEOUT, trust_env=not local)
    except httpx.TransportError as error:
        answer, text = Answer(None, monotonic() - began, f"no answer ({_problem(error)})"), ""
    else:
        answer, text = Answer(reply.status_code, monotonic() - began), reply.text
    console.print(Text("  ").append(str(answer), answer.style), soft_wrap=True)
    if text.strip():
        console.print(Text(f"  {printable(mask_text(' '.join(text.split()))[:_SHOWN])}", "dim"), soft_wrap=True)
    return answer.status


def _sample(merchant: str | None, *, ref: str | None, transaction_id: uuid.UUID | None, **about: Any) -> Sample:
    try:
        return Sample(
            ref=ref or f"PO{b32encode(os.urandom(20)).decode()}",
            merchant_id=check_merchant_id(merchant or _SOME_MERCHANT),
            transaction_id=str(transaction_id or uuid.uuid4()),
            amount=Money(about.pop("amount"), about.pop("currency")),
            at=datetime.now(UTC),
            **about,
        )
    except InvalidValue as error:
        raise click.UsageError(str(error)) from None


def _filled(url: str, ref: str, make_token: Callable[[], str]) -> str:
    """The URL with reference and token in it, checked before anything is sent there."""
    if "{token}" in url:
        url = url.replace("{token}", make_token())
    url = url.replace("{ref}", quote(ref, safe=""))
    if not is_safe_url(url):
        raise click.BadParameter("needs https, or http on loopback, and no credentials", param_hint="URL")
    return url


def _token(ref: str, environment: str | None, merchant: str | None, *, forged: bool) -> str:
    for value, option, variable in ((environment, "environment", "ENVIRONMENT"), (merchant, "merchant", "MERCHANT_ID")):
        if not value:
            raise click.UsageError(
                f"{{token}} is signed for your {option}: pass --{option}, or set PAYMENTOPTIONS_{variable}"
            )
    assert environment is not None
    assert merchant is not None
    secrets = split_secrets(from_environment({}).get("signing_secrets"))
    try:
        token = Signer(secrets, merchant, environment).token(ref, Purpose.WEBHOOK)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    return f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}" if forged else token


def _problem(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"it took more than {TIMEOUT:g} s"
    return printable(str(error)) or type(error).__name__
