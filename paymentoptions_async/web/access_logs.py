"""Masks the tokens of webhook and return URLs in the access logs of web servers."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

LOGGERS = (
    "aiohttp.access",
    "django.channels.server",  # daphne's runserver
    "django.request",
    "django.server",
    "gunicorn.access",
    "hypercorn.access",
    "uvicorn.access",
)
"""Where servers write the paths of requests."""

_SLASH = r"(?:/|%2[Ff])"
_PART = r"""(?:(?!%2[Ff])[^/\s?#"'])+"""
_TOKEN = re.compile(rf"((?:webhook|return{_SLASH}(?:success|decline|cancel)){_SLASH}+{_PART}{_SLASH}+){_PART}")


def mask_access_logs(*more: str) -> None:
    """Mask tokens in whatever the access loggers of known servers write, and the loggers named in ``more``.

    The routes of every adapter call it. Repeating it changes nothing, and logging may be configured before or after.
    """
    for name in (*LOGGERS, *more):
        logging.getLogger(name).addFilter(_masking)  # one object, which a logger takes once


def mask(text: str) -> str:
    """Replace the token of every webhook and return path in a text."""
    return _TOKEN.sub(r"\1***", text)


class _Masking(logging.Filter):
    """Masks a record in place and lets it pass.

    Its arguments keep their shape, because formatters take them apart: a tuple of five for uvicorn, a dictionary with
    a mind of its own for gunicorn and hypercorn. aiohttp also puts each of its fields on the record, and Django the
    request itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in list(vars(record).items()):
            vars(record)[name] = _masked(value)
        request = vars(record).get("request")
        if request is not None and not isinstance(request, (str, _Quiet)):
            vars(record)["request"] = _Quiet(request)
        return True


class _Quiet:
    """A request in a record: all that it was, but shown with its token masked."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        if name == "_request":  # it is being copied, and has none yet
            raise AttributeError(name)
        return getattr(self._request, name)

    def __repr__(self) -> str:
        return mask(repr(self._request))


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if type(value) is tuple:
        return tuple(_masked(one) for one in value)
    if isinstance(value, dict):
        result = copy.copy(value)
        result.update({name: _masked(one) for name, one in value.items()})
        return result
    return value


_masking = _Masking()
