from __future__ import annotations

import datetime
from functools import cache
from uuid import UUID

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, date_time, either, integer, nothing, number, text, uuid


@define
class SubscriptionTransaction(Model):
    """One charge.

    Attributes:
        id: Transaction id.
        ref: Running number of the transaction.
        cycle: Number of the charge.
        status: Outcome of the charge.
        transaction_date: When it was made.
        amount: Amount in major units.
        ccy: ISO 4217 code of the currency.
        event: What happened.
    """

    id: UUID | None | Unset = UNSET
    ref: int | None | Unset = UNSET
    cycle: int | None | Unset = UNSET
    status: str | None | Unset = UNSET
    transaction_date: datetime.datetime | None | Unset = UNSET
    amount: Number | None | Unset = UNSET
    ccy: str | None | Unset = UNSET
    event: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "id": ("id", either(uuid, nothing)),
            "ref": ("ref", either(integer, nothing)),
            "cycle": ("cycle", either(integer, nothing)),
            "status": ("status", either(text, nothing)),
            "transaction_date": ("transaction_date", either(date_time, nothing)),
            "amount": ("amount", either(number, nothing)),
            "ccy": ("ccy", either(text, nothing)),
            "event": ("event", either(text, nothing)),
        }
