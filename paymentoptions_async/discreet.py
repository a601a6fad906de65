"""Exceptions about arguments that show none of them.

What is wrong may be a card number where a reference belongs, or stand beside a key. The message does not repeat it; but
reporters of errors also print the locals of every frame, and arguments are locals. So such an exception is raised anew
at the door, without the frames behind it. The caller's own frame stays; what is in it is the caller's.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from paymentoptions_async.errors import ConfigurationError, InvalidValue, PaymentOptionsError, WebhookRejected

P = ParamSpec("P")
T = TypeVar("T")

_ABOUT_ARGUMENTS = (ConfigurationError, InvalidValue, WebhookRejected)


def discreet(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function or coroutine function of the public surface raise `InvalidValue` and its like from here."""
    if inspect.iscoroutinefunction(function):
        return cast("Callable[P, T]", _discreet_coroutine(function))

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except _ABOUT_ARGUMENTS as error:
            del args, kwargs
            raise _alone(error) from None

    return called


def _discreet_coroutine(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    @wraps(function)
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        running = function(*args, **kwargs)
        del args, kwargs  # whatever it raises, it may have let go of some of them
        try:
            return await running
        except _ABOUT_ARGUMENTS as error:
            raise _alone(error) from None

    return called


def _alone(error: PaymentOptionsError) -> PaymentOptionsError:
    """Take from an exception where it was raised, and what led to it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
