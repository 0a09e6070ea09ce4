# One door for people, hooks and CI: nothing is defined twice. Needs make and Python 3.11 or newer, nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
VENV ?= .venv
PYTHON ?= $(shell .ci/python oldest)
WORKERS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=
PEERS := dlt singer

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The system's certificates, as pip uses them: a company's own authority is known only there.
UV := $(BIN)/uv --native-tls

.PHONY: help setup demo test check check-style format check-newest test-lowest live bench bench-large peers bench-latency \
	bench-webhooks bench-live bench-workers soak replay crash crash-workers coverage-table trade-laws simulate mutants lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## make the virtual environment from the lock file and install the connector into it

$(STAMP): requirements.lock pyproject.toml
	@.ci/venv "$(PYTHON)" "$(VENV)"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## two reference systems, one sync between them, and what became of it
	$(BIN)/connector demo

test: setup ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

check: check-style test ## everything a change must pass: format, lint, types, import contracts, tests

check-style: setup ## format check, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check-newest: ## the tests on the newest Python that is installed here
	$(MAKE) --no-print-directory test VENV=.venv-newest PYTHON="$$(.ci/python newest)"

test-lowest: setup ## the tests on the lowest dependencies that pyproject.toml allows
	@.ci/venv "$(PYTHON)" .venv-lowest
	$(UV) pip compile --quiet --resolution lowest-direct --python-version 3.11 --all-extras \
		--no-emit-index-url --no-header --output-file .venv-lowest/requirements.txt pyproject.toml
	.venv-lowest/bin/python -m pip install --quiet -r .venv-lowest/requirements.txt
	.venv-lowest/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	.venv-lowest/bin/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

live: setup ## the tests against real systems: CONNECTOR_LIVE_SYSTEMS names the folder with the scripts that start them
	$(BIN)/python -m pytest -m live --timeout 900 $(PYTEST_ARGS) tests/live

bench: setup peers ## speed and memory of the connector beside bare loops and the tools one would pick instead
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

bench-large: setup ## one life among a million customers: its memory, and what little changes cost there
	$(BIN)/python -m benchmarks.run --only-large 1000000 $(BENCH_ARGS)

peers: $(PEERS:%=.venv-peers/%/.installed)

.venv-peers/%/.installed: benchmarks/peers/%.lock
	@.ci/venv "$(PYTHON)" ".venv-peers/$*"
	.venv-peers/$*/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

bench-latency: setup ## seconds from an edit to its arrival, at 50 edits a second for five minutes
	$(BIN)/python -m benchmarks.latency $(BENCH_ARGS)

bench-webhooks: setup ## the receiver at 500 deliveries a second for a minute, forged and repeated ones among them
	$(BIN)/python -m benchmarks.deliveries $(BENCH_ARGS)

bench-workers: setup ## eight slots of workers beside one, at 50 ms a call, and a rate that four workers share
	$(BIN)/python -m benchmarks.workers $(BENCH_ARGS)

bench-live: setup ## adapters of real systems beside bare loops over the same systems' own bulk APIs
	$(BIN)/python -m benchmarks.live $(BENCH_ARGS)

soak: setup ## ten minutes of two daemons, a receiver and a sync by hand on one PostgreSQL, with faults on
	$(BIN)/python -m benchmarks.soak $(BENCH_ARGS)

replay: setup ## do what the Dockerfile says without Docker, and run the result without rights
	$(BIN)/python deploy/replay.py

crash: setup ## kill two hundred syncs on each database and hold the connector to its promises
	CONNECTOR_TEST_KILLS=$${CONNECTOR_TEST_KILLS:-200} \
		$(BIN)/python -m pytest -n $(WORKERS) --timeout 1800 $(PYTEST_ARGS) tests/test_crash.py tests/test_keeper.py

crash-workers: setup ## kill workers during a first sync of 200,000 customers and a sync of their edits
	CONNECTOR_TEST_LOAD=$${CONNECTOR_TEST_LOAD:-200000} \
		$(BIN)/python -m pytest --timeout 3600 $(PYTEST_ARGS) tests/test_workers.py

coverage-table: setup ## which passing tests prove each row of the business; fails where a row has none
	$(BIN)/python -m tests.coverage_table $(PYTEST_ARGS)

trade-laws: setup ## the laws of stock and money over LIVES long lives, with lost answers and killed syncs
	CONNECTOR_TEST_LIVES=$${LIVES:-20} CONNECTOR_TEST_STEPS=$${STEPS:-60} $(BIN)/python -m pytest -n $(WORKERS) \
		--dist load --timeout 1800 $(PYTEST_ARGS) tests/test_stock_law.py tests/test_order_to_cash.py

SEEDS ?= 200

simulate: setup ## play whole lives of the product, SEEDS of them, and hold each to every law
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(WORKERS)

mutants: setup ## plant faults in the engine, and see that the simulator finds each of them
	$(BIN)/python -m tests.simulation.mutants --jobs $(WORKERS)

lock: setup ## make the lock files anew, from the newest versions that pyproject.toml allows
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --all-extras --output-file requirements.lock pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra postgres --extra serve --extra workers --extra demo --extra build --constraint requirements.lock \
		--output-file requirements-run.lock pyproject.toml
	for peer in $(PEERS); do \
		$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" --output-file benchmarks/peers/$$peer.lock benchmarks/peers/$$peer.in; \
	done

clean: ## remove what make made here
	rm -rf $(VENV) .venv-newest .venv-lowest .venv-peers build dist *.egg-info \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
