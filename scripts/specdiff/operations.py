"""Compare two versions of an OpenAPI document, operation by operation.

What breaks depends on who sends. In a request, whatever was accepted must still be: a newly required field, a narrower
type or limit breaks. In an answer (and in a webhook, which the gateway sends), whatever was read must still come: a
removed or no longer required field breaks, while a new enum value is a notice, because our enums are open.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .fields import BREAKING, HARMLESS, NOTICE, Change, SchemaComparer, Sender, Severity
from .schemas import Schema, bare, contents, resolved, sign_ins

Operation = tuple[str, dict[str, Any]]  # its path, and the rest

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


@dataclass(frozen=True)
class Comparison:
    """All changes, breaking ones first; `wording` counts changed descriptions, titles and examples."""

    changes: tuple[Change, ...]
    wording: int

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes that break a client."""
        return tuple(change for change in self.changes if change.severity is Severity.BREAKING)

    def __str__(self) -> str:
        lines = [str(change) for change in self.changes] or ["nothing changed in what is sent or answered"]
        if self.wording:
            lines.append(f"and {self.wording} changes of wording (descriptions, titles, examples)")
        return "\n".join(lines)


def compare(old: Schema, new: Schema) -> Comparison:
    """Find every change from `old` to `new`, both OpenAPI 3 documents."""
    found = _Comparer(old, new)
    found.document()
    return Comparison(tuple(sorted(set(found.changes))), found.wording)


