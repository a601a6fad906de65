"""Take in a new version of a vendor page: say what changes, install it, regenerate, run the contract tests.

    make spec-update FILE=purchase.json
    python scripts/spec_update.py FILE [--page paymentoptions/purchase]

FILE is the vendor's OpenAPI document, JSON or YAML. It replaces the page that has the same operation; where several
have it, the file's name decides, and else --page must say. Exit code: 0 the page is in and the contract tests pass
(or it was in already), 1 something failed after the file was found good, 2 the file is refused. Until the documents
build with the new page, nothing is touched; when generating fails, everything is put back.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from specbuild.build import APIS, as_text, build_document, check_page, provenance_of
from specbuild.merge import SpecError
from specdiff.files import NotASpecification, load
from specdiff.operations import compare, operations, same_place

ROOT = Path(__file__).resolve().parents[1]

Step = Callable[[Path], bool]  # takes the project's root, says whether it went well


class Refused(Exception):
    """The file can't become a page; says why. Nothing was touched."""


def run_generator(root: Path) -> bool:
    """Build the documents and the generated clients."""
    return subprocess.run([sys.executable, "scripts/generate.py"], cwd=root, check=False).returncode == 0


def run_contract_tests(root: Path) -> bool:
    """Hold samples, documents and generated clients against each other."""
    tests = [str(file) for file in sorted((root / "tests" / "specs").glob("test_contract*.py"))]
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=root, check=False).returncode == 0


def update(file: Path, page: str | None, *, root: Path, regenerate: Step, contract_tests: Step) -> int:
    """Replace the page that `file` is a new version of and return the exit code; raise `Refused` if it can't be."""
    document = load(file)
    _check_form(file, document)
    target = named_page(root / "openapi", page) if page else find_page(root / "openapi", file, document)
    name = f"{target.parent.name}/{target.name}"
    old = load(target)
    if document == old:
        print(f"{name} is the same already")
        return 0
    _check_build(root, target, document)

    print(f"What changes in {name}:\n{compare(old, document)}", flush=True)
    if provenance_of(old) != "verbatim":
        print("(until now this page was rebuilt from other sources, so some of it may have been so all along)")
    with _put_back_on_failure(root, target):
        target.write_text(as_text(document), encoding="utf-8")
        if not regenerate(root):
            raise _GeneratorFailed
    print(f"{name} is in, and the documents and clients are generated from it.", flush=True)
    if contract_tests(root):
        return 0
    print(
        f"The contract tests fail with the new {name}. Either follow it: correct openapi/overlays/, the samples in\n"
        f"tests/specs/samples/ and the code, then run `make generate` and the tests again. Or go back:\n"
        f"    git restore openapi/{name} && make generate",
        file=sys.stderr,
    )
    return 1


def named_page(openapi: Path, page: str) -> Path:
    """Return the file of a page called `api/name`."""
    target = openapi / (page.removesuffix(".json") + ".json")
    if target not in known_pages(openapi):
        raise Refused(f"there is no page {page}; {_listed(known_pages(openapi))}")
    return target


def find_page(openapi: Path, file: Path, document: dict[str, Any]) -> Path:
    """Return the page that the document is a new version of, by its operations and then by its file name."""
    known = known_pages(openapi)
    signs = _signs(document)
    sharing = [page for page in known if signs & _signs(load(page))]
    if not sharing:
        raise Refused(
            f"{file}: no page has an operation of this document. If the vendor moved one, name its page with --page;\n"
            f"a page that is new goes into openapi/ by hand, see openapi/README.md. {_listed(known)}"
        )
    same_name = [page for page in known if page.stem == file.stem]
    fitting = [page for page in sharing if page in same_name] if same_name else sharing
    if len(fitting) != 1:
        raise Refused(f"{file}: name with --page which page it replaces. Those in question: {_listed(sharing)}")
    return fitting[0]


def known_pages(openapi: Path) -> list[Path]:
    """Return the files of all pages."""
    return [page for api in APIS for page in sorted((openapi / api).glob("*.json"))]


def _signs(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what tells an operation: method and path, and its operationId."""
    found = {(method, same_place(path)) for method, path in operations(document)}
    return found | {("id", op["operationId"]) for op in operations(document).values() if "operationId" in op}


def _listed(pages: list[Path]) -> str:
    return "The pages are: " + ", ".join(f"{page.parent.name}/{page.stem}" for page in pages)


def _check_form(file: Path, document: dict[str, Any]) -> None:
    try:
        check_page(file.name, document)
    except SpecError as error:
        raise Refused(str(error)) from error


def _check_build(root: Path, target: Path, document: dict[str, Any]) -> None:
    """Build the gateway's document with the new page in a copy, so that a page that does not fit touches nothing."""
    api = target.parent.name
    with tempfile.TemporaryDirectory() as folder:
        openapi = Path(folder) / "openapi"
        shutil.copytree(root / "openapi", openapi)
        (openapi / api / target.name).write_text(as_text(document), encoding="utf-8")
        try:
            build_document(api, openapi=openapi)
        except SpecError as error:
            print(f"What would change in {api}/{target.name}:\n{compare(load(target), document)}", flush=True)
            raise Refused(
                f"the documents don't build with it:\n{error}\n"
                "If the page is right, correct openapi/overlays/ to follow it and run this again."
            ) from error


class _GeneratorFailed(Exception):
    """The generator refused what was built; everything is put back."""


@contextmanager
def _put_back_on_failure(root: Path, target: Path) -> Iterator[None]:
    """Keep the page, the built documents and the generated clients as they were unless all goes well."""
    built = [root / "openapi" / f"{api}.json" for api in APIS]
    before = {path: path.read_bytes() for path in [target, *built] if path.exists()}
    with tempfile.TemporaryDirectory() as folder:
        generated, kept = root / "generated", Path(folder) / "generated"
        if generated.exists():
            shutil.copytree(generated, kept)
        try:
            yield
        except BaseException:
            for path in built:
                path.unlink(missing_ok=True)
            for path, content in before.items():
                path.write_bytes(content)
            shutil.rmtree(generated, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, generated)
            raise


def main(
    arguments: list[str],
    *,
    root: Path = ROOT,
    regenerate: Step = run_generator,
    contract_tests: Step = run_contract_tests,
) -> int:
    """Read the command line, update, and turn what went wrong into words and an exit code."""
    parser = argparse.ArgumentParser(description="Take in a new version of a vendor page.")
    parser.add_argument("file", type=Path, metavar="FILE", help="the vendor's OpenAPI document, JSON or YAML")
    parser.add_argument("--page", help="the page that it replaces, as paymentoptions/purchase")
    options = parser.parse_args(arguments)
    try:
        return update(options.file, options.page, root=root, regenerate=regenerate, contract_tests=contract_tests)
    except (Refused, NotASpecification) as error:
        print(f"Refused, and nothing was touched: {error}", file=sys.stderr)
        return 2
    except _GeneratorFailed:
        print(
            "The generator failed, so everything is as it was before. Its message is above; most often a name or a\n"
            "schema must be put right by an action in openapi/overlays/. Then run this again.",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
