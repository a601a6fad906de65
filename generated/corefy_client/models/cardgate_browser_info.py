from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, boolean, text


@define
class CardgateBrowserInfo(Model):
    """The payer's browser, for 3-D Secure.

    Attributes:
        browser_accept_header: Its Accept header.
        browser_color_depth: Bits per pixel.
        browser_ip: IP address of the payer.
        browser_java_enabled: True if Java runs in it.
        browser_language: Its language.
        browser_screen_height: Height of the screen in pixels.
        browser_screen_width: Width of the screen in pixels.
        browser_tz: Minutes between UTC and the payer's time.
        browser_user_agent: Its User-Agent.
        device_channel: Channel of the device; 02 is a browser.
        window_height: Height of the window in pixels.
        window_width: Width of the window in pixels.
    """

    browser_accept_header: str | Unset = UNSET
    browser_color_depth: str | Unset = UNSET
    browser_ip: str | Unset = UNSET
    browser_java_enabled: bool | Unset = UNSET
    browser_language: str | Unset = UNSET
    browser_screen_height: str | Unset = UNSET
    browser_screen_width: str | Unset = UNSET
    browser_tz: str | Unset = UNSET
    browser_user_agent: str | Unset = UNSET
    device_channel: str | Unset = UNSET
    window_height: str | Unset = UNSET
    window_width: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "browser_accept_header": ("browser_accept_header", text),
            "browser_color_depth": ("browser_color_depth", text),
            "browser_ip": ("browser_ip", text),
            "browser_java_enabled": ("browser_java_enabled", boolean),
            "browser_language": ("browser_language", text),
            "browser_screen_height": ("browser_screen_height", text),
            "browser_screen_width": ("browser_screen_width", text),
            "browser_tz": ("browser_tz", text),
            "browser_user_agent": ("browser_user_agent", text),
            "device_channel": ("device_channel", text),
            "window_height": ("window_height", text),
            "window_width": ("window_width", text),
        }
