"""The secrets that a document's operations ask for, as the arguments of the generated client."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .merge import Json, SpecError


@dataclass(frozen=True)
class Secret:
    """One argument of the generated client, and the header it ends up in."""

    argument: str
    kind: str
    header: str
    description: str


def render_security(document: Json) -> str:
    """Give the template that tells the client's template of the secrets, and of the choices among them."""
    schemes: dict[str, Json] = document["components"]["securitySchemes"]
    secrets = {name: secrets_of(name, scheme) for name, scheme in sorted(schemes.items())}
    choices = sorted(
        {tuple(sorted(secret.argument for name in entry for secret in secrets[name])) for entry in _entries(document)}
    )
    every = [asdict(secret) for scheme in secrets.values() for secret in scheme]
    return (
        "{# Written by the build from the document's securitySchemes. #}\n"
        f"{{% set secrets = {json.dumps(every)} %}}\n{{% set choices = {json.dumps(choices)} %}}\n"
    )


def secrets_of(name: str, scheme: Json) -> list[Secret]:
    """Give the client's arguments for one security scheme."""
    description = scheme.get("description", name)
    match scheme:
        case {"type": "apiKey", "in": "header", "name": header}:
            argument = header.lower().replace("-", "_")
            return [Secret(argument, "header", header, f"value of the header {header}. {description}")]
        case {"type": "http", "scheme": "bearer"}:
            return [Secret("token", "bearer", "Authorization", description)]
        case {"type": "http", "scheme": "basic"}:
            return [
                Secret("username", "user", "Authorization", f"user name for HTTP Basic. {description}"),
                Secret("password", "password", "Authorization", f"password for HTTP Basic. {description}"),
            ]
        case _:
            raise SpecError(f"security scheme {name}: the generated client knows no such kind")


def _entries(document: Json) -> list[Json]:
    entries = [
        entry
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for entry in operation.get("security", [])
    ]
    if not entries:
        raise SpecError("no operation says how it is secured")
    return entries
