# `make run` and `make test` are all that a fresh machine needs: python3 >= 3.11 and make.
# Both install into .venv first, and only when pyproject.toml or constraints.txt is newer than the last time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# pip reads these also for the environment in which it builds our own wheel; -c alone does not reach it.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test lint format bench soak clean
.DELETE_ON_ERROR:

help:
	@echo "make run     serve the embedded store with demo data, and say what to open"
	@echo "make test    lint, then run every lane of tests (ARGS='-k word' runs a part)"
	@echo "make lint    ruff, mypy, directions of imports, luacheck on the composed scripts"
	@echo "make format  let ruff format and mend what it can"
	@echo "make bench   measure; prints the table (ARGS='--help' for its options)"
	@echo "make soak    the random lanes with many more examples, for long"
	@echo "make clean   remove .venv and everything that was built"

run: $(VENV)/.run
	$(BIN)/dispatcher demo $(ARGS)

# A worker for each core, with servers of its own; ARGS='-n 0' runs all in one process.
test: lint
	$(BIN)/python -m pytest -n logical $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.house.luacheck

format: $(VENV)/.test
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.test
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.test
	$(BIN)/python -m pytest --hypothesis-profile=soak --timeout=0 $(or $(ARGS),tests/model)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "python3 >= 3.11 is needed; PYTHON=... names another one" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -e .
	@touch $@

# What the tests need holds what running needs.
$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -e '.[test]'
	@touch $(VENV)/.run $@
