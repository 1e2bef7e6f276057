# `make` lists the targets. Python >= 3.11 and make are enough; uv is used where it is there.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Another Python than the first suitable one: make setup PYTHON=python3.13
PYTHON ?=
WORKERS ?= 2
export DG_CLI_CONFIG := $(CURDIR)/config/dg.toml
# dg asks that the environment be the active one.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# Versions held back: DuckDB 2 changed its Python API, Dagster's storage needs SQLAlchemy 2.0.
HELD_BACK := duckdb==1.5.5 sqlalchemy<2.1

.PHONY: help run report test slow lint dev bench faults identity tasks fit lock clean setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: $(STAMP) ## pull, build, publish, and print the top three models for coding
	$(BIN)/llmrec run --format table
	$(BIN)/llmrec recommend "I need a model for coding: writing and debugging Python" --topk 3 --format table --no-refresh
	@$(BIN)/llmrec report path --format table

report: $(STAMP) ## open the report of the current edition
	$(BIN)/llmrec report build --open

test: $(STAMP) ## the fast tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

slow: $(STAMP) ## the heavy tests, and a page of their results
	$(BIN)/python -m llmrec_pipeline_tests.slow --workers $(WORKERS)

lint: $(STAMP) ## style, types, Dagster definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dg check defs

dev: $(STAMP) ## Dagster's UI on this machine
	@$(BIN)/python -m llmrec_pipeline.orchestration.launch dev

bench: $(STAMP) ## every benchmark: one table, and a page of results
	$(BIN)/python -m llmrec_pipeline_tests.benchmarks

faults: $(STAMP) ## faults on purpose: one table, and a page of results
	$(BIN)/python -m llmrec_pipeline_tests.faults

tasks: $(STAMP) ## how well task types and constraints are read, on labelled texts
	$(BIN)/python -m llmrec_pipeline_tests.task_quality

fit: $(STAMP) ## fit the task model anew, after a change of config/task_texts.jsonl
	$(BIN)/python -m llmrec_pipeline_tests.task_fitting

identity: $(STAMP) ## precision and recall of the identity rules, on labelled names
	$(BIN)/python -m llmrec_pipeline_tests.identity_quality

lock: ## pin anew what requirements.lock pins (needs uv)
	printf '%s\n' $(foreach pin,$(HELD_BACK),'$(pin)') | uv pip compile pyproject.toml --all-extras \
	    --generate-hashes --no-emit-index-url --no-emit-package llmrec-pipeline --no-annotate \
	    --no-header --python-version 3.11 --universal --constraints /dev/stdin \
	    --quiet --output-file requirements.lock

clean: ## remove the environment and caches; data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup: $(STAMP) ## make .venv, or bring it up to date

# The lock's hashes are checked by either installer. Nothing is fetched to build the project itself:
# its build backend is among what the lock pins.
$(STAMP): requirements.lock pyproject.toml
	@sh .ci/setup "$(VENV)" "$(PYTHON)"
	@touch $@
