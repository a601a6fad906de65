"""What callers and handlers were told, digested from the facts of all processes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.facts import read_facts


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that a caller got: the payment's reference, status and transaction, for an operation under a key."""

    operation: str
    key: str
    ref: str
    status: str
    transaction_id: str | None


@dataclass(slots=True)
class Delivery:
    """One event on its way to the application. Times are nanoseconds; ``handled`` is the first success."""

    status: str
    handed: int
    handled: int | None = None
    times: int = 1


@dataclass(slots=True)
class Hearing:
    """All that was told."""

    told: list[Told] = field(default_factory=list)
    amounts: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The amounts that were asked for under each key and told an answer, by operation and key."""
    events: dict[str, Delivery] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    asked: int = 0

    @classmethod
    def read(cls, directory: Path, kind: str = "facts") -> Hearing:
        """Digest the facts of this kind."""
        heard = cls()
        for fact in read_facts(directory, kind):
            match fact["is"]:
                case "asked":
                    heard.asked += 1
                case "told":
                    about = fact["op"], fact["key"]
                    heard.told.append(Told(*about, fact["ref"], fact["status"], fact["id"]))
                    heard.answers[fact["status"]] += 1
                    heard.amounts[about].add(fact["amount"])
                case "raised":
                    heard.answers[fact["error"]] += 1
                case "left":
                    heard.answers["(the caller left)"] += 1
                case "handed":
                    heard._handed(fact["id"], fact["status"], fact["at"])
                case "handled":
                    heard._handled(fact["id"], fact["at"])
        return heard

    def _handed(self, event_id: str, status: str, at: int) -> None:
        known = self.events.setdefault(event_id, Delivery(status, at, times=0))
        known.handed = min(known.handed, at)
        known.times += 1

    def _handled(self, event_id: str, at: int) -> None:
        known = self.events[event_id]
        known.handled = at if known.handled is None else min(known.handled, at)
