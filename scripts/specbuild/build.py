"""The story of a document: check the pages, merge them, name the shapes, correct them, validate the result.

`build_document("paymentoptions")` builds it from the files, `load_document("paymentoptions")` reads it as it was
built last.
"""

from __future__ import annotations

import json
from pathlib import Path

from openapi_spec_validator import OpenAPIV30SpecValidator

from .merge import Conflict, Json, Place, SpecError, as_path, merge_pages
from .overlay import Overlay, apply_overlay, parse_overlay
from .shapes import lift_webhooks, name_shapes, wrap_references

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "openapi"
APIS = ("corefy", "paymentoptions")
PROVENANCE_KINDS = ("verbatim", "reconstructed", "inferred")


def build_document(api: str, *, openapi: Path = OPENAPI) -> Json:
    """Build the document of one gateway from `openapi/<api>/*.json` and the overlays for it.

    Raises SpecError, naming file and place, for a page out of form, an undecided conflict, an overlay
    action that matches or changes nothing, and a result that is not valid OpenAPI.
    """
    pages = load_pages(api, openapi=openapi)
    overlays = load_overlays(api, openapi=openapi)
    document, conflicts = merge_pages(pages)
    document, written = _apply_stage(document, overlays, "merged")
    _refuse_undecided(conflicts, written)
    document = lift_webhooks(name_shapes(document))
    document, _ = _apply_stage(document, overlays, "named")
    document = wrap_references(document)
    _validate(api, document)
    return document


def load_document(api: str, *, openapi: Path = OPENAPI) -> Json:
    """Read the built document of one gateway."""
    return read_json(openapi / f"{api}.json")


def load_pages(api: str, *, openapi: Path = OPENAPI) -> dict[str, Json]:
    """Read and check the vendor pages of one gateway, by file name, those in the vendor's own words last.

    So what the built document says is in our words wherever there are any.
    """
    pages = {f"{api}/{path.name}": read_json(path) for path in sorted((openapi / api).glob("*.json"))}
    if not pages:
        raise SpecError(f"{openapi / api}: holds no vendor page")
    for name, page in pages.items():
        check_page(name, page)
    return dict(sorted(pages.items(), key=lambda item: (provenance_of(item[1]) == "verbatim", item[0])))


def check_page(name: str, page: Json) -> None:
    """Refuse a page that is not in the form that openapi/README.md fixes."""
    for key in ("openapi", "info", "paths", "components"):
        if key not in page:
            raise SpecError(f"{name}: lacks {key}")
    if page["openapi"] != "3.0.1":
        raise SpecError(f"{name}: is OpenAPI {page['openapi']}, not 3.0.1")
    if "schemas" in page["components"]:
        raise SpecError(f"{name}: has components.schemas; shapes stand inline and are named by an overlay")
    for place, provenance in _provenances(page, ()):
        if provenance.get("kind") not in PROVENANCE_KINDS or not provenance.get("source"):
            raise SpecError(f"{name}: {as_path(place)} needs a kind and a source")
    _validate(name, page)


def provenance_of(page: Json) -> str:
    """Say how sure a page is; one without a mark is the vendor's own."""
    return str(page.get("x-provenance", {}).get("kind", "verbatim"))


def load_overlays(api: str, *, openapi: Path = OPENAPI) -> list[Overlay]:
    """Read and check the overlays of one gateway, by file name."""
    paths = sorted((openapi / "overlays").glob(f"{api}*.json"))
    overlays = [parse_overlay(path.name, read_json(path)) for path in paths]
    for overlay in overlays:
        if overlay.api != api:
            raise SpecError(f"{overlay.name}: x-api is {overlay.api!r}, the file's name says {api!r}")
    return overlays


def read_json(path: Path) -> Json:
    """Read a JSON file; SpecError names it when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error


def as_text(document: Json) -> str:
    """Write a document the way all JSON files here are written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _apply_stage(document: Json, overlays: list[Overlay], stage: str) -> tuple[Json, set[Place]]:
    written: set[Place] = set()
    for overlay in overlays:
        if overlay.stage == stage:
            document, places = apply_overlay(document, overlay)
            written |= places
    return document, written


def _refuse_undecided(conflicts: list[Conflict], written: set[Place]) -> None:
    undecided = [c for c in conflicts if not any(c.place[:end] in written for end in range(len(c.place) + 1))]
    if undecided:
        raise SpecError("pages contradict each other, and no overlay decides:\n" + "\n".join(map(str, undecided)))


def _provenances(node: Json, place: Place) -> list[tuple[Place, Json]]:
    if isinstance(node, list):
        return [found for index, item in enumerate(node) for found in _provenances(item, (*place, index))]
    if not isinstance(node, dict):
        return []
    own = [(place, node["x-provenance"])] if "x-provenance" in node else []
    return own + [found for key, value in node.items() for found in _provenances(value, (*place, key))]


def _validate(name: str, document: Json) -> None:
    errors = [
        f"{as_path(tuple(error.absolute_path))}: {error.message[:300]}"
        for error in OpenAPIV30SpecValidator(document).iter_errors()
    ]
    if errors:
        raise SpecError(f"{name} is not valid OpenAPI 3.0:\n" + "\n".join(errors))
