"""Compare two versions of a schema, by who sends the data that it describes."""

from __future__ import annotations

import difflib
import enum
import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from .schemas import WORDING, Schema, accepted, bare, covers, flat, nullable, types, values, variants

Fields = Mapping[str, tuple[Schema, bool]]  # by name: the schema, and whether it is required

LIMITS = ("maxLength", "maximum", "maxItems", "maxProperties", "minLength", "minimum", "minItems", "minProperties")
TYPED_FORMATS = {"date-time", "date", "uuid", "binary", "byte"}
HANDLED = {"$ref", "allOf", "oneOf", "anyOf", "type", "nullable", "format", "pattern", "enum", "x-extensible-enum",
           "properties", "required", "additionalProperties", "items", *LIMITS}  # fmt: skip
ALIKE = 0.5  # how alike two names must be to count as a rename when several could be meant


class Severity(enum.IntEnum):
    """How much a change matters to a client that was written against the old version."""

    BREAKING = 0
    NOTICE = 1
    HARMLESS = 2


BREAKING, NOTICE, HARMLESS = Severity


class Sender(enum.Enum):
    """Who sends the data that a schema describes."""

    CLIENT = "client"
    GATEWAY = "gateway"


@dataclass(frozen=True, order=True)
class Change:
    """One difference: how much it matters, where it is, and what it is."""

    severity: Severity
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.severity.name:<9} {self.where}: {self.what}"