def operations(document: Schema) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every operation by method and path, with what its path says of all its operations added to it."""
    found = {}
    for path, item in document["paths"].items():
        common = {key: value for key, value in item.items() if key not in METHODS}
        for method in METHODS & item.keys():
            parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
            found[method, path] = common | item[method] | {"parameters": parameters}
    return found


def same_place(path: str) -> str:
    """Return the path without the names of its parameters, which the wire does not show."""
    return re.sub(r"\{[^}]*\}", "{}", path)


class _Comparer(SchemaComparer):
    """Walks the operations of both documents side by side."""

    def document(self) -> None:
        self.others("document", self.old, self.new, {"paths", "components", "security", "info", "tags"})
        self.words(self.old, self.new)
        self.wording += sum(self.old.get(key) != self.new.get(key) for key in ("info", "tags"))
        before, after = ({(method, same_place(path)): (path, operation) for (method, path), operation
                         in operations(side).items()} for side in (self.old, self.new))  # fmt: skip
        moved = dict(self._moved(before, after))
        for place, (path, operation) in before.items():
            where = f"{place[0].upper()} {path}"
            new_place = moved.get(place, place)
            if new_place not in after:
                self.add(BREAKING, where, "operation removed")
                continue
            if place in moved:
                self.add(BREAKING, where, f"likely moved to {new_place[0].upper()} {after[new_place][0]}")
            self._operation(where, (path, operation), after[new_place])
        for place in after.keys() - before.keys() - set(moved.values()):
            self.add(HARMLESS, f"{place[0].upper()} {after[place][0]}", "operation added")

    def _moved(self, before: Mapping[Any, Operation], after: Mapping[Any, Operation]) -> Iterator[tuple[Any, Any]]:
        """Pair removed and added operations that have the same operationId or the same schemas."""
        added = {place: after[place] for place in after if place not in before}
        for place in (place for place in before if place not in after):
            operation = before[place][1]
            for other, (_, candidate) in added.items():
                same_id = "operationId" in operation and operation["operationId"] == candidate.get("operationId")
                if same_id or _form(operation, self.old) == _form(candidate, self.new):
                    yield place, other
                    del added[other]
                    break

    def _operation(self, where: str, old_operation: Operation, new_operation: Operation) -> None:
        (path, old), (new_path, new) = old_operation, new_operation
        if path != new_path and same_place(path) == same_place(new_path):
            self.add(NOTICE, where, f"path parameter renamed: {new_path}")
        if old.get("operationId") != new.get("operationId"):
            what = f"operation renamed from {old.get('operationId')} to {new.get('operationId')}"
            self.add(BREAKING, where, what)
        self.words(old, new)
        self.others(where, old, new, {"operationId", "parameters", "requestBody", "responses", "security"})
        self._security(where, old, new)
        webhook = "x-webhook" in old
        self.sender = Sender.GATEWAY if webhook else Sender.CLIENT
        self._parameters(where, _parameters(old, self.old), _parameters(new, self.new))
        self._body(f"{where}, request", old, new)
        self.sender = Sender.CLIENT if webhook else Sender.GATEWAY
        self._responses(f"{where}, answer", old.get("responses", {}), new.get("responses", {}))

    def _security(self, where: str, old: Schema, new: Schema) -> None:
        before, after = sign_ins(old, self.old), sign_ins(new, self.new)
        if before - after or (after and not before):
            self.add(BREAKING, where, f"security changed from {_ways(before)} to {_ways(after)}")
        elif after - before:
            self.add(HARMLESS, where, f"security may also be {_ways(after - before)}")

    def _parameters(self, where: str, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> None:
        self.fields(f"{where}, ", *({name: (p.get("schema", {}), bool(p.get("required"))) for name, p in side.items()}
                                    for side in (old, new)))  # fmt: skip
        for name in old.keys() & new.keys():
            self.words(old[name], new[name])
            self.others(f"{where}, {name}", old[name], new[name], {"name", "in", "required", "schema"})

    def _body(self, where: str, old_operation: Schema, new_operation: Schema) -> None:
        old = resolved(old_operation.get("requestBody", {}), self.old)
        new = resolved(new_operation.get("requestBody", {}), self.new)
        required, new_required = bool(old.get("required")), bool(new.get("required"))
        if old and not new:
            self.add(BREAKING, where, "body removed")
        elif new and not old:
            self.wider(where, "body added", more=not new_required, less=True)
        elif old:
            if required != new_required:
                what = "body now required" if new_required else "body no longer required"
                self.wider(where, what, more=required, less=new_required)
            self.words(old, new)
            self._contents(where, old, new)

    def _responses(self, where: str, old: Schema, new: Schema) -> None:
        come = [status for status in new if status not in old]
        for status, reply in old.items():
            here = f"{where} {status}"
            # A success in another place than before may have moved money.
            severity = BREAKING if status.startswith("2") else NOTICE
            if status in new:
                before, after = resolved(reply, self.old), resolved(new[status], self.new)
                self.words(before, after)
                self.others(here, before, after, {"content"})
                self._contents(here, before, after)
                continue
            same = [s for s in come if s[0] == status[0] and _form(new[s], self.new) == _form(reply, self.old)]
            if same:
                come.remove(same[0])
            self.add(severity, here, f"status likely changed to {same[0]}" if same else "answer removed")
        for status in come:
            self.add(BREAKING if status.startswith("2") else NOTICE, f"{where} {status}", "answer added")

    def _contents(self, where: str, old: Schema, new: Schema) -> None:
        before, after = contents(old, self.old), contents(new, self.new)
        for media in before.keys() - after.keys():
            self.add(BREAKING, where, f"media type {media} removed")
        for media in after.keys() - before.keys():
            self.add(NOTICE, where, f"media type {media} added")
        for media in before.keys() & after.keys():
            self.schema(where, before[media], after[media])


def _form(node: Schema, document: Schema) -> str:
    """Return what an operation takes and answers, or what one answer carries, as comparable text."""
    parts = {"request": node.get("requestBody", {}), **node.get("responses", {})} if "responses" in node else {"": node}
    forms = {part: {media: bare(schema, document) for media, schema in contents(body, document).items()}
             for part, body in parts.items()}  # fmt: skip
    return json.dumps(forms, sort_keys=True)


def _parameters(operation: Schema, document: Schema) -> dict[str, Schema]:
    """Return the parameters by how they are called in a report; path parameters by position, as the wire sees them."""
    found = [resolved(parameter, document) for parameter in operation["parameters"]]
    in_path = (f"path parameter {number}" for number in itertools.count(1))
    return {next(in_path) if p.get("in") == "path" else f"{p.get('in')} parameter {p.get('name')}": p for p in found}


def _ways(alternatives: Iterable[Iterable[str]]) -> str:
    return " or ".join(sorted(" with ".join(sorted(entry)) or "none" for entry in alternatives)) or "none"
