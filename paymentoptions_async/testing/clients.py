"""A sandbox for one test, and the clients that reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from inspect import iscoroutinefunction
from random import Random
from typing import Any

import pytest

from paymentoptions_async import Card, PaymentOptions
from paymentoptions_async.sandbox import CARDS, Clock, Sandbox
from paymentoptions_async.sandbox.webhooks import Deliver
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from paymentoptions_async.wire.opening import replace_opener

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""Where the clock of a test stands, until the test moves it."""

PUBLIC_URL = "http://127.0.0.1:8000"
"""Where the shop under test seems to be; nothing needs to listen there."""

_IN_PROCESS = "http://127.0.0.1"
_LONGEST_DELAY = 366 * 24 * 3600


def open_sandbox(deliver: Deliver, options: Mapping[str, Any]) -> Sandbox:
    """Make a sandbox whose clock stands still, unless ``options`` say otherwise."""
    return Sandbox(**{"clock": Clock(START), "deliver": deliver, **options})


def open_client(sandbox: Sandbox, url: str | None, options: Mapping[str, Any]) -> PaymentOptions:
    """Make a client of a sandbox, on its clock: of one that is served at ``url``, or of one in this process."""
    settings: dict[str, Any] = {
        **_settings(sandbox, url),
        "clock": lambda: sandbox.clock.now().timestamp(),
        "random": Random(sandbox.seed),  # noqa: S311  jitter that the seed repeats
    }
    if url is None:
        settings["transport"] = sandbox.transport()
    return PaymentOptions(**{**settings, **options})


def set_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, url: str | None, options: Mapping[str, Any]
) -> dict[str, str]:
    """Set the variables of a client of the sandbox, take away all others of ours, and return them.

    Those of ``options`` that are text have a variable too.
    """
    settings = {**_settings(sandbox, url), **options}
    variables = {f"PAYMENTOPTIONS_{name.upper()}": text for name, text in settings.items() if isinstance(text, str)}
    for foreign in [name for name in os.environ if name.startswith("PAYMENTOPTIONS_")]:
        monkeypatch.delenv(foreign)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    return variables


@contextmanager
def reached_by_every_client(sandbox: Sandbox) -> Iterator[None]:
    """Let every client that is made meanwhile, without a transport of its own, call the sandbox in this process."""
    before = replace_opener(lambda base_url, keys: HttpxWire(base_url, keys, sandbox.transport()))
    try:
        yield
    finally:
        replace_opener(before)


@contextmanager
def opened_by(test: pytest.Item, gateway: PaymentOptions, sandbox: Sandbox) -> Iterator[None]:
    """Open a client where its test runs, and close it as soon as the test function is through.

    Only the test function is sure to run in the event loop in which the client is used. A test that is no coroutine
    brings a loop of its own, and opens the client there itself.
    """
    run = getattr(test, "obj", None)
    if not iscoroutinefunction(run):
        yield
        return

    @wraps(run)
    async def run_with_client(**arguments: Any) -> None:
        async with gateway:
            try:
                await run(**arguments)
            finally:
                sandbox.clock.advance(_LONGEST_DELAY)  # closing waits for what the fault plan delays

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(test, "obj", run_with_client)
        yield


def card_named(name: str = "approved") -> Card:
    """Make the sandbox's test card of this name; ValueError if there is none."""
    numbers = {card.name: card.number for card in CARDS}
    if name not in numbers:
        raise ValueError(f"no test card is named {name!r}; there are {', '.join(sorted(numbers))}")
    return Card(number=numbers[name], cvc="100", expiry_month=12, expiry_year=2029, name="Test Buyer")


def _settings(sandbox: Sandbox, url: str | None) -> dict[str, str]:
    return {
        "api_key": sandbox.settings.api_key,
        "x_api_key": sandbox.settings.x_api_key,
        "merchant_id": sandbox.settings.merchant_id,
        "environment": "sandbox",
        "sandbox_url": url or _IN_PROCESS,
        "public_url": PUBLIC_URL,
        "signing_secrets": "signs-nothing-but-tests",
    }
