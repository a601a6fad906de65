"""What `pip wheel .` packs, and whether that can be used without the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"corefy_client", "paymentoptions_async", "paymentoptions_client"}

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
for package in {packages!r}:
    root = importlib.import_module(package)
    assert root.__file__.startswith(sys.prefix), root.__file__
    for module in pkgutil.walk_packages(root.__path__, package + "."):
        importlib.import_module(module.name)
import paymentoptions_async
for name in paymentoptions_async.__all__:
    getattr(paymentoptions_async, name)
from paymentoptions_async.sandbox.document import load
assert load("paymentoptions.json")["paths"] and load("corefy.json")["paths"]
from paymentoptions_async.sandbox.pages import _environment
assert _environment().list_templates()
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, ".", cwd=ROOT)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_three_packages_and_nothing_else(files: set[str]):
    tops = {name.split("/")[0] for name in files}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES


def test_the_wheel_holds_every_module_of_the_checkout(files: set[str]):
    sources = {
        "paymentoptions_async": ROOT,
        "corefy_client": ROOT / "generated",
        "paymentoptions_client": ROOT / "generated",
    }
    missing = {
        str(path.relative_to(base))
        for package, base in sources.items()
        for path in (base / package).rglob("*")
        if path.suffix in {".py", ".html", ".sql", ".csv"}
    } - files
    assert missing == set()


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_each_package_says_that_it_is_typed(files: set[str], package: str):
    assert f"{package}/py.typed" in files


def test_the_sandbox_gets_its_documents(files: set[str]):
    assert {f"paymentoptions_async/sandbox/openapi/{name}.json" for name in ("corefy", "paymentoptions")} <= files


def test_no_test_script_or_generator_is_left_in_the_wheel(files: set[str]):
    strange = [
        name
        for name in files
        if any(word in name for word in ("test_", "conftest", "specbuild", ".jinja", "__pycache__"))
    ]
    assert strange == []


def test_the_metadata_asks_for_no_generator(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    names = {line.removeprefix("Requires-Dist: ").split("<")[0].split(">")[0] for line in needed}
    assert names == {"aiohttp", "apsw", "attrs", "httpx", "iso4217", "python-dateutil"}


def test_everything_can_be_imported_where_there_is_no_checkout(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    run(sys.executable, "-m", "zipfile", "-e", wheel, packages, cwd=tmp_path)
    # The dependencies come from the environment of the tests; its own .pth file, which names the checkout, does not.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    run(python, "-W", "error", "-c", IMPORT_EVERYTHING.format(packages=sorted(PACKAGES)), cwd=tmp_path)


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, files: set[str], tmp_path: Path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=ROOT)
    (packed,) = tmp_path.iterdir()
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / packed.name.removesuffix(".tar.gz")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=unpacked)
    with zipfile.ZipFile(tmp_path / wheel.name) as archive:
        assert set(archive.namelist()) == files
