# asm-streams: what one types. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SEED   ?= 2027

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: install
install: $(STAMP)  ## Make .venv with `asm` in it (quick the second time)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

.PHONY: tools
tools:  ## On Debian, as root: what some tests try and skip without: Chromium, Prometheus's promtool, Alertmanager
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium prometheus prometheus-alertmanager

.PHONY: demo
demo: install  ## Play a simulated performance year on a real Kafka (under two minutes)
	$(BIN)/asm demo

.PHONY: test
test: lint types imports coverage integration  ## All that CI runs: check with coverage, then tests on a real Kafka

.PHONY: check
check: install lint types imports unit  ## Lint, types, imports, and every test that needs no broker (minutes)

.PHONY: lint
lint: install  ## ruff
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

.PHONY: types
types: install  ## mypy --strict, tests too
	$(BIN)/mypy --no-error-summary

.PHONY: imports
imports: install  ## One direction: streams -> infra -> schemas -> processors
	$(BIN)/lint-imports --no-cache

.PHONY: unit
unit: install  ## Tests that need no broker
	$(BIN)/python -m pytest -q -m "not integration and not container"

.PHONY: coverage
coverage: install  ## The same tests, and 100 % of the core's statements and branches (twice as long)
	$(BIN)/python -m pytest -q -m "not integration and not container" --cov --cov-report=term

.PHONY: integration
integration: install  ## Tests on a real Kafka (ASM_KAFKA_BOOTSTRAP, or the embedded one)
	$(BIN)/python -m pytest -q -m "integration or container" -rs

.PHONY: faults
faults: install  ## The long form of the kill tests: 100,000 events, kills, freezes, lost brokers (20 minutes; FAULTS=--cluster: three brokers)
	$(BIN)/python -m tests.faults $(FAULTS)

.PHONY: outages
outages: install  ## Broker, database and disks stopped, frozen, full: all of it, also what is too long for CI (minutes)
	ASM_TEST_LONG=1 $(BIN)/python -m pytest -q -rs tests/faults/test_outages.py tests/faults/test_full_disks.py tests/integration/test_slow_databases.py

.PHONY: replay
replay: install  ## Simulate faults over 10,000 seeds (SEEDS=n); a seed that fails is printed with the command that replays it
	$(BIN)/python -m tests.replay --seeds $(or $(SEEDS),10000)

.PHONY: bench
bench: install  ## Benchmarks: asm assess over 8,600 participants, bytes of the claims in the state, an outage over the cutoff (minutes)
	$(BIN)/python -m bench.ledger
	$(BIN)/python -m bench.assess
	$(BIN)/python -m bench.outage

.PHONY: bench-engine
bench-engine: install  ## This system beside Faust, Quix Streams, Kafka Streams and a bare loop (15 minutes; BENCH="--events 1000000")
	$(BIN)/python -m bench.engine $(BENCH)

.PHONY: mutants
mutants: install  ## Change the core in 600 small ways and see whether the tests notice (half an hour, not in CI)
	$(BIN)/python -m tests.mutants --seed $(SEED)

RUNS ?= 10000000
.PHONY: fuzz
fuzz: install  ## Coverage-guided fuzzing of every decoder, ten million executions (an hour; RUNS=100000 for a look)
	$(BIN)/python -c "import atheris" 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable ".[fuzz]"
	$(BIN)/python -m tests.fuzz.long_form --runs $(RUNS)

.PHONY: format
format: install  ## Let ruff format and sort
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix-only .

.PHONY: docs
docs: install  ## Write the generated pages (docs/reasons.md)
	$(BIN)/python -m tests.house.generated

.PHONY: lock
lock: install  ## Renew requirements.lock from pyproject.toml
	$(BIN)/pip-compile --quiet --extra dev --allow-unsafe --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml

.PHONY: clean
clean:  ## Remove what was made (not the embedded broker's data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
