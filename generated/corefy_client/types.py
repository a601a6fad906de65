"""What the models and the endpoints are made of: reading that never loses a reply, and writing that never
changes a number."""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Generic, Literal, Self, TypeVar
from uuid import UUID

from attrs import define, field
from dateutil.parser import isoparse

from .errors import Mismatch

Number = Decimal | float | int
"""An amount: a Decimal or an int when read from the wire, which keeps it as it was written there."""

Reader = Callable[[Any], Any]
Readers = tuple[tuple[int, int, Reader], ...]
T = TypeVar("T")


class Unset(enum.Enum):
    """The type of UNSET. An enum's member stays itself when it is pickled or copied."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Literal[Unset.UNSET] = Unset.UNSET
"""The value of what was neither given nor received."""


@define
class Model:
    """An object of the specification.

    `from_dict` never raises for what an object contains: a value that is not of its declared form leaves its
    attribute UNSET and stands in `unreadable`; a property that is not declared stands in
    `additional_properties`. `to_dict` gives all of it back unchanged.
    """

    additional_properties: dict[str, Any] = field(init=False, factory=dict, repr=False)
    # As received, wherever writing the attribute would give something else.
    _received: dict[str, Any] = field(init=False, factory=dict, repr=False)

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Read decoded JSON; raise Mismatch (a TypeError) only when it is no object at all."""
        if not isinstance(source, Mapping):
            raise Mismatch("an object")
        rest = dict(source)
        attributes: dict[str, Any] = {}
        received: dict[str, Any] = {}
        for attribute, (name, reader) in cls._readers().items():
            raw = rest.pop(name, UNSET)
            value = attributes[attribute] = _read(reader, raw)
            if value is raw or isinstance(value, Model):
                continue
            if value is UNSET or written(value) != raw:
                received[name] = raw
        model = cls(**attributes)
        model.additional_properties = rest
        model._received = received
        return model

    def to_dict(self) -> dict[str, Any]:
        """Give decoded JSON, ready to be written; what was read and not changed is given as it came."""
        result: dict[str, Any] = {}
        for attribute, (name, reader) in self._readers().items():
            value = getattr(self, attribute)
            if name in self._received and value == _read(reader, self._received[name]):
                result[name] = self._received[name]
            elif value is not UNSET:
                result[name] = written(value)
        return result | self.additional_properties

    @staticmethod
    def _readers() -> dict[str, tuple[str, Reader]]:
        """For each attribute, its name on the wire and how it is read."""
        raise NotImplementedError

    @property
    def unreadable(self) -> dict[str, Any]:
        """What was received and is not of its declared form, by its name on the wire."""
        attributes = {name: attribute for attribute, (name, _) in self._readers().items()}
        return {name: raw for name, raw in self._received.items() if getattr(self, attributes[name]) is UNSET}


@define
class RawReply:
    """An answer that is not of the form that the specification gives it: an HTML page, half a body, a status
    that is not documented."""

    status_code: int
    content: bytes = field(repr=False)


@define
class Response(Generic[T]):
    """An answer with its status and headers. `status_code` is a plain integer, so that any will do."""

    status_code: int
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    parsed: T | RawReply


def read_reply(status_code: int, content: bytes, readers: Readers) -> Any:
    """Read an answer by the first reader whose range of statuses holds it; never raise."""
    for lowest, highest, reader in readers:
        if lowest <= status_code <= highest:
            try:
                return reader(read_json(content))
            except Exception:  # whatever the body is, the money may have moved, and the caller must be told
                break
    return RawReply(status_code, content)


def read_json(content: bytes | str) -> Any:
    """Decode JSON; numbers with a fraction become Decimal, which loses nothing."""
    return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)


def write_json(value: Any) -> str:
    """Encode JSON; a Decimal becomes the exact number. Raise ValueError for what is not finite."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("not a finite number")
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{write_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(value, allow_nan=False)


def written(value: Any) -> Any:
    """Give what stands for a value in decoded JSON."""
    match value:
        case Model():
            return value.to_dict()
        case datetime.date():
            return value.isoformat()
        case UUID():
            return str(value)
        case enum.Enum():
            return value.value
        case list() | tuple():
            return [written(item) for item in value]
        case _:
            return value


# Readers: each gives the value in its Python form, or raises an error that says no value.


def boolean(value: Any) -> bool:
    return _of_type(value, bool, "a boolean")


def integer(value: Any) -> int:
    if isinstance(value, bool):
        raise Mismatch("an integer")
    return _of_type(value, int, "an integer")


def number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Mismatch("a number")
    return value


def text(value: Any) -> str:
    return _of_type(value, str, "a string")


def nothing(value: Any) -> None:
    if value is not None:
        raise Mismatch("null")


def anything(value: Any) -> Any:
    return value


def date_time(value: Any) -> datetime.datetime:
    return isoparse(text(value))


def date(value: Any) -> datetime.date:
    return datetime.date.fromisoformat(text(value))


def uuid(value: Any) -> UUID:
    return UUID(text(value))


def constant(expected: Any) -> Reader:
    def read(value: Any) -> Any:
        if value != expected or type(value) is not type(expected):
            raise Mismatch("a constant")
        return value

    return read


def list_of(reader: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        return [reader(item) for item in _of_type(value, list, "an array")]

    return read


def either(*readers: Reader) -> Reader:
    def read(value: Any) -> Any:
        for reader in readers:
            if (found := _read(reader, value)) is not UNSET:
                return found
        raise Mismatch("one of several forms")

    return read


def _read(reader: Reader, raw: Any) -> Any:
    if raw is UNSET:
        return UNSET
    try:
        return reader(raw)
    except (ValueError, TypeError, ArithmeticError):
        return UNSET


def _of_type(value: Any, expected: type[T], words: str) -> T:
    if not isinstance(value, expected):
        raise Mismatch(words)
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
