"""Numbers to ids and back, without a table: a keyed permutation over each kind of id."""

from __future__ import annotations

import hashlib
import re
import string

_ROUNDS = 4
_UUID_HALF = 1 << 61  # a version 4 UUID has 122 bits of its own
_LOW_62 = (1 << 62) - 1
_LOW_12 = (1 << 12) - 1
_VERSION_4 = 4 << 12
_VARIANT = 2 << 62

_DIGITS = string.digits + string.ascii_letters
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PAIR_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_INVOICE_HALF = 62**8
_INVOICE_ID = re.compile(r"cpi_([0-9A-Za-z]{16})")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Permutation:
    """A bijection of the whole numbers below ``half`` squared: four rounds of a Feistel network with addition.

    It spreads and hides order, which is all that ids of a stand-in need; it is no cipher.
    """

    def __init__(self, key: bytes, half: int) -> None:
        self.half = half
        stream = hashlib.shake_256(key).digest(32 * _ROUNDS)
        words = [int.from_bytes(stream[at : at + 16], "little") for at in range(0, len(stream), 16)]
        self._keys = tuple((words[at] % half, words[at + 1] >> 32 | 1) for at in range(0, len(words), 2))

    def forward(self, number: int) -> tuple[int, int]:
        """Return the two halves of what a number becomes."""
        half = self.half
        left, right = divmod(number, half)
        for mask, factor in self._keys:
            left, right = right, (left + ((right ^ mask) * factor >> 40)) % half
        return left, right

    def back(self, left: int, right: int) -> int:
        """Return the number whose halves these are."""
        half = self.half
        for mask, factor in reversed(self._keys):
            left, right = (right - ((left ^ mask) * factor >> 40)) % half, left
        return left * half + right


class TransactionIds:
    """Numbers as version 4 UUIDs."""

    def __init__(self, key: bytes) -> None:
        self._permutation = Permutation(key, _UUID_HALF)

    def of(self, number: int) -> str:
        """Return the UUID of a number."""
        left, right = self._permutation.forward(number)
        free = left << 61 | right
        whole = (free >> 74) << 80 | (_VERSION_4 | free >> 62 & _LOW_12) << 64 | _VARIANT | free & _LOW_62
        text = f"{whole:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def number(self, transaction_id: str) -> int | None:
        """Return the number of a UUID in small letters; None where it is none of version 4."""
        if _UUID.fullmatch(transaction_id) is None:
            return None
        whole = int(transaction_id.replace("-", ""), 16)
        free = (whole >> 80) << 74 | (whole >> 64 & _LOW_12) << 62 | whole & _LOW_62
        return self._permutation.back(free >> 61, free & _UUID_HALF - 1)


class InvoiceIds:
    """Numbers as Corefy's ids of invoices: ``cpi_`` and 16 letters and digits."""

    def __init__(self, key: bytes) -> None:
        self._permutation = Permutation(key, _INVOICE_HALF)

    def of(self, number: int) -> str:
        """Return the id of a number."""
        return "cpi_" + "".join(map(_eight, self._permutation.forward(number)))

    def number(self, invoice_id: str) -> int | None:
        """Return the number of an id; None where it is none."""
        found = _INVOICE_ID.fullmatch(invoice_id)
        if found is None:
            return None
        return self._permutation.back(_value(found[1][:8]), _value(found[1][8:]))


def _eight(half: int) -> str:
    high, low = divmod(half, 62**4)
    first, second = divmod(high, 3844)
    third, fourth = divmod(low, 3844)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[fourth]


def _value(text: str) -> int:
    value = 0
    for at in range(0, 8, 2):
        value = value * 3844 + _PAIR_VALUES[text[at : at + 2]]
    return value
