"""What 3-D Secure wants to know of the buyer's browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values.texts import PURCHASE_PAGE, check_text

_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")

_MAX_ACCEPT, _MAX_LANGUAGE, _MAX_USER_AGENT = 200, 10, 500

# Ours, the gateway's, and its longest (vendor's purchase page).
_TEXTS = (
    ("accept_header", "acceptHeader", _MAX_ACCEPT),
    ("language", "language", _MAX_LANGUAGE),
    ("user_agent", "userAgent", _MAX_USER_AGENT),
)
_NUMBERS = (
    ("screen_color_depth", "screenColorDepth", 2),
    ("screen_height", "screenHeight", 5),
    ("screen_width", "screenWidth", 5),
    ("challenge_window", "challengeWindow", 2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserInfo:
    """The buyer's browser. Every field may be left out; numbers may be ints or digits in a str.

    ``screen_color_depth`` is in bits, ``screen_height`` and ``screen_width`` in pixels, ``language`` a tag such as
    ``en-GB``. ``challenge_window`` is the size of the challenge page (EMV 3-D Secure: 1 to 5, 5 being all).
    Longest: accept header 200, language 10, user agent 500 characters (vendor's purchase page). Raises `InvalidValue`.
    """

    accept_header: str | None = None
    language: str | None = None
    user_agent: str | None = None
    screen_color_depth: str | int | None = None
    screen_height: str | int | None = None
    screen_width: str | int | None = None
    challenge_window: str | int | None = None
    java_enabled: bool | None = None

    def __post_init__(self) -> None:
        for name, _, max_length in _TEXTS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_text(f"browser_info.{name}", value, max_length, PURCHASE_PAGE))
        for name, _, max_length in _NUMBERS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _digits(f"browser_info.{name}", value, max_length))
        if self.java_enabled is not None and not isinstance(self.java_enabled, bool):
            raise InvalidValue(
                "browser_info.java_enabled: needs True or False (vendor's purchase page, boolean)",
                field="browser_info.java_enabled",
            )

    @classmethod
    def from_headers(
        cls,
        headers: Mapping[str, str],
        *,
        screen_width: str | int | None = None,
        screen_height: str | int | None = None,
        color_depth: str | int | None = None,
        java_enabled: bool = False,
        challenge_window: str | int = "4",
        language: str | None = None,
    ) -> BrowserInfo:
        """Fill it from the headers of the buyer's request; names in any case. What only scripts know is an argument.

        Headers come from strangers, so too long ones are cut and control characters dropped, never refused. The
        language is the first of Accept-Language unless it is given. Window 4 is the one of the vendor's example.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(
            accept_header=_tidy(lower.get("accept"), _MAX_ACCEPT),
            language=language if language is not None else _first_language(lower.get("accept-language")),
            user_agent=_tidy(lower.get("user-agent"), _MAX_USER_AGENT),
            screen_color_depth=color_depth,
            screen_height=screen_height,
            screen_width=screen_width,
            challenge_window=challenge_window,
            java_enabled=java_enabled,
        )

    def to_wire(self) -> dict[str, str | bool]:
        """The request's ``browser_info`` object, in the gateway's camelCase: what is known."""
        wire: dict[str, str | bool] = {
            theirs: value for ours, theirs, _ in (*_TEXTS, *_NUMBERS) if (value := getattr(self, ours)) is not None
        }
        if self.java_enabled is not None:
            wire["javaEnabled"] = self.java_enabled
        return wire


def _digits(field: str, value: object, max_length: int) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _DIGITS.fullmatch(text) and len(text) <= max_length:
        return str.__str__(text)
    raise InvalidValue(f"{field}: needs 1 to {max_length} digits ({PURCHASE_PAGE})", field=field)


def _tidy(value: str | None, max_length: int) -> str | None:
    if value is None:
        return None
    return _UNWANTED.sub("", value).strip()[:max_length].rstrip() or None


def _first_language(header: str | None) -> str | None:
    """The first tag of Accept-Language, without the subtags that don't fit into 10 characters."""
    tag = (header or "").split(",")[0].split(";")[0].strip()
    if not _LANGUAGE.fullmatch(tag):
        return None
    while len(tag) > _MAX_LANGUAGE:
        tag = tag.rpartition("-")[0]
    return tag or None
