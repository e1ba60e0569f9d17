# `make` alone lists the targets. Set-up happens once and again only when a lock, the project file or the Python changes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two locks are never installed at once; only the halves of the tests go beside each other.
ifndef BESIDE
.NOTPARALLEL:
endif
.PHONY: help demo live up test test-parts test-whole test-all lint bench mutants lock clean

PYTHON ?= python3
GPU ?=
UV_VERSION := 0.13.9
VENV := .venv
STAMPS := $(VENV)/.stamps
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet
COMPILE := $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml

# The lock that `demo` and `up` need; one installed earlier that holds more (dev.txt) serves as well.
RUN := $(if $(GPU),gpu,run)
READY := $(STAMPS)/$(if $(GPU),gpu,$(if $(wildcard $(STAMPS)/dev),dev,run))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the whole story on the sample; GPU=1 trains on the GPU
	@$(BIN)/matins demo

live: $(READY) ## the sample as if it were now, in .live: prepared, then a delivery each night until Ctrl-C
	@$(BIN)/matins live

up: $(READY) ## Dagster and MLflow with the shipped pipeline, on this machine only
	@$(BIN)/python -m assets.up

test: $(STAMPS)/dev ## all tests but the long ones, in two processes
	@$(MAKE) --no-print-directory --jobs=2 BESIDE=1 WHICH='not slow' test-parts test-whole

test-all: $(STAMPS)/dev ## every test, likewise
	@$(MAKE) --no-print-directory --jobs=2 BESIDE=1 test-parts test-whole

test-parts: $(STAMPS)/dev
	@$(BIN)/python -m pytest tests/unit tests/contract -m '$(WHICH)'

test-whole: $(STAMPS)/dev
	@$(BIN)/python -m pytest tests/integration tests/faults -m '$(WHICH)'

lint: $(STAMPS)/dev ## ruff and mypy
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: $(STAMPS)/dev ## measure
	@$(BIN)/python -m tests.benchmarks

# Forked children must not inherit OpenMP's threads, or they wait for them for ever.
mutants: $(STAMPS)/dev ## change the gate's code, check by check: how many changes make a test fail
	@OMP_NUM_THREADS=1 OMP_THREAD_LIMIT=1 $(BIN)/mutmut run --max-children 2
	@$(BIN)/mutmut results

lock: $(STAMPS)/uv ## renew the hashed locks from pyproject.toml
	@$(COMPILE) --extra cpu --extra dagster --extra postgres --extra airflow --group dev -o requirements/dev.txt >/dev/null
	@$(COMPILE) --extra cpu --extra dagster --extra postgres -c requirements/dev.txt -o requirements/run.txt >/dev/null
	@$(COMPILE) --extra gpu --extra dagster --extra postgres -c requirements/dev.txt -o requirements/gpu.txt >/dev/null
	@$(COMPILE) --extra cpu --extra dagster --extra postgres --extra airflow -c requirements/dev.txt -o requirements/airflow.txt >/dev/null

clean: ## remove the environment and caches; the home folder with the data stays
	@rm -rf $(VENV) dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	  || { echo "Matins needs Python 3.11 to 3.13, and \`$(PYTHON)\` is none: install one, or name it with \`make PYTHON=…\`." >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) 2>/dev/null >&2 \
	  || { rm -rf $(VENV); echo "\`$(PYTHON) -m venv\` does not work here: install the system's package python3-venv." >&2; exit 1; }
	@[ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = $(UV_VERSION) ] || $(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@mkdir -p $(STAMPS) && touch $@

# One lock is installed at a time: the stamps of the others go.
$(STAMPS)/%: requirements/%.txt pyproject.toml $(STAMPS)/uv
	@echo "Setting up from $< (once)"
	@rm -f $(STAMPS)/dev $(STAMPS)/run $(STAMPS)/gpu
	@$(UV) pip sync --python $(BIN)/python --require-hashes $<
	@$(UV) pip install --python $(BIN)/python --no-deps -e .
	@$(BIN)/python -m jobs.lake.jars
	@touch $@