@dataclass
class SchemaComparer:
    """Walks two schemas side by side and collects what differs; `above` are the shapes it is inside of."""

    old: Schema
    new: Schema
    changes: list[Change] = field(default_factory=list)
    wording: int = 0
    sender: Sender = Sender.CLIENT
    above: AbstractSet[tuple[str, str]] = frozenset()

    def schema(self, where: str, old: Schema, new: Schema) -> None:
        """Report what differs between two schemas at `where`, at any depth."""
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in self.above:
            return  # a shape that contains itself
        above = self.above
        self.above = above if pair == ("None", "None") else {*above, pair}
        old, new = flat(old, self.old), flat(new, self.new)
        self.words(old, new)
        if self._same_kind(where, old, new):
            if variants(old) or variants(new):
                self._variants(where, variants(old) or [_not_null(old)], variants(new) or [_not_null(new)])
            else:
                self._limits(where, old, new)
                self._formats(where, old, new)
                self._values(where, old, new)
                self._object(where, old, new)
                if "items" in old or "items" in new:
                    self.schema(f"{where}[]", old.get("items", {}), new.get("items", {}))
            self.others(where, old, new, HANDLED)
        self.above = above

    def _same_kind(self, where: str, old: Schema, new: Schema) -> bool:
        """Report a change of type; return whether both still share a type to compare further."""
        before, after = types(old, self.old), types(new, self.new)
        if before != after:
            what = f"type changed from {joined(before)} to {joined(after)}"
            self.wider(where, what, more=covers(after, before), less=covers(before, after))
        if nullable(old) != nullable(new):
            what = "may now be null" if nullable(new) else "may no longer be null"
            self.wider(where, what, more=nullable(new), less=nullable(old))
        return bool(accepted(before) & accepted(after))

    def _limits(self, where: str, old: Schema, new: Schema) -> None:
        for key in LIMITS:
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            grew = before is not None and after is not None and after > before
            looser = after is None or (before is not None and grew == key.startswith("max"))
            in_request, in_answer = (HARMLESS, NOTICE) if looser else (BREAKING, HARMLESS)
            self.either(where, f"{key} {was(before)} is now {was(after)}", in_request, in_answer)

    def _formats(self, where: str, old: Schema, new: Schema) -> None:
        for key in ("format", "pattern"):
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            in_request, in_answer = HARMLESS if after is None else BREAKING, NOTICE
            if {before, after} & TYPED_FORMATS:
                in_request = in_answer = BREAKING  # the generated field gets another Python type
            self.either(where, f"{key} {was(before)} is now {was(after)}", in_request, in_answer)

    def _values(self, where: str, old: Schema, new: Schema) -> None:
        before, after = values(old), values(new)
        if before is None or after is None:
            if after is not None:
                self.either(where, f"only these values now: {joined(after)}", BREAKING, NOTICE)
            elif before is not None:
                self.either(where, "no longer only the listed values", HARMLESS, NOTICE)
            return
        gone, come = [v for v in before if v not in after], [v for v in after if v not in before]
        if len(gone) == len(come) == 1:
            self.add(BREAKING, where, f"value {gone[0]!r} likely renamed to {come[0]!r}")
            return
        for value in gone:
            self.add(BREAKING, where, f"value {value!r} removed")
        for value in come:
            self.either(where, f"value {value!r} added", HARMLESS, NOTICE)

    def _object(self, where: str, old: Schema, new: Schema) -> None:
        joint = ", " if where.rpartition(", ")[2].startswith(("request", "answer ")) else "."
        self.fields(f"{where}{joint}", _fields(old), _fields(new))
        rest, new_rest = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(rest, Mapping) and isinstance(new_rest, Mapping):
            self.schema(f"{where}.*", rest, new_rest)
        elif new_rest is False and rest is not False:
            self.either(where, "fields that are not listed are refused now", BREAKING, HARMLESS)
        elif rest is False and new_rest is not False:
            self.either(where, "fields that are not listed may be there now", HARMLESS, NOTICE)
        elif rest != new_rest:
            what = "fields that are not listed have another schema now"
            self.wider(where, what, more=new_rest is True, less=rest is True)

    def fields(self, prefix: str, old: Fields, new: Fields) -> None:
        """Compare named things with schemas: the fields of an object, or the parameters of an operation."""
        renamed = self._renamed(old, new)
        for name, (schema, required) in old.items():
            if name in new:
                new_schema, new_required = new[name]
                if required != new_required:
                    what = "now required" if new_required else "no longer required"
                    self.wider(prefix + name, what, more=required, less=new_required)
                self.schema(prefix + name, schema, new_schema)
            elif name in renamed:
                self.add(BREAKING, prefix + name, f"likely renamed to {renamed[name]} (the same schema)")
            else:
                self.add(BREAKING, prefix + name, "removed")
        for name in new.keys() - old.keys() - set(renamed.values()):
            if new[name][1]:
                self.either(prefix + name, "added, and required", BREAKING, HARMLESS)
            else:
                self.add(HARMLESS, prefix + name, "added")

    def _renamed(self, old: Fields, new: Fields) -> dict[str, str]:
        """Pair removed and added names with the same schema, those most alike first."""
        gone = {name: bare(old[name][0], self.old) for name in old if name not in new}
        come = {name: bare(new[name][0], self.new) for name in new if name not in old}
        pairs = [
            (difflib.SequenceMatcher(None, before.lower(), after.lower()).ratio(), before, after)
            for before in gone
            for after in come
            if gone[before] == come[after]
        ]
        renamed: dict[str, str] = {}
        for likeness, before, after in sorted(pairs, reverse=True):
            sure = likeness >= ALIKE or len(gone) == len(come) == 1
            if sure and before not in renamed and after not in renamed.values():
                renamed[before] = after
        return renamed

    def _variants(self, where: str, old: list[Schema], new: list[Schema]) -> None:
        forms, new_forms = [bare(v, self.old) for v in old], [bare(v, self.new) for v in new]
        gone = [variant for variant, form in zip(old, forms, strict=True) if form not in new_forms]
        come = [variant for variant, form in zip(new, new_forms, strict=True) if form not in forms]
        for before in list(gone):
            kind = types(before, self.old)
            for after in come:
                if kind == types(after, self.new):
                    self.schema(where, before, after)
                    gone.remove(before)
                    come.remove(after)
                    break
        # A variant of a type that the other side lacks was reported as a change of type.
        before_types = frozenset[str]().union(*(types(variant, self.old) for variant in old))
        after_types = frozenset[str]().union(*(types(variant, self.new) for variant in new))
        for variant in gone:
            if types(variant, self.old) <= after_types:
                self.wider(where, f"variant removed: {joined(types(variant, self.old))}", more=False, less=True)
        for variant in come:
            if types(variant, self.new) <= before_types:
                self.wider(where, f"variant added: {joined(types(variant, self.new))}", more=True, less=False)

    # -- reporting

    def add(self, severity: Severity, where: str, what: str) -> None:
        """Report a change."""
        self.changes.append(Change(severity, where, what))

    def either(self, where: str, what: str, in_request: Severity, in_answer: Severity) -> None:
        """Report a change that matters differently in a request and in an answer."""
        self.add(in_request if self.sender is Sender.CLIENT else in_answer, where, what)

    def wider(self, where: str, what: str, *, more: bool, less: bool) -> None:
        """Report a change that allows more or less than before: a request may grow, an answer may shrink."""
        fine = more if self.sender is Sender.CLIENT else less
        self.add(HARMLESS if fine else BREAKING, where, what)

    def words(self, old: Schema, new: Schema) -> None:
        """Count the changes of wording."""
        self.wording += sum(old.get(key) != new.get(key) for key in WORDING)

    def others(self, where: str, old: Schema, new: Schema, handled: AbstractSet[str]) -> None:
        """Report what no rule knows, so that nothing goes by unseen."""
        for key in sorted((old.keys() | new.keys()) - handled - WORDING):
            if old.get(key) != new.get(key):
                self.add(NOTICE, where, f"{key} {was(old.get(key))} is now {was(new.get(key))}")


def _fields(schema: Schema) -> Fields:
    required = schema.get("required", [])
    fields = {name: {} for name in required} | schema.get("properties", {})
    return {name: (field_schema, name in required) for name, field_schema in fields.items()}


def _not_null(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "nullable"}


def was(value: Any) -> str:
    """Write the value of a keyword, or say that there is none."""
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


def joined(items: Iterable[Any]) -> str:
    """Write the items as a choice, the same way each time."""
    return " or ".join(sorted(map(str, items))) or "nothing"
