from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.flow_data_metadata import FlowDataMetadata
    from ..models.free_map import FreeMap


@define
class FlowData(Model):
    """Where the payer goes next, and the bearer for the cardgate.

    Attributes:
        action: URL of the hosted card page.
        method: HTTP method to open it with.
        params: Parameters to send along, unchanged.
        metadata: Ids of the cardgate's session.
    """

    action: str | None | Unset = field(default=UNSET, repr=False)
    method: str | None | Unset = UNSET
    params: FreeMap | list[Any] | None | Unset = field(default=UNSET, repr=False)
    metadata: FlowDataMetadata | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.flow_data_metadata import FlowDataMetadata
        from ..models.free_map import FreeMap

        return {
            "action": ("action", either(text, nothing)),
            "method": ("method", either(text, nothing)),
            "params": ("params", either(FreeMap.from_dict, list_of(anything), nothing)),
            "metadata": ("metadata", either(FlowDataMetadata.from_dict, list_of(anything), nothing)),
        }
