"""The tables of the guides say what the code says, and nothing that can be used is missing."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import paymentoptions_async
from paymentoptions_async import Card, Money, OutcomeUnknown, Payment, PaymentOptions, settings
from paymentoptions_async.cli import main
from paymentoptions_async.response_codes import Outcome, classify
from paymentoptions_async.sandbox import CARDS, COREFY_CARDS, OUTCOMES, CorefySettings, Plan, TestCard, Traffic, faults
from paymentoptions_async.sandbox.corefy.cards import OTHERWISE, RESOLUTIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = {page.name: page.read_text("utf-8") for page in DOCS.glob("*.md")}
ALL = "\n".join(GUIDES.values())

LATER = ("capture", "void", "refund", "renewal")


def table(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def differs_later(card: TestCard) -> bool:
    return (card.capture, card.void, card.refund, card.renewal) != ("approved", "approved", "approved", None)


def number(card: TestCard) -> str:
    return f"`{card.number}`{' *' if card.documented else ''}"


async def seen(card: TestCard, surroundings: dict[str, Any]) -> str:
    """What a shop sees that charges this card: at once, behind 3-D Secure, and a minute later."""
    gateway, sandbox = surroundings["gateway"], surroundings["sandbox"]
    try:
        payment = await gateway.purchase(
            Money("1000", "JPY"),
            card=Card(number=card.number, cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=surroundings["address"],
            customer_ip="203.0.113.7",
            idempotency_key=card.name,
        )
    except OutcomeUnknown as unknown:
        payment = unknown.payment
    steps = [payment]
    if card.challenge:
        await sandbox.answer_challenge(payment.redirect_url)
    for seconds in (0, 61):
        await sandbox.advance(seconds)
        await gateway._flow.drain()
        steps.append(await gateway.resolve(payment.ref))
    told = [shown(step) for step in steps]
    return ", then ".join(word for word, before in zip(told, [None, *told], strict=False) if word != before)


def shown(payment: Payment) -> str:
    return f"`{payment.status.name}`" + (f" ({payment.decline.reason})" if payment.decline else "")


async def test_the_test_cards_are_those_of_the_sandbox_and_do_what_is_said(surroundings: dict[str, Any]):
    rows = [
        f"| {number(card)} | `{card.name}` | {OUTCOMES[card.outcome].code} | {await seen(card, surroundings)} |"
        for card in CARDS
        if not differs_later(card)
    ]
    expected = table("| Number | Name | Code | The payment is |", "| --- | --- | ---: | --- |", *rows)
    assert expected in GUIDES["test-cards.md"], f"the table should be:\n{expected}"


def test_the_cards_for_later_operations_are_those_of_the_sandbox():
    rows = [
        f"| {number(card)} | `{card.name}` | {operation} | {OUTCOMES[getattr(card, operation)].description} |"
        for card in CARDS
        for operation in LATER
        if getattr(card, operation) not in ("approved", None)
    ]
    expected = table("| Number | Name | Operation | The bank says |", "| --- | --- | --- | --- |", *rows)
    assert expected in GUIDES["test-cards.md"], f"the table should be:\n{expected}"


def test_corefys_cards_are_those_of_its_sandbox():
    rows = [
        f"| `{card.number}` | `{card.name}` | {'yes' if card.challenge else 'no'} | "
        f"`{'processed' if card.succeeds else 'process_failed'}` |"
        for card in COREFY_CARDS
    ]
    expected = table("| Number | Name | 3-D Secure | The invoice is |", "| --- | --- | --- | --- |", *rows)
    assert expected in GUIDES["test-cards.md"], f"the table should be:\n{expected}"


def test_the_expiry_dates_of_corefys_failing_cards_are_those_of_its_sandbox():
    rows = [f"| {month}/{year} | `{resolution}` |" for (month, year), resolution in RESOLUTIONS.items()]
    expected = table("| Expiry | Resolution |", "| --- | --- |", *rows, f"| any other | `{OTHERWISE}` |")
    assert expected in GUIDES["test-cards.md"], f"the table should be:\n{expected}"


def test_every_setting_of_the_sandboxs_corefy_has_its_line():
    rows = "".join(re.findall(r"^\| `.*$", GUIDES["sandbox.md"].partition("| Of `CorefySettings` |")[2], re.MULTILINE))
    assert {one.name for one in dataclasses.fields(CorefySettings) if f"`{one.name}`" not in rows} == set()


@pytest.mark.parametrize("kind", [Plan, Traffic])
def test_every_setting_of_the_sandboxs_load_and_past_has_its_line(kind: type):
    rows = re.findall(r"^\| (`.*?) \|", GUIDES["sandbox.md"].partition(f"| Of `{kind.__name__}` |")[2], re.MULTILINE)
    assert {one.name for one in dataclasses.fields(kind)} <= set(re.findall(r"`(\w+)`", "".join(rows)))


def test_every_card_that_is_named_anywhere_is_a_test_card():
    known = {card.number for card in CARDS} | {card.number for card in COREFY_CARDS}
    assert set(re.findall(r"\b\d{16}\b", ALL)) <= known


@pytest.mark.parametrize("name", paymentoptions_async.__all__)
def test_every_public_name_is_in_the_api_reference(name: str):
    assert re.search(rf"^\.\. auto(?:class|exception):: paymentoptions_async\.{name}$", GUIDES["api.md"], re.MULTILINE)


def test_the_api_reference_names_nothing_else():
    named = re.findall(r"^\.\. auto(?:class|exception):: paymentoptions_async\.(\w+)$", GUIDES["api.md"], re.MULTILINE)
    assert sorted(named) == sorted(paymentoptions_async.__all__)


def test_every_method_is_in_the_api_reference():
    listed = re.findall(
        r"^\.\. automethod:: paymentoptions_async\.PaymentOptions\.(\w+)$", GUIDES["api.md"], re.MULTILINE
    )
    methods = {name for name, _ in inspect.getmembers(PaymentOptions, callable) if not name.startswith("_")}
    assert sorted(listed) == sorted(methods)


def test_every_method_is_told_of_in_a_guide():
    methods = {name for name, _ in inspect.getmembers(PaymentOptions, callable) if not name.startswith("_")}
    guides = "\n".join(text for page, text in GUIDES.items() if page != "api.md")
    assert {name for name in methods - {"aclose"} if not re.search(rf"\b{name}\b", guides)} == set()


def test_every_setting_is_in_its_table():
    arguments = set(inspect.signature(PaymentOptions).parameters)
    page = GUIDES["settings.md"]
    assert {name for name in arguments if not re.search(rf"^\| .*`{name}`.* \|", page, re.MULTILINE)} == set()
    assert {f"`{name}` | `{variable}`" for name, variable in settings._VARIABLES.items()} <= set(
        re.findall(r"^\| (`\w+` \| `\w+`) \|", page, re.MULTILINE)
    )


def test_no_page_names_a_variable_that_is_none():
    assert set(re.findall(r"\bPAYMENTOPTIONS_\w+", ALL)) == set(settings._VARIABLES.values())


def commands(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every subcommand with its words, those within groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{before}{name}", command


def options() -> Iterator[tuple[str, str]]:
    for name, command in commands():
        for parameter in command.params:
            is_argument = isinstance(parameter, click.Argument)
            yield name, parameter.human_readable_name if is_argument else parameter.opts[0]


@pytest.mark.parametrize(("command", "option"), [*options()])
def test_every_option_of_a_command_is_told_of(command: str, option: str):
    [told] = [text for text in GUIDES.values() if f"| Option of `paymentoptions {command}` |" in text]
    assert re.search(rf"^\| `{option}` \|", told, re.MULTILINE)


def test_every_fault_and_endpoint_is_told_of():
    told = set(re.findall(r"`(\w+)`", GUIDES["sandbox.md"]))
    assert {*faults.ENDPOINTS, *faults.REQUEST_FAULTS, *faults.CALLBACK_FAULTS} <= told


EXCEPTIONS = [
    name
    for name in paymentoptions_async.__all__
    if inspect.isclass(found := getattr(paymentoptions_async, name)) and issubclass(found, Exception)
]


@pytest.mark.parametrize("name", sorted({*EXCEPTIONS} - {"PaymentOptionsError", "MayBeCalledAgain"}))
def test_every_exception_has_its_line_with_what_to_do(name: str):
    assert re.search(rf"^\| `{name}`[^|]* \| [^|]+ \| [^|]+ \|$", GUIDES["errors.md"], re.MULTILINE)


CLASSES = {
    "approved": {Outcome.APPROVED},
    "partial": {Outcome.PARTIAL},
    "pending": {Outcome.PENDING},
    "unclear": {Outcome.UNKNOWN},
    "seen before": {Outcome.DUPLICATE},
    "verification only": {Outcome.VERIFICATION_ONLY},
}


def codes_of(label: str) -> set[int]:
    row = re.search(rf"^\| {label} \| ([^|]+) \|", GUIDES["statuses.md"], re.MULTILINE)
    assert row is not None
    found: set[int] = set()
    for first, last in re.findall(r"(?<![\d-])(-?\d+)(?:-(\d+))?", row[1]):
        found |= set(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.parametrize("label", CLASSES)
def test_the_classes_of_response_codes_are_those_of_the_code(label: str):
    assert codes_of(label) == {code for code in range(-10, 2000) if classify(code).outcome in CLASSES[label]}


def test_the_codes_that_may_be_tried_later_are_those_of_the_code():
    may_help = {code for code in range(-10, 2000) if classify(code).new_attempt_may_help}
    assert codes_of("declined, may help later") == may_help


def test_the_reasons_are_those_of_their_codes():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([\d,; ]+) \|", GUIDES["statuses.md"], re.MULTILINE)
    assert len(rows) > 5
    for reasons, codes in rows:
        named = re.findall(r"`(\w+)`", reasons)
        assert {classify(int(code)).reason for code in re.findall(r"\d+", codes)} == set(named)
