# Two commands do everything: `make demo` and `make test`. Each sets up .venv with just what it needs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Pins hold for build requirements too.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONSAFEPATH := 1

BENCHMARKS := runtime_overhead latency render_speed belt_speed label_tightness path_lengths render_vs_gvxr

.DEFAULT_GOAL := help
.PHONY: help demo console test check bench format clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# A stamp a set of packages: set up once, again only when the requirements change.
$(VENV)/.demo: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for the demo (about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for training and tests (a few minutes, about 6 GB) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[train,synthetic,service,zmq,video,openvino,screening,test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.check: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[service,zmq,screening,test,check]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## Screen the sample parcels with the shipped model; pictures go to runs/demo
	@$(BIN)/parcelsight screen datasets/samples --save runs/demo; status=$$?; \
	 test $$status -eq 0 || test $$status -eq 3 || exit $$status; \
	 echo "Annotated pictures: $(CURDIR)/runs/demo"

$(VENV)/.console: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for the console (about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[screening,service]'
	@touch $@ $(VENV)/.demo

console: $(VENV)/.console ## Open the screening console with a lane that replays the sample parcels
	@$(BIN)/parcelsight console --demo --open

test: $(VENV)/.test ## Run the tests
	@$(BIN)/python -m pytest

check: $(VENV)/.check ## Lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.test ## Measure: ratios within one run
	@for name in $(BENCHMARKS); do echo "== $$name"; PYTHONSAFEPATH= $(BIN)/python -m benchmarks.$$name || exit 1; done

format: $(VENV)/.check ## Format and sort imports
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format --quiet .

clean: ## Remove what the targets made, except runs/
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
