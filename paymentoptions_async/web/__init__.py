"""Endpoints for webhooks and returning buyers, ready to mount.

`paymentoptions_async.web.starlette` (FastAPI too), `.django` and `.aiohttp` each import their own framework and no
other; importing this package imports none. The routes stand below the path of the client's ``public_url``.
"""

from __future__ import annotations

from paymentoptions_async.web.access_logs import mask_access_logs
from paymentoptions_async.web.per_loop import PerLoop

__all__ = ["PerLoop", "mask_access_logs"]
