# Every target sets up what it needs: a fresh machine wants only Python (3.11 or newer), make and a C++ compiler.

PYTHON    ?= python3
WAREHOUSE ?= warehouse
PLAN      ?=
MODEL     ?=
REPORT    ?= report.html
Q         ?=
REPETITIONS ?= 200

VENV     := .venv
BIN      := $(VENV)/bin
READY    := $(VENV)/.ready
SIMFRAME := $(BIN)/simframe
KERNELS  := CMakeLists.txt $(wildcard simframe/metrics/kernels/*)

.DEFAULT_GOAL := help
.PHONY: help simulate report test coverage abi sanitize lint bench sql docs clean browser setup

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "  settings: WAREHOUSE=folder  PLAN=plan.toml  MODEL=folder of a local Hugging Face model  REPORT=page.html  REPETITIONS=200"

setup: $(READY) ## make .venv with everything pinned by constraints.txt

$(READY): pyproject.toml constraints.txt $(KERNELS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "simframe needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[llm,files,copula,http,dev]'
	@touch $@

simulate: $(READY) ## import the human panel, tune, simulate every panel of the plan, evaluate (PLAN=, MODEL=)
	$(SIMFRAME) simulate $(PLAN) -w $(WAREHOUSE) $(if $(MODEL),--model $(MODEL))

report: $(READY) ## write the report of the warehouse as one HTML page (REPORT=)
	$(SIMFRAME) report -w $(WAREHOUSE) -o $(REPORT)

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n auto --dist loadfile

coverage: $(READY) ## study coverage, type I error and floors on planted truths (REPETITIONS=), write docs/coverage.md
	$(BIN)/python tests/planted/run_study.py build/coverage --repetitions $(REPETITIONS) --page docs/coverage.md

abi: $(READY) ## run the compiled library under Polars 1.32.3 and newer, in throw-away environments
	$(BIN)/python tests/metrics/abi.py

sanitize: $(READY) ## run the metrics' tests on kernels built with the address and undefined-behaviour sanitizers
	cmake -S . -B build/sanitize -DCMAKE_BUILD_TYPE=Debug -DSIMFRAME_SANITIZE=ON
	cmake --build build/sanitize
	$(BIN)/python tests/metrics/abi.py --sanitize build/sanitize/_kernels.so

lint: $(READY) ## ruff and mypy, clean or not at all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY) ## run every benchmark; each prints ratios from one run
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

sql: $(READY) ## ask the warehouse (Q="SELECT ..."), or list its views
	$(SIMFRAME) sql -w $(WAREHOUSE) $(if $(Q),'$(subst ','\'',$(Q))')

docs: $(READY) ## make docs/metrics.md again from the registry
	$(BIN)/python -m simframe.metrics.reference > docs/metrics.md

browser: ## install Debian's Chromium, for the test that opens the report in a real browser
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

clean: ## remove the default warehouse's data, reports and build files; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis report.html report.json report.md
	find warehouse -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
