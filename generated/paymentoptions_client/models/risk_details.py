from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class RiskDetails(Model):
    """The risk check.

    Attributes:
        risk_score: Risk score.
    """

    risk_score: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"risk_score": ("risk_score", either(text, nothing))}
