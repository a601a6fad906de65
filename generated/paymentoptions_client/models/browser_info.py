from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, text


@define
class BrowserInfo(Model):
    """What the cardholder's browser says of itself.

    Attributes:
        accept_header: Accept header of the browser.
        screen_color_depth: Bits per pixel of the screen.
        java_enabled: Whether the browser runs Java.
        language: Language of the browser.
        screen_height: Height of the screen in pixels.
        screen_width: Width of the screen in pixels.
        challenge_window: Code of the challenge window's size.
        user_agent: User-Agent header of the browser.
    """

    accept_header: str | Unset = UNSET
    screen_color_depth: str | Unset = UNSET
    java_enabled: bool | Unset = UNSET
    language: str | Unset = UNSET
    screen_height: str | Unset = UNSET
    screen_width: str | Unset = UNSET
    challenge_window: str | Unset = UNSET
    user_agent: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "accept_header": ("acceptHeader", text),
            "screen_color_depth": ("screenColorDepth", text),
            "java_enabled": ("javaEnabled", boolean),
            "language": ("language", text),
            "screen_height": ("screenHeight", text),
            "screen_width": ("screenWidth", text),
            "challenge_window": ("challengeWindow", text),
            "user_agent": ("userAgent", text),
        }
