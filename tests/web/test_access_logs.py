"""Tokens in access logs, as each server writes them."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import AccessFormatter

from paymentoptions_async.redirects import Purpose, Signer, make_urls
from paymentoptions_async.web import mask_access_logs
from paymentoptions_async.web.access_logs import LOGGERS, mask

SIGNER = Signer(("a signing secret of the tests",), "JP00000001", "sandbox")
REF = "PO7V3H3UM6I7FYDRVZB7JKQOQHL33FBFI3"
TOKEN = SIGNER.token(REF, Purpose.WEBHOOK)
PATH = f"/pay/webhook/{REF}/{TOKEN}"
SHOWN = f"/pay/webhook/{REF}/***"


class Atoms(dict[str, str]):
    """As gunicorn's and hypercorn's: made from a request, and with an answer to every name."""

    def __init__(self, request: str, status: str) -> None:
        super().__init__({"r": request, "s": status, "{referer}i": f"https://shop.example{PATH}"})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower()) if name.lower() in self else "-"


@pytest.fixture
def records(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    """What passes through a logger."""
    kept: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    handler = Keeping()
    loggers = [logging.getLogger(name) for name in (*LOGGERS, "our.own.access")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    mask_access_logs("our.own.access")
    yield kept
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (PATH, SHOWN),
        (PATH + "/", SHOWN + "/"),
        (PATH + "?a=b", SHOWN + "?a=b"),
        (PATH.replace("/", "%2F"), SHOWN.replace("/", "%2F")),
        (f"GET {PATH} HTTP/1.1", f"GET {SHOWN} HTTP/1.1"),
        (f'"{PATH}"', f'"{SHOWN}"'),
        (f"/webhook//{REF}//{TOKEN}", f"/webhook//{REF}//***"),
        (f"/return/success/{REF}/{TOKEN}", f"/return/success/{REF}/***"),
        (
            f"/return/decline/{REF}/{TOKEN} /return/cancel/{REF}/{TOKEN}",
            f"/return/decline/{REF}/*** /return/cancel/{REF}/***",
        ),
        ("/orders/cancel/1042/now", "/orders/cancel/1042/now"),
        ("/webhooks/a/b", "/webhooks/a/b"),
        ("/webhook/alone", "/webhook/alone"),
    ],
)
def test_only_the_token_is_masked(path, shown):
    assert mask(path) == shown


def test_every_url_that_is_made_is_masked():
    urls = make_urls("https://shop.example/pay", REF, SIGNER, now=1.8e9, with_cancel=True)
    for url in (urls.webhook_url, urls.success_url, urls.decline_url, urls.cancel_url):
        assert url is not None
        assert url.rpartition("/")[2] not in mask(url)


def test_percent_encoded_tokens_are_masked():
    assert mask("/webhook/" + REF + "/%41%42%2Dxyz") == f"/webhook/{REF}/***"


def test_uvicorns_own_formatter_still_takes_its_arguments_apart(records):
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "POST", PATH, "1.1", 200)
    formatter = AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s', use_colors=False)
    assert formatter.format(records[0]) == f'127.0.0.1:1 "POST {SHOWN} HTTP/1.1" 200 OK'


@pytest.mark.parametrize("server", ["gunicorn.access", "hypercorn.access"])
def test_atoms_stay_what_they_are(records, server):
    atoms = Atoms(f"POST {PATH} HTTP/1.1", "200")
    logging.getLogger(server).info('%(r)s %(s)s "%({Referer}i)s" %(unheard-of)s', atoms)
    assert records[0].getMessage() == f'POST {SHOWN} HTTP/1.1 200 "https://shop.example{SHOWN}" -'
    assert atoms["r"] == f"POST {PATH} HTTP/1.1"


def test_fields_that_aiohttp_puts_on_the_record_are_masked(records):
    line = f"POST {PATH} HTTP/1.1"
    extra: dict[str, Any] = {"first_request_line": line, "request_header": {"Referer": PATH}, "response_status": 200}
    logging.getLogger("aiohttp.access").info(line, extra=extra)
    [record] = records
    assert record.getMessage() == f"POST {SHOWN} HTTP/1.1"
    assert TOKEN not in str(vars(record))
    assert vars(record)["response_status"] == 200


@pytest.mark.parametrize("name", ["django.server", "django.request", "our.own.access"])
def test_plain_arguments_are_masked(records, name):
    logging.getLogger(name).warning('"%s" %s %s', f"POST {PATH} HTTP/1.1", "404", 0)
    assert records[0].getMessage() == f'"POST {SHOWN} HTTP/1.1" 404 0'


def test_asking_for_it_again_changes_nothing():
    for _ in range(3):
        mask_access_logs()
    for name in LOGGERS:
        assert [type(one).__name__ for one in logging.getLogger(name).filters] == ["_Masking"]


def test_a_server_may_configure_logging_after_the_routes_are_made(records):
    loggers = [logging.getLogger(name) for name in LOGGING_CONFIG["loggers"]]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        logging.config.dictConfig(LOGGING_CONFIG)
        access = logging.getLogger("uvicorn.access")
        record = access.makeRecord(access.name, logging.INFO, "", 0, "%s", (PATH,), None)
        assert access.filter(record)
        assert record.getMessage() == SHOWN
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(level)
