from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class GatewayResponse(Model):
    """The gateway's own word on the operation.

    Attributes:
        version: Version of the gateway.
        type_: Kind of message.
        message: Message for people; may be localised.
        code: Message code.
    """

    version: str | None | Unset = UNSET
    type_: str | None | Unset = UNSET
    message: str | None | Unset = UNSET
    code: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "version": ("version", either(text, nothing)),
            "type_": ("type", either(text, nothing)),
            "message": ("message", either(text, nothing)),
            "code": ("code", either(text, nothing)),
        }
