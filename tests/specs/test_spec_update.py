"""Taking in a new vendor page is one command that either succeeds, or leaves everything as it was and says why."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import spec_update
from specbuild.build import as_text, build_document

ROOT = Path(__file__).parents[2]
PAYMENT = "/api/v1/server-to-server-interface/payment"


class Project:
    """A copy of the specifications, with recorded steps in place of the generator and the tests."""

    def __init__(self, root):
        self.root = root
        self.generator_works = True
        self.tests_pass = True
        self.build = build_document
        self.steps = []

    def page(self, name="paymentoptions/purchase"):
        return self.root / "openapi" / f"{name}.json"

    def read(self, name="paymentoptions/purchase"):
        return json.loads(self.page(name).read_text(encoding="utf-8"))

    def changed(self, change, name="paymentoptions/purchase", file="purchase.json"):
        """Write a new version of a page as the vendor may send it, and return the file."""
        document = self.read(name)
        document.pop("x-provenance", None)
        change(document)
        path = self.root / file
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def regenerate(self, root):
        self.steps.append("generate")
        (root / "generated" / "client.py").write_text("half written")
        (root / "openapi" / "paymentoptions.json").write_text("half written")
        if self.generator_works:
            text = as_text(self.build("paymentoptions", openapi=root / "openapi"))
            (root / "openapi" / "paymentoptions.json").write_text(text, encoding="utf-8")
            (root / "generated" / "client.py").write_text("new client")
        return self.generator_works

    def contract_tests(self, root):
        self.steps.append("test")
        return self.tests_pass

    def run(self, *arguments):
        steps = {"regenerate": self.regenerate, "contract_tests": self.contract_tests}
        return spec_update.main([str(argument) for argument in arguments], root=self.root, **steps)

    def state(self):
        """The content of everything that an update may change."""
        files = [*(self.root / "openapi").rglob("*"), *(self.root / "generated").rglob("*")]
        return {file: file.read_bytes() for file in files if file.is_file()}


@pytest.fixture
def real_build():
    """Ask for it where what is built matters; a build takes a second."""


@pytest.fixture
def project(tmp_path, request, monkeypatch):
    copied = Project(tmp_path)
    if "real_build" not in request.fixturenames:
        monkeypatch.setattr(copied, "build", lambda api, openapi: {"built": api})
        monkeypatch.setattr(spec_update, "build_document", copied.build)
    shutil.copytree(ROOT / "openapi", tmp_path / "openapi")
    (tmp_path / "generated" / "sub").mkdir(parents=True)
    (tmp_path / "generated" / "client.py").write_text("old client")
    (tmp_path / "generated" / "sub" / "model.py").write_text("old model")
    return copied


def body(document, path=PAYMENT):
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def add_field(document):
    body(document)["properties"]["invoice_no"] = {"type": "string", "maxLength": 20}


def test_a_new_page_goes_in_and_through_to_the_built_document(real_build, project, capsys):
    assert project.run(project.changed(add_field)) == 0
    assert body(project.read())["properties"]["invoice_no"]["maxLength"] == 20
    built = project.read("paymentoptions")["components"]["schemas"]["PurchaseRequest"]["properties"]
    assert "invoice_no" in built
    assert (project.root / "generated" / "client.py").read_text() == "new client"
    assert project.steps == ["generate", "test"]
    assert "invoice_no: added" in capsys.readouterr().out


def test_breaking_changes_are_printed_first(project, capsys):
    def change(document):
        add_field(document)
        body(document)["required"].append("merchant_txn_ref")

    assert project.run(project.changed(change)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "What changes in paymentoptions/purchase.json:"
    assert lines[1] == f"BREAKING  POST {PAYMENT}, request, merchant_txn_ref: now required"
    assert lines[2] == f"HARMLESS  POST {PAYMENT}, request, invoice_no: added"


def test_the_file_is_stored_as_all_pages_are(project):
    project.run(project.changed(add_field))
    text = project.page().read_text(encoding="utf-8")
    assert text == as_text(json.loads(text))
    assert "\N{RIGHT SINGLE QUOTATION MARK}" in text, "non-ASCII stays as it is"


def test_the_same_page_again_does_nothing(project, capsys):
    before = project.state()
    assert project.run(project.changed(lambda document: None)) == 0
    assert project.state() == before
    assert project.steps == []
    assert "the same already" in capsys.readouterr().out


def test_yaml_is_taken_too(project):
    yaml = pytest.importorskip("yaml")
    document = project.read()
    add_field(document)
    file = project.root / "purchase.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    assert project.run(file) == 0
    assert project.read() == document


def test_a_failing_generator_leaves_everything_as_it_was(project, capsys):
    project.generator_works = False
    before = project.state()
    assert project.run(project.changed(add_field)) == 1
    assert project.state() == before
    assert project.steps == ["generate"]
    assert "everything is as it was before" in capsys.readouterr().err


def test_an_interrupted_generator_leaves_everything_as_it_was(project, monkeypatch):
    def interrupted(root):
        project.generator_works = False
        Project.regenerate(project, root)
        raise KeyboardInterrupt

    monkeypatch.setattr(project, "regenerate", interrupted)
    before = project.state()
    with pytest.raises(KeyboardInterrupt):
        project.run(project.changed(add_field))
    assert project.state() == before


def test_failing_contract_tests_keep_the_page_and_say_how_to_go_back(project, capsys):
    project.tests_pass = False
    assert project.run(project.changed(add_field)) == 1
    assert "invoice_no" in body(project.read())["properties"]
    assert "git restore openapi/paymentoptions/purchase.json && make generate" in capsys.readouterr().err


def moved_and_renamed(document):
    document["paths"] = {"/nowhere": document["paths"].pop(PAYMENT)}
    document["paths"]["/nowhere"]["post"]["operationId"] = "nowhere"


REFUSED = {
    "missing": (lambda project: project.root / "missing.json", "can't be read"),
    "not JSON": (lambda project: _text(project, "purchase.json", '{"openapi": '), "neither JSON nor YAML"),
    "not OpenAPI": (lambda project: _text(project, "purchase.json", '{"a": 1}'), "not an OpenAPI 3 document"),
    "another version of OpenAPI": (
        lambda project: project.changed(lambda d: d.update(openapi="3.1.0")),
        "is OpenAPI 3.1.0, not 3.0.1",
    ),
    "not valid OpenAPI": (
        lambda project: project.changed(lambda d: d["paths"][PAYMENT]["post"].pop("responses")),
        "not valid OpenAPI",
    ),
    "with an operation that is none": (
        lambda project: project.changed(lambda d: d["paths"][PAYMENT].update(post=[])),
        "not valid OpenAPI",
    ),
    "of an unknown page": (
        lambda project: project.changed(moved_and_renamed),
        "no page has an operation of this document",
    ),
    "of one of several pages": (
        lambda project: project.changed(add_field, file="download.json"),
        "name with --page",
    ),
    "named as one page, with the operation of another": (
        lambda project: project.changed(add_field, file="capture.json"),
        "name with --page",
    ),
}


def _text(project, name, text):
    file = project.root / name
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_and_touches_nothing(project, capsys, name):
    make, reason = REFUSED[name]
    file = make(project)
    before = project.state()
    assert project.run(file) == 2
    assert project.state() == before
    assert project.steps == []
    error = capsys.readouterr().err
    assert error.startswith("Refused, and nothing was touched: ")
    assert reason in error


def test_a_page_that_the_overlays_do_not_fit_is_refused_with_what_to_do(real_build, project, capsys):
    def change(document):
        schema = document["paths"]["/payment/sale"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        attributes = schema["properties"]["data"]["properties"]["attributes"]
        attributes["properties"]["security_code"] = attributes["properties"].pop("browser_info")

    file = project.changed(change, "corefy/cardgate-sale", "cardgate-sale.json")
    before = project.state()
    assert project.run(file) == 2
    assert project.state() == before
    captured = capsys.readouterr()
    assert "browser_info: likely renamed to security_code" in captured.out
    assert "corefy-names.json" in captured.err
    assert "correct openapi/overlays/" in captured.err


def test_the_operation_finds_the_page_whatever_the_file_is_called(project):
    def change(document):
        (item,) = document["paths"].values()
        item["get"]["summary"] = "See an invoice"

    file = project.changed(change, "corefy/payment-invoices-get", "download(1).json")
    assert project.run(file) == 0
    assert project.read("corefy/payment-invoices-get")["paths"]["/payment-invoices/{invoice_id}"]["get"]["summary"]


def test_the_steps_are_the_generator_and_the_contract_tests(monkeypatch):
    commands = []

    def run(command, *, cwd, check):
        commands.append([Path(part).name for part in command[1:]])
        return subprocess.CompletedProcess(command, len(commands) - 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert spec_update.run_generator(ROOT)
    assert not spec_update.run_contract_tests(ROOT)
    assert commands == [["generate.py"], ["-m", "pytest", "-q", "test_contract.py"]]


def test_the_page_can_be_named(project):
    file = project.changed(add_field, file="download.json")
    assert project.run(file, "--page", "paymentoptions/purchase") == 0
    assert "invoice_no" in body(project.read())["properties"]


def test_a_page_that_is_not_there_can_not_be_named(project, capsys):
    file = project.changed(add_field)
    for page in ("paymentoptions/nothing", "../README", "overlays/corefy-names"):
        assert project.run(file, "--page", page) == 2
    assert "The pages are: corefy/callback" in capsys.readouterr().err


def test_replacing_a_rebuilt_page_is_said(project, capsys):
    file = project.changed(lambda document: None, "corefy/payment-invoices-get", "payment-invoices-get.json")
    assert project.run(file) == 0
    assert "rebuilt from other sources" in capsys.readouterr().out
    assert "x-provenance" not in project.read("corefy/payment-invoices-get")
