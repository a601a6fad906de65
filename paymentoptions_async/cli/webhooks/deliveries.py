"""Deliveries as they came in, what they say, and how they are shown. Nothing secret is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.text import Text

from paymentoptions_async.masking import mask_numbers
from paymentoptions_async.notices import read_notice
from paymentoptions_async.response_codes import classify
from paymentoptions_async.web.access_logs import mask

_OUR_REF = re.compile(r"PO[A-Z2-7]{32}")
_LONG = re.compile(r"[\w.~-]{20,}", re.ASCII)
_SHORT = 10
_MOST = 60


@dataclass(frozen=True, repr=False)
class Delivery:
    """One request, exactly as it came in: ``target`` is path and query, ``headers`` and ``body`` are raw. No repr."""

    number: int
    at: datetime
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def content_type(self) -> str:
        """What the body is said to be."""
        return next((value for name, value in self.headers if name.lower() == "content-type"), "")


@dataclass(frozen=True)
class Answer:
    """What came of passing a delivery on: an HTTP status after so many seconds, or why there is none."""

    status: int | None
    seconds: float
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.status} in {self.seconds * 1000:.0f} ms" if self.status is not None else self.problem

    @property
    def style(self) -> str:
        """Its colour."""
        if self.status is None or self.status >= 500:  # noqa: PLR2004  HTTP's own classes
            return "bold red"
        return "bold green" if self.status < 300 else "bold yellow"  # noqa: PLR2004


def shown(delivery: Delivery, answer: Answer | None, *, again: bool) -> Text:
    """One delivery for the terminal; ``answer`` None where it is only kept."""
    number, indent = f"#{delivery.number}", " " * 16
    at = datetime.now().astimezone() if again else delivery.at
    text = Text(f"{number:>5}  {at:%H:%M:%S} ")
    if again:
        text.append(" again ", "cyan")
    text.append(" ")
    text.append(*(("kept", "dim") if answer is None else (str(answer), answer.style)))
    text.append(f"  {delivery.method} {shown_target(delivery.target)}")
    if not again:
        for line in said(delivery.body, delivery.content_type, delivery.target):
            text.append(f"\n{indent}{line}", "dim")
    return text


def shown_target(target: str) -> str:
    """Path and query without tokens and card numbers, references shortened."""
    return printable(_LONG.sub(_shortened, mask_numbers(mask(target))))


def said(body: bytes, content_type: str, target: str) -> list[str]:
    """What a body says, in lines, masked as the client masks it, and a reference that ``target`` does not name.

    Nothing of it is checked here.
    """
    if not body:
        return []
    told = read_notice("", body, content_type=content_type).body
    if not told or "unreadable" in told:
        return [f"not readable, {len(body)} bytes", *([_word(told["unreadable"])] if told else [])]
    lines = [", ".join(_outcome(told)), ", ".join(_transaction(told, target))]
    return [line for line in lines if line] or [f"no transaction in it; fields: {_word(', '.join(told))}"]


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _outcome(body: Mapping[str, Any]) -> list[str]:
    code = _field(body, "payment_details", "response_code")
    amount = _field(body, "payment_details", "amount")
    status = _field(body, "status_code")
    parts = [_word(_field(body, "transaction_type"))]
    if amount:
        parts.append(_word(f"{amount} {_field(body, 'payment_details', 'currency')}"))
    if success := _field(body, "success"):
        parts.append(_word(f"success {success.lower()}"))
    if code:
        parts.append(_word(f"response_code {code}") + _meaning(code))
    if status:
        parts.append(_word(f"status_code {status}"))
    return [part for part in parts if part]


def _transaction(body: Mapping[str, Any], target: str) -> list[str]:
    found = _field(body, "transaction_details", "id")
    refs = {_field(body, outer, "merchant_txn_ref") for outer in ("transaction_details", "merchant_details")}
    others = sorted(ref for ref in refs if ref and quote(ref, safe="") not in target)
    return [
        *([f"transaction {_word(found)}"] if found else []),
        *(f"merchant_txn_ref {_OUR_REF.sub(_shortened, _word(ref))}" for ref in others),
    ]


def _meaning(code: str) -> str:
    try:
        known = classify(int(code))
    except ValueError:
        return ""
    words = known.outcome if known.outcome == known.reason else f"{known.outcome}, {known.reason}"
    return f" ({words.replace('_', ' ')})"


def _field(body: Mapping[str, Any], *path: str) -> str:
    """A field's text, from JSON, or from a form that names it ``outer[inner]``; empty if it is not there."""
    first, *rest = path
    flat = body.get(first + "".join(f"[{name}]" for name in rest))
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    value = flat if value is None else value
    return "" if value is None or isinstance(value, (Mapping, list)) else str(value)


def _shortened(match: re.Match[str]) -> str:
    word = match.group()
    return f"{word[:_SHORT]}…" if _OUR_REF.fullmatch(word) else "***"


def _word(text: str) -> str:
    """Text from outside, fit for one line of a terminal."""
    text = printable(text)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
