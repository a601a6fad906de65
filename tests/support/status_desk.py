"""A wire whose status answers come from what the bank has in its books, as often as anybody asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from paymentoptions_async.wire.exchange import Reply, Request
from tests.support.scripted import ScriptedWire, Step, answer, lost

NOT_FOUND = answer({"message": "not found"}, 404)


class StatusDesk(ScriptedWire):
    """Answers each GET from ``books``, by transaction id, after ``seconds``. Charging requests play their script.

    A question that would take longer than its deadline is given up there, as every wire does.

    While ``away`` is set, that is the answer to every question. ``asked`` counts the questions by transaction;
    ``most_at_once`` is the largest number of questions that were under way together.
    """

    def __init__(self, *steps: Step) -> None:
        super().__init__(*steps)
        self.books: dict[str, Reply] = {}
        self.away: Reply | None = None
        self.seconds = 0.0
        self.asked: Counter[str] = Counter()
        self.most_at_once = 0
        self._now_asked = 0

    def enter(self, transaction_id: str, told: dict[str, Any]) -> None:
        """Let a transaction stand in the books."""
        self.books[transaction_id] = answer(told, 200)

    async def send(self, request: Request) -> Reply:
        if request.method != "GET":
            return await super().send(request)
        transaction_id = request.path.rpartition("/")[2]
        self.asked[transaction_id] += 1
        self._now_asked += 1
        self.most_at_once = max(self.most_at_once, self._now_asked)
        left = request.deadline - asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(min(self.seconds, left))
        finally:
            self._now_asked -= 1
        if self.seconds >= left:
            return lost("deadline")
        return self.away or self.books.get(transaction_id, NOT_FOUND)
