"""The pytest plugin, as a project that has the package installed meets it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

# What is loaded here already stays the same in all the runs within this process.
from paymentoptions_async.testing import buyer, clients, respx_, webhooks  # noqa: F401
from paymentoptions_async.wire import pool  # noqa: F401

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = (
    "paymentoptions_sandbox_options",
    "paymentoptions_gateway_options",
    "paymentoptions_sandbox",
    "paymentoptions_sandbox_url",
    "paymentoptions_gateway",
    "paymentoptions_env",
    "paymentoptions_card",
    "paymentoptions_buyer",
    "paymentoptions_webhooks",
    "paymentoptions_respx",
)

SHOP = """
from paymentoptions_async import Address, Money

async def charge(gateway, card, **more):
    return await gateway.purchase(
        Money("1000", "JPY"),
        card=card,
        billing_address=Address(country="JP", email="buyer@example.com"),
        customer_ip="203.0.113.7",
        idempotency_key="1042:1",
        **more,
    )
"""

ASYNC_TESTS = """
import pytest
from paymentoptions_async import OutcomeUnknown, PaymentOptions, PaymentStatus
from shop import charge
{preamble}

async def test_approved(paymentoptions_gateway, paymentoptions_sandbox, paymentoptions_card):
    payment = await charge(paymentoptions_gateway, paymentoptions_card())
    assert payment.status is PaymentStatus.APPROVED
    assert [one.charged for one in paymentoptions_sandbox.books.charges(payment.ref)] == [1000]

class TestOfAClass:
    async def test_3d_secure(
        self, paymentoptions_gateway, paymentoptions_card, paymentoptions_buyer, paymentoptions_webhooks
    ):
        payment = await charge(paymentoptions_gateway, paymentoptions_card("challenge"))
        await paymentoptions_buyer.approve(payment)
        assert (await paymentoptions_gateway.payment(payment.ref)).status is PaymentStatus.ACTION_REQUIRED
        [delivery] = await paymentoptions_webhooks.deliver()
        assert delivery.attempts[-1].status == 200
        assert (await paymentoptions_gateway.payment(payment.ref)).status is PaymentStatus.APPROVED

async def test_served(paymentoptions_sandbox_url, paymentoptions_gateway, paymentoptions_card):
    assert (await charge(paymentoptions_gateway, paymentoptions_card())).status is PaymentStatus.APPROVED

@pytest.mark.parametrize("number", [1, 2])
async def test_from_env(paymentoptions_env, paymentoptions_sandbox, paymentoptions_card, number):
    async with PaymentOptions.from_env() as gateway:
        assert (await charge(gateway, paymentoptions_card())).status is PaymentStatus.APPROVED
    assert paymentoptions_sandbox.books.total_charged() == 1000
