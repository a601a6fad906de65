"""What a PostgreSQL URL says, and that it says it to nobody else."""

from __future__ import annotations

import pytest

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.journal.postgres.address import read_address


def urls(url: str) -> list[str]:
    address = read_address(url)
    return [address.reveal(place) for place in range(len(address.hosts))]


def test_a_url_is_passed_on_without_what_is_ours() -> None:
    url = "postgresql://shop:p%40ss@db.example:6543/payments?sslmode=verify-full&journal_schema=pay_1"
    address = read_address(url)
    assert address.schema == "pay_1"
    assert urls(url) == ["postgresql://shop:p%40ss@db.example:6543/payments?sslmode=verify-full"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@a:1,b:2/d", ["postgresql://u:p@a:1/d", "postgresql://u:p@b:2/d"]),
        ("postgresql://u@a,b/d?port=7", ["postgresql://u@a/d?port=7", "postgresql://u@b/d?port=7"]),
        ("postgresql://u@/d?host=a,b&port=1,2", ["postgresql://u@/d?host=a&port=1", "postgresql://u@/d?host=b&port=2"]),
        ("postgresql://u@/d?host=/run/one", ["postgresql://u@/d?host=%2Frun%2Fone"]),
        ("postgres://a/d?target_session_attrs=read-write", ["postgres://a/d"]),
    ],
)
def test_each_host_has_a_url_of_its_own(url: str, expected: list[str]) -> None:
    assert urls(url) == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://shop:hunter2@a:1,b:2/payments", "postgresql://a:1,b:2/payments (schema paymentoptions)"),
        ("postgresql://shop:hunter2@/d?host=/run/p&password=hunter2", "postgresql:///run/p/d (schema paymentoptions)"),
        ("postgresql:///d", "postgresql://the default host/d (schema paymentoptions)"),
    ],
)
def test_where_it_is_is_shown_and_who_one_is_is_not(url: str, shown: str) -> None:
    address = read_address(url)
    assert address.shown == shown
    assert "hunter2" not in repr(address)
    assert "shop" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://shop:hunter2@host/d",
        "postgresql://shop:hun@hunter2@host/d",
        "postgresql://shop:hun/hunter2@host/d",
        "postgresql://shop:hun?hunter2@host/d",
        "postgresql://shop:hun#hunter2@host/d",
        "postgresql://shop:hunter2@[host/d",
        "postgresql://shop:hunter2@host/d?journal_schema=Pay",
        "postgresql://shop:hunter2@host/d?journal_schema=a;b",
        "postgresql://shop:hunter2@host/d?journal_schema=",
        "postgresql://shop:hunter2@host/d?journal_schema=" + "a" * 41,
        "postgresql://shop:hunter2@host/d?target_session_attrs=standby",
    ],
)
def test_what_can_be_mistaken_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^journal: ") as refused:
        read_address(url)
    assert "hun" not in str(refused.value)
    assert refused.value.__context__ is None
