"""Prism, the mock server, in a process of its own, and a relay before it that asks it for one answer or another.

The relay stands between the client and Prism, so that the client's own wire is used: it adds Prism's ``Prefer`` header,
keeps what Prism says against a request, and can put the values that were asked for into Prism's answer.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import test_utils, web

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".cache" / "crosscheck" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
SECONDS_TO_START = 120  # on a busy machine
_LISTENING = re.compile(r"Prism is listening on (http://127\.0\.0\.1:\d+)")
_HOP_BY_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}

Rewrite = Callable[[Any, Any], None]
"""Changes Prism's answer in place; the second argument is the request's body."""


def missing() -> str | None:
    """Say what is missing to run Prism, if anything."""
    if shutil.which("node") is None:
        return "Prism needs Node.js 18.20 or newer, and there is no node here"
    return None if PROGRAM.exists() else "Prism is not set up; `make crosscheck` does it where npm is"


@contextmanager
def serve(document: Path) -> Iterator[str]:
    """Serve a document by Prism on a free port of loopback; yield the base URL."""
    command = ["node", str(PROGRAM), "mock", "--host", "127.0.0.1", "--port", "0", "--seed", "1042", str(document)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        reader = _Reader(process)
        reader.start()
        try:
            yield reader.url()
        finally:
            process.terminate()
            reader.join()


class _Reader(threading.Thread):
    """Reads all that Prism says, so that it never waits for us, and finds where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(name="prism", daemon=True)
        self._process = process
        self._settled = threading.Event()
        self._url: str | None = None
        self._said: list[str] = []

    def run(self) -> None:
        """Read until Prism ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self._url is None:
                self._said.append(line)
                if listening := _LISTENING.search(line):
                    self._url = listening[1]
                    self._settled.set()
        self._settled.set()

    def url(self) -> str:
        """Wait until Prism listens and return where; AssertionError, with what it said, if it does not."""
        assert self._settled.wait(SECONDS_TO_START), f"Prism did not start in time:\n{''.join(self._said)}"
        assert self._url is not None, f"Prism did not start:\n{''.join(self._said)}"
        return self._url


@dataclass
class Relay:
    """What Prism is asked to prefer, and what it said: statuses and faults of the requests, in order."""

    prefer: str | None = None
    rewrite: Rewrite | None = None
    statuses: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    url: str = ""


@asynccontextmanager
async def relay(prism: str) -> AsyncIterator[Relay]:
    """Serve a relay to Prism on loopback."""
    told = Relay()

    async def pass_on(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        if told.prefer is not None:
            headers["Prefer"] = told.prefer
        body = await request.read()
        url = prism + request.path_qs
        async with session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as reply:
            content = await reply.read()
            told.statuses.append(reply.status)
            faults = json.loads(reply.headers.get("sl-violations", "[]"))
            told.violations += [fault["message"] for fault in faults if fault["location"][0] == "request"]
            if told.rewrite is not None:
                answer = json.loads(content)
                told.rewrite(answer, json.loads(body) if body else None)
                content = json.dumps(answer).encode()
            return web.Response(status=reply.status, body=content, content_type=reply.content_type)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", pass_on)
    async with aiohttp.ClientSession() as session, test_utils.TestServer(application, host="127.0.0.1") as server:
        told.url = str(server.make_url("")).rstrip("/")
        yield told
