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
.PHONY: help demo console samples training docs wheelhouse test check bench format clean

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
	@$(BIN)/pip install --quiet --editable '.[train,synthetic,service,zmq,video,openvino,screening,fleet,test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.check: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[service,zmq,screening,test,check]'
	@touch $@ $(VENV)/.demo

samples: $(VENV)/.demo ## Screen the sample parcels without a window; annotated pictures go to runs/demo
	@$(BIN)/parcelsight screen datasets/samples --save runs/demo; status=$$?; \
	 test $$status -eq 0 || test $$status -eq 3 || exit $$status; \
	 echo "Annotated pictures: $(CURDIR)/runs/demo"

$(VENV)/.console: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for the console (about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[screening,service]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.console ## Open the screening console with a virtual scanner; Ctrl-C ends it
	@$(BIN)/parcelsight console --demo --open

console: demo

$(VENV)/.training: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) for training (a few minutes, about 6 GB) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[train,synthetic]'
	@touch $@ $(VENV)/.demo

training: $(VENV)/.training ## Set up what training needs: torch, the virtual scanner
	@echo "Ready: . $(BIN)/activate, then parcelsight train --help"

$(VENV)/.docs: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/.demo

docs: $(VENV)/.docs ## Build the documentation into site/, to be read without a network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "Open $(CURDIR)/site/index.html"

EXTRAS ?= service,zmq,screening
wheelhouse: ## Collect wheels of ParcelSight and all it needs (EXTRAS=…) for machines without a network
	@rm -rf wheelhouse build && mkdir wheelhouse
	@$(PYTHON) -m venv wheelhouse/.venv
	@wheelhouse/.venv/bin/pip wheel --quiet --wheel-dir wheelhouse '.[$(EXTRAS)]'
	@rm -rf wheelhouse/.venv build && cp constraints.txt wheelhouse/
	@cd wheelhouse && sha256sum * > SHA256SUMS
	@echo "$(CURDIR)/wheelhouse: $$(ls wheelhouse/*.whl | wc -l) wheels, $$(du -sh wheelhouse | cut -f1)"

# Each file's tests stay in one process: files share servers, browsers and rendered sets.
TEST_PROCESSES ?= 2
test: $(VENV)/.test ## Run the tests, in TEST_PROCESSES processes
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

check: $(VENV)/.check ## Lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.test ## Measure: ratios within one run
	@for name in $(BENCHMARKS); do echo "== $$name"; PYTHONSAFEPATH= $(BIN)/python -m benchmarks.$$name || exit 1; done

format: $(VENV)/.check ## Format and sort imports
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format --quiet .

clean: ## Remove what the targets made, except runs/
	@rm -rf $(VENV) site wheelhouse build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