"""
PASSED = 5

ASYNCIO = "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
MODES = {
    "asyncio, auto": (ASYNCIO + "asyncio_mode = auto", "", ()),
    "asyncio, strict": (ASYNCIO + "asyncio_mode = strict", "pytestmark = pytest.mark.asyncio", ()),
    "asyncio, one loop for all": (
        ASYNCIO + "asyncio_mode = auto\nasyncio_default_test_loop_scope = session",
        "",
        (),
    ),
    "anyio alone": (
        "[pytest]\nfilterwarnings = error",
        "pytestmark = pytest.mark.anyio\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'",
        ("-p", "no:asyncio"),
    ),
    "anyio beside asyncio": (
        ASYNCIO + "asyncio_mode = strict",
        "pytestmark = pytest.mark.anyio\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'",
        (),
    ),
}


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(shop=SHOP)
    pytester.syspathinsert()
    return pytester


@pytest.mark.parametrize("mode", MODES)
def test_the_fixtures_serve_every_plugin_for_asyncio(project: pytest.Pytester, mode: str):
    ini, preamble, options = MODES[mode]
    project.makeini(ini)
    project.makepyfile(ASYNC_TESTS.format(preamble=preamble))
    project.runpytest_inprocess("-q", "-p", "no:xdist", *options).assert_outcomes(passed=PASSED)


def test_a_test_that_is_not_asynchronous_brings_its_own_loop(project: pytest.Pytester):
    project.makepyfile(
        """
        import asyncio
        from paymentoptions_async import PaymentOptions, PaymentStatus
        from shop import charge

        def test_with_a_client_of_its_own(paymentoptions_env, paymentoptions_card, paymentoptions_sandbox):
            async def pay():
                async with PaymentOptions.from_env() as gateway:
                    return await charge(gateway, paymentoptions_card())

            assert asyncio.run(pay()).status is PaymentStatus.APPROVED
            assert paymentoptions_sandbox.books.total_charged() == 1000

        def test_with_the_fixture(paymentoptions_gateway, paymentoptions_card):
            async def pay():
                async with paymentoptions_gateway as gateway:
                    return await charge(gateway, paymentoptions_card())

            assert asyncio.run(pay()).status is PaymentStatus.APPROVED
        """
    )
    result = project.runpytest_inprocess("-q", "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(passed=2)


def test_the_client_is_closed_in_its_own_loop_whether_the_test_passes_or_fails(project: pytest.Pytester):
    project.makeini(ASYNCIO + "asyncio_mode = auto")
    project.makepyfile(
        """
        import asyncio, pytest
        seen = {}

        @pytest.fixture(autouse=True)
        def watched(paymentoptions_gateway, monkeypatch):
            close = paymentoptions_gateway.aclose
            async def aclose():
                seen["closed in"] = asyncio.get_running_loop()
                await close()
            monkeypatch.setattr(paymentoptions_gateway, "aclose", aclose)
            yield
            assert seen["closed in"] is seen["ran in"]
            seen.clear()

        async def test_passes(paymentoptions_gateway):
            seen["ran in"] = asyncio.get_running_loop()

        async def test_fails(paymentoptions_gateway):
            seen["ran in"] = asyncio.get_running_loop()
            assert seen is None
        """
    )
    result = project.runpytest_inprocess("-q", "-p", "no:xdist")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([">       assert seen is None"])
    result.stdout.no_fnmatch_line("*run_with_client*")


def test_a_delay_that_nobody_waited_for_does_not_hold_up_the_end(project: pytest.Pytester):
    project.makeini(ASYNCIO + "asyncio_mode = auto")
    project.makepyfile(
        """
        import pytest
        from paymentoptions_async import OutcomeUnknown
        from shop import charge

        async def test_too_slow(paymentoptions_gateway, paymentoptions_sandbox, paymentoptions_card):
            paymentoptions_sandbox.faults.add("paymentv2", "delay", seconds=3600)
            with pytest.raises(OutcomeUnknown):
                await charge(paymentoptions_gateway, paymentoptions_card(), timeout=0.01)
        """
    )
    result = project.runpytest_inprocess("-q", "-p", "no:xdist")
    result.assert_outcomes(passed=1)
    assert result.duration < 20  # the exchange would go on for 35 seconds


def test_a_fixture_says_what_to_install_where_the_sandbox_is_not(project: pytest.Pytester):
    project.makeconftest("import sys; sys.modules.update(starlette=None, respx=None)")
    project.makepyfile(
        """
        def test_of_something_else(): pass
        def test_sandbox(paymentoptions_sandbox): pass
        def test_gateway(paymentoptions_gateway): pass
        def test_card(paymentoptions_card): pass
        def test_respx(paymentoptions_respx): pass
        """
    )
    result = project.runpytest_subprocess("-q", "-p", "no:respx", "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(passed=1, errors=4)
    lines = [line for line in result.outlines if line.startswith("this fixture needs")]
    assert lines == [
        *["this fixture needs starlette: pip install 'paymentoptions-async[sandbox]'"] * 3,
        "this fixture needs respx: pip install respx",
    ]


def test_loading_the_plugin_imports_nothing_but_itself():
    code = (
        "import pytest, sys; before = set(sys.modules);"
        "import paymentoptions_async.testing.plugin; print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["paymentoptions_async", "paymentoptions_async.testing", "paymentoptions_async.testing.plugin"]


def test_every_project_that_has_the_package_gets_the_plugin():
    points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["pytest11"]
    assert points == {"paymentoptions": "paymentoptions_async.testing.plugin"}
    assert all(import_module(module) for module in points.values())


def test_the_fixtures_are_listed_and_say_what_they_are(project: pytest.Pytester):
    listed = project.runpytest_inprocess("--fixtures", "-p", "no:xdist", "-p", "no:asyncio").outlines
    ours = [number for number, line in enumerate(listed) if line.startswith("paymentoptions_")]
    assert {listed[number].split()[0] for number in ours} == set(FIXTURES)
    assert not [listed[number] for number in ours if "no docstring" in listed[number + 1]]


@pytest.mark.parametrize("name", FIXTURES)
def test_every_fixture_is_in_the_guide(name: str):
    assert f"| `{name}` |" in (ROOT / "docs" / "testing.md").read_text("utf-8")
