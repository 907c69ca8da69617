# `make` is what a change must pass. Everything here runs in .venv, which the first target makes.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON := .venv/bin/python
.DEFAULT_GOAL := all
.PHONY: all environment check fix test slow golden docs bare

all: check test

environment:
	@source scripts/environment.sh; prepare_environment dev

check: environment  ## formatting, lint, types, spelling
	@source scripts/environment.sh; check_code

fix: environment  ## format, and mend what ruff can mend
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test: environment  ## the fast suite
	$(PYTHON) -m pytest -n 2

slow: environment  ## the slow tests too
	$(PYTHON) -m pytest -n 2 --run-slow

golden: environment  ## write the golden prompts anew; read the diff before you commit it
	$(PYTHON) -m promptsci test --update

docs: environment  ## run the commands that the README and docs promise
	$(PYTHON) -m pytest tests/test_docs.py

bare: environment  ## the wheel, in a fresh environment, from an empty folder
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; set -x; \
	$(PYTHON) -m build --wheel --no-isolation --outdir "$$folder/dist" .; \
	$(PYTHON) -m venv "$$folder/venv"; \
	"$$folder/venv/bin/python" -m pip install --quiet -c constraints.txt "$$folder"/dist/*.whl; \
	mkdir "$$folder/empty"; cd "$$folder/empty"; \
	"$$folder/venv/bin/promptsci" --help
