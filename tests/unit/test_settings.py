from __future__ import annotations

from typing import Any

import pytest

from paymentoptions_async import MemoryJournal, PaymentOptions
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.settings import from_environment

KEYS: dict[str, Any] = {"api_key": "test-api-key", "x_api_key": "test-x-api-key", "merchant_id": "JP00000001"}
SANDBOX: dict[str, Any] = {**KEYS, "environment": "sandbox", "sandbox_url": "http://127.0.0.1:8480"}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    import os

    for name in os.environ:
        if name.startswith("PAYMENTOPTIONS_"):
            monkeypatch.delenv(name)


def test_the_environment_is_read_and_arguments_come_first(monkeypatch):
    monkeypatch.setenv("PAYMENTOPTIONS_MERCHANT_ID", "JP00000001")
    monkeypatch.setenv("PAYMENTOPTIONS_API_KEY", "from the environment")
    assert from_environment({"api_key": "given"}) == {"api_key": "given", "merchant_id": "JP00000001"}


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("PAYMENTOPTIONS_API_KEY", "")
    with pytest.raises(ConfigurationError, match="PAYMENTOPTIONS_API_KEY"):
        PaymentOptions.from_env(**{**SANDBOX, "api_key": None})


@pytest.mark.parametrize("name", ["api_key", "x_api_key", "merchant_id", "environment"])
def test_a_missing_setting_names_itself_and_its_variable(name):
    settings = {key: value for key, value in SANDBOX.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"PAYMENTOPTIONS_{name.upper()}"):
        PaymentOptions.from_env(**settings)


def test_there_is_no_default_environment_and_no_guess():
    with pytest.raises(ConfigurationError, match="'production' is not one of live, staging, development, sandbox"):
        PaymentOptions(**{**SANDBOX, "environment": "production"})


@pytest.mark.parametrize(
    "url", ["http://sandbox.example:8480", "https://10.0.0.1", "ftp://127.0.0.1", "127.0.0.1:8480"]
)
def test_the_sandbox_is_on_loopback_only(url):
    with pytest.raises(ConfigurationError, match="loopback"):
        PaymentOptions(**{**SANDBOX, "sandbox_url": url})


def test_a_sandbox_url_elsewhere_than_in_the_sandbox_is_a_mistake():
    with pytest.raises(ConfigurationError, match="sandbox_url is set"):
        PaymentOptions(**{**SANDBOX, "environment": "development"})


@pytest.mark.parametrize("environment", ["live", "staging"])
def test_a_journal_is_required_where_it_matters(environment):
    with pytest.raises(ConfigurationError, match="durable"):
        PaymentOptions(**KEYS, environment=environment)


def test_live_payments_need_a_journal_that_survives():
    with pytest.raises(ConfigurationError, match="survives"):
        PaymentOptions(**KEYS, environment="live", journal=MemoryJournal())


def test_no_key_is_shown():
    shown = repr(PaymentOptions(**SANDBOX, signing_secrets="0123456789abcdef"))
    assert "test-api-key" not in shown
    assert "0123456789abcdef" not in shown
