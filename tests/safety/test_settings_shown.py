"""What is wrong with settings is said without showing any of them, and not by the locals of a traceback either."""

from __future__ import annotations

from typing import Any

import pytest

from paymentoptions_async import ConfigurationError, InvalidValue, PaymentOptions
from paymentoptions_async.corefy import Corefy
from tests.safety.marks import (
    API_KEY,
    CALLBACK_SECRET,
    COREFY_KEY,
    SIGNING_SECRET,
    X_API_KEY,
    Marks,
    rendered,
    shown_by,
)

PASSWORD = "a password that nobody sees"
GOOD: dict[str, Any] = {
    "api_key": API_KEY,
    "x_api_key": X_API_KEY,
    "merchant_id": "JP00000001",
    "environment": "sandbox",
    "sandbox_url": "http://127.0.0.1:9",
    "public_url": "http://127.0.0.1:9/pay",
    "signing_secrets": SIGNING_SECRET,
}
COREFY: dict[str, Any] = {
    "account_id": "coma_A1",
    "api_key": COREFY_KEY,
    "private_url": "http://127.0.0.1:9",
    "cardgate_url": "http://127.0.0.1:9",
    "test_mode": True,
    "callback_secrets": CALLBACK_SECRET,
    "signing_secrets": SIGNING_SECRET,
    "public_url": "http://127.0.0.1:9/pay",
}
SHORT = SIGNING_SECRET[:15]
SECRET_PLACE = f"postgresql://shop:{PASSWORD}@db/shop".replace(" ", "%20")
BAD: list[dict[str, Any]] = [
    {"environment": "elsewhere"},
    {"environment": SIGNING_SECRET},
    {"environment": None},
    {"environment": "live", "sandbox_url": None},
    {"merchant_id": ""},
    {"merchant_id": f"{API_KEY} "},
    {"api_key": f"{API_KEY}\n"},
    {"x_api_key": f"{X_API_KEY}\n"},
    {"x_api_key": ""},
    {"sandbox_url": "https://shop.example"},
    {"public_url": f"https://shop:{API_KEY}@shop.example/"},
    {"signing_secrets": SHORT},
    {"signing_secrets": [SIGNING_SECRET, SHORT]},
    {"proxy": f"http://shop:{API_KEY}@proxy.example"},
    {"journal": f"{SECRET_PLACE}?journal_schema=Not-A-Schema"},
    {"journal": f"{SECRET_PLACE}@elsewhere"},
    {"journal": SECRET_PLACE.replace("postgresql", "mysql")},
    {"journal": f"sqlite:///x?key={API_KEY}"},
    {"on_payment": "nobody"},
]
BAD_FOR_COREFY: list[dict[str, Any]] = [
    {"test_mode": None},
    {"test_mode": False},
    {"account_id": f"{COREFY_KEY} "},
    {"api_key": ""},
    {"private_url": f"https://shop:{COREFY_KEY}@corefy.example"},
    {"cardgate_url": "http://corefy.example"},
    {"signing_secrets": SHORT},
    {"journal": SECRET_PLACE.replace("postgresql", "mysql")},
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: next(iter(bad)))
def test_a_setting_that_is_wrong_shows_none(bad):
    assert_hidden(PaymentOptions, GOOD | bad)


@pytest.mark.parametrize("bad", BAD_FOR_COREFY, ids=lambda bad: next(iter(bad)))
def test_a_setting_of_corefy_that_is_wrong_shows_none(bad):
    assert_hidden(Corefy, COREFY | bad)


@pytest.mark.parametrize("bad", [{"PAYMENTOPTIONS_ENVIRONMENT": "elsewhere"}, {"PAYMENTOPTIONS_MERCHANT_ID": ""}])
def test_the_environment_is_not_shown(bad, monkeypatch):
    for name, value in {**GOOD, "journal": SECRET_PLACE}.items():
        monkeypatch.setenv(f"PAYMENTOPTIONS_{name.upper()}", value)
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    assert_hidden(PaymentOptions.from_env, {})


def assert_hidden(make, settings):
    marks = Marks(also=[PASSWORD, SHORT])
    with pytest.raises((ConfigurationError, InvalidValue)) as failed:
        make(**settings)
    assert shown_by(failed.value, marks) == set()
    assert marks.found_in(rendered(failed.value)) == set()
