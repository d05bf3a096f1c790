# What a newcomer runs. Everything the project needs is installed into .venv by its own files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# More than the cores: many tests wait for a rollout, not for the processor.
WORKERS ?= 4

.PHONY: help setup demo test lint types layers check live soak bench golden clean

help:
	@echo "make demo    the whole story on the embedded sandbox, in under a minute"
	@echo "make test    the tests (no cluster, no Jenkins, no network needed)"
	@echo "make check   tests, lint, types and layers: what .ci/run does before the live tests"
	@echo "make live    the tests marked live; KUBECONFIG=... names the cluster"
	@echo "make soak    the tests again with the large counts"
	@echo "make bench   the benchmarks that need no cluster"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Headway needs Python 3.11 or newer; make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/headway demo

test: setup
	@$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --dist loadgroup tests

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

layers: setup
	@$(BIN)/lint-imports --no-cache

check: test lint types layers

live: setup
	@$(BIN)/python -m pytest -q -m live --numprocesses $(WORKERS) --dist loadgroup --timeout 900 --kubeconfig "$(KUBECONFIG)" tests

soak: setup
	@$(BIN)/python -m pytest -q --numprocesses $(WORKERS) --soak --timeout 3600 tests

golden: setup
	@$(BIN)/python -m pytest -q --update-golden tests

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build report
