"""References: the same idempotency key gives the same reference in every process.

The gateway knows nothing of idempotency, so the reference is ours: derived from what makes an intent unique, never
drawn at random. A second process that is asked the same thing finds the first one's journal entry under it.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from typing import TypeGuard

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Family

MAX_LENGTH = 45
"""The longest ``merchant_txn_ref`` (vendor's purchase page, maxLength)."""

_PREFIX = "PO"
_DIGEST_BYTES = 20  # 160 bits: two of 10**18 intents collide with a chance of one in 10**12
_MAX_KEY = 255
_REF = re.compile(_PREFIX + "[A-Z2-7]{32}", re.ASCII)
_HEXADECIMAL = re.compile(r"\b(?=[0-9]*[A-Fa-f])(?:[0-9a-f]{20,}|[0-9A-F]{20,})\b", re.ASCII)


def make_ref(*, gateway: str, environment: str, merchant_id: str, family: Family, idempotency_key: str) -> str:
    """Derive the reference of an intent: 34 characters of ``A-Z`` and ``2-7``.

    Letters in one case and digits are what any acquirer's reference field accepts, and 2-7 alone can't form a run
    that reads as a card number. Each part is hashed with its length, so that no two lists of parts meet.
    """
    digest = hashlib.sha256(b"paymentoptions-async ref 1")
    for part in (gateway, environment, merchant_id, family.value, idempotency_key):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return _PREFIX + b32encode(digest.digest()[:_DIGEST_BYTES]).decode()


def is_ref(text: str) -> bool:
    """Tell whether a text reads as what `make_ref` makes."""
    return _REF.fullmatch(text) is not None


def may_be_ref(value: object) -> TypeGuard[str]:
    """Tell whether a journal may be asked for it as for a reference.

    Not for what reads as a card number or a secret: no reference does, and databases may log what they are asked.
    """
    return isinstance(value, str) and mask_text(value) == value


def check_key(name: str, value: object) -> str:
    """Return an idempotency key or order as it is, or raise `InvalidValue`.

    1 to 255 characters, no control characters, no blanks at the ends, and nothing that reads as a card number: keys
    stand in the journal in clear. Random hexadecimal words of 20 characters or more are no card numbers, although one
    in 500 of 32 characters has digits in it that read as one.
    """
    if not isinstance(value, str):
        raise InvalidValue(f"{name}: needs a str, got {type(value).__name__}", field=name)
    if not 1 <= len(value) <= _MAX_KEY:
        raise InvalidValue(f"{name}: {len(value)} characters; 1 to {_MAX_KEY} are kept in the journal", field=name)
    if not value.isprintable() or value != value.strip():
        raise InvalidValue(f"{name}: has control characters, or blanks at an end", field=name)
    words = _HEXADECIMAL.sub("", value)
    if mask_text(words) != words:
        raise InvalidValue(f"{name}: reads as a card number or a secret, and keys are kept in clear", field=name)
    return value
