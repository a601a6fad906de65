# Every target sets up .venv by itself. Needed: make, Python 3.11 or newer, and a package registry that pip knows.
# PYTHON=… picks the interpreter, ARGS=… goes to pytest, or to the campaign.

.DEFAULT_GOAL := help
.PHONY: help demo shop test chaos crosscheck lint types floors wheel generate check-generated spec-update docs bench clean demo-setup shop-setup dev-setup

export PYTHON
RUN := .venv/bin/python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: demo-setup ## Take payments through the facade against the sandbox, step by step
	@$(RUN) examples/demo.py

shop: shop-setup ## Run the example shop with a sandbox as its bank, to buy things in a browser
	@$(RUN) -m examples.shop

test: dev-setup ## Run all tests (ARGS="tests/unit -k money" for some)
	@$(RUN) -m pytest -q -n auto --maxprocesses 4 --dist worksteal $(ARGS)

chaos: dev-setup ## Charge a bank in bad weather, and hold its books against the journal (ARGS="--seed 7 --payments 1000", --help)
	@$(RUN) -m tests.chaos $(ARGS)

crosscheck: dev-setup ## Hold the sandbox against schemathesis, and the client against the mock server Prism
	@$(RUN) scripts/setup_crosscheck.py
	@$(RUN) -m pytest -q -n 2 --dist loadgroup tests/crosscheck $(ARGS)

lint: dev-setup ## Check style and formatting
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

types: dev-setup ## Check types, strictly
	@$(RUN) -m mypy

floors: dev-setup ## Check which module may import which
	@.venv/bin/lint-imports --no-logo --cache-dir .cache/import-linter

wheel: dev-setup ## Build the wheel and try it in a clean environment
	@$(RUN) scripts/check_wheel.py

generate: dev-setup ## Build openapi/*.json and the generated clients
	@$(RUN) scripts/generate.py

check-generated: dev-setup ## Fail if openapi/*.json or a generated client is not what `make generate` makes
	@$(RUN) scripts/generate.py --check

spec-update: dev-setup ## Take in a new vendor file: make spec-update FILE=purchase.json
	@test -n "$(FILE)" || { echo 'Which file? make spec-update FILE=path/to/purchase.json' >&2; exit 2; }
	@$(RUN) scripts/spec_update.py "$(FILE)" $(if $(PAGE),--page "$(PAGE)")

docs: dev-setup ## Build the documentation into docs/_build/html; a warning fails it
	@$(RUN) -m sphinx --fail-on-warning --keep-going --quiet --builder html docs docs/_build/html
	@echo 'Open docs/_build/html/index.html'

bench: dev-setup ## Measure import time, CPU per call beside other clients, what journals cost, and reconciliations
	@$(RUN) -m benchmarks.run

clean: ## Remove what was set up and built; nothing under version control
	@rm -rf .venv .venv-generator .cache build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

demo-setup:
	@scripts/setup_venv.sh demo

shop-setup:
	@scripts/setup_venv.sh shop

dev-setup:
	@scripts/setup_venv.sh dev
