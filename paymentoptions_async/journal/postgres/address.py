"""Where the database is, from its URL. Pure. Names and passwords in it are never shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from paymentoptions_async.errors import ConfigurationError

DEFAULT_SCHEMA = "paymentoptions"

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_WRITABLE = ("any", "primary", "read-write")
"""What libpq calls servers that may be written; the journal finds a writable one whatever is said."""


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """The hosts to try in turn, the schema, and how both are called where people read.

    The URLs hold the password, so they are kept where nothing that lists attributes finds them: this is among the
    locals of many a traceback.
    """

    schema: str
    hosts: tuple[str, ...]
    shown: str
    reveal: Callable[[int], str]
    """The URL of one host, by its place in ``hosts``."""

    def __repr__(self) -> str:
        return f"<Address {self.shown}>"


def read_address(url: str) -> Address:
    """Read ``postgresql://user:password@host:port,host:port/database?journal_schema=paymentoptions``.

    The query may hold what libpq knows (``host``, ``port``, ``sslmode``, ``sslrootcert``, ``passfile``, …). Raises
    `ConfigurationError`, without a word of what was given.
    """
    parts = _split(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    schema = query.pop("journal_schema", DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise ConfigurationError(
            "journal: journal_schema is the name of a schema: small letters, digits and _, at most 40, no digit first"
        )
    if query.pop("target_session_attrs", "any") not in _WRITABLE:
        raise ConfigurationError("journal: target_session_attrs is read-write, primary or any; a journal is written")
    urls = _one_for_each_host(parts, query)
    hosts = tuple(_host_of(one) for one in urls)
    where = f"{','.join(hosts)}{unquote(parts.path)}"
    return Address(schema, hosts, f"postgresql://{where} (schema {schema})", urls.__getitem__)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None  # its message may show a part of the password
    if parts is None or parts.scheme not in ("postgresql", "postgres"):
        raise ConfigurationError("journal: a PostgreSQL URL is postgresql://user:password@host:port/database")
    if url.count("@") > ("@" in parts.netloc):  # else a part of the password could be taken for a host, and be shown
        raise ConfigurationError("journal: write @ as %40 in the URL's user, password and query, / as %2F, ? as %3F")
    return parts


def _one_for_each_host(parts: SplitResult, query: dict[str, str]) -> Sequence[str]:
    """Asyncpg tries several hosts too, but a silent first one would use up the time for all."""
    who, at, netloc = parts.netloc.rpartition("@")
    listed = query.get("host") or netloc
    ports = query.get("port", "").split(",")
    urls = []
    for place, host in enumerate(listed.split(",")):
        port = ports[place] if len(ports) > 1 and place < len(ports) else ports[0]
        own = query | ({"host": host} if "host" in query else {}) | ({"port": port} if port else {})
        one = parts._replace(netloc=who + at + ("" if "host" in query else host), query=urlencode(own), fragment="")
        urls.append(one.geturl())
    return urls


def _host_of(url: str) -> str:
    parts = urlsplit(url)
    host = dict(parse_qsl(parts.query)).get("host") or parts.netloc.rpartition("@")[2]
    return unquote(host) or "the default host"
