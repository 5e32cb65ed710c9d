# LeadHeat from a fresh clone: `make setup`, then `make run` (which does the setup too).
# Needs Python 3.11 or newer and make; real Kafka in tests and benchmarks needs Java 17 and Maven as well.

PYTHON ?= $(shell for one in python3.13 python3.12 python3.11 python3 python; do \
	"$$one" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null && echo "$$one" && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

PORT ?=
KAFKA_PORT ?=
GRID ?=
KAFKA ?=
REDIS ?=
DATA ?=
SHORT ?=

PEERS := build/peers-venv
PEERS_INSTALLED := $(PEERS)/.installed

CRM := build/crm-venv
CRM_INSTALLED := $(CRM)/.installed

.PHONY: help setup run test fuzz fuzz-parsers mutants lint docs pictures lock bench bench-gateway bench-delivery bench-peers bench-docs bench-state \
	bench-rolling soak faults robots nurture crm-clients sync-long clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1: \2/p' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with everything; the command is then .venv/bin/leadheat

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "LeadHeat needs Python 3.11 or newer; name one with PYTHON=" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[embedded,test]'
	touch $@

run: setup ## the demonstration; with DATA=DIR not one, but for good (PORT= KAFKA_PORT= GRID= KAFKA= REDIS=)
	@exec $(BIN)/leadheat up $(if $(DATA),--data $(DATA),--demo) $(if $(PORT),--port $(PORT)) $(if $(KAFKA_PORT),--kafka-port $(KAFKA_PORT)) \
		$(if $(GRID),--grid $(GRID)) $(if $(KAFKA),--kafka $(KAFKA)) $(if $(REDIS),--redis $(REDIS))

test: setup ## all tests that this machine can run, a process for each core up to four, and why others are skipped
	$(BIN)/pytest -n auto --maxprocesses 4 -rs

fuzz: setup ## the properties, on many times as many new examples (EFFORT=20)
	EFFORT=$(or $(EFFORT),20) $(BIN)/pytest tests/properties

fuzz-parsers: setup ## malformed requests to every parser of the gateway, by atheris (MINUTES=8, all together)
	$(BIN)/python -m tests.fuzz.run --minutes $(or $(MINUTES),8)

mutants: setup ## break the engine in every way that must be noticed, and see that it is
	$(BIN)/pytest tests/mutants -v

lint: setup ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup ## the generated pages
	$(BIN)/python -m deploy.settings_doc > docs/settings.md
	$(BIN)/python -m deploy.grafana.dashboard > deploy/grafana/dashboards/leadheat.json

pictures: setup ## the README's pictures, from a demonstration (needs a Chromium)
	$(BIN)/python -m tests.e2e.pictures

lock: setup ## pin what is installed now
	$(BIN)/python -m pip list --format=freeze --exclude-editable --exclude pip --exclude setuptools > requirements.lock

bench: setup ## measure the scoring core, quickly
	$(BIN)/python -m tests.benchmarks.bench_core

bench-gateway: setup ## single events over HTTP beside a bare server, and overload (real Kafka)
	$(BIN)/python -m tests.benchmarks.bench_gateway $(if $(SHORT),--short)

bench-delivery: setup ## from an event to webhook, Slack, Teams and mail; from an alert, beside a destination that hangs (SHORT=1)
	$(BIN)/python -m tests.benchmarks.bench_delivery $(if $(SHORT),--short)

bench-state: setup ## a million leads: memory, recovery, cost of an event (real Kafka)
	$(BIN)/python -m tests.benchmarks.bench_state

bench-rolling: setup ## restart three workers one by one under load: the longest standstill of a partition (real Kafka)
	$(BIN)/python -m tests.benchmarks.bench_rolling

$(PEERS_INSTALLED): pyproject.toml tests/benchmarks/requirements.txt
	@test -n "$(PYTHON)" || { echo "LeadHeat needs Python 3.11 or newer; name one with PYTHON=" >&2; exit 1; }
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --constraint tests/benchmarks/requirements.txt \
		--requirement tests/benchmarks/requirements.txt --editable .
	touch $@

bench-peers: $(PEERS_INSTALLED) ## measure beside other engines, growth, latency: half an hour (SHORT=1: five minutes)
	@for one in peers growth profile latency; do \
		$(PEERS)/bin/python -m tests.benchmarks.bench_$$one $(if $(SHORT),--short) || exit 1; done

bench-docs: $(PEERS_INSTALLED) ## docs/benchmarks.md and its plots, from what bench-peers measured
	$(PEERS)/bin/python -m tests.benchmarks.page

soak: setup ## hours of load on leadheat up, watching memory and lag (HOURS= RATE=)
	$(BIN)/python -m tests.benchmarks.soak $(if $(HOURS),--hours $(HOURS)) $(if $(RATE),--rate $(RATE))

faults: setup ## kill, pause and cut things, minutes each; check every score (SIZE=short|long|soak SEED= ONLY=f1)
	LEADHEAT_FAULTS=$(or $(SIZE),long) $(if $(SEED),LEADHEAT_FAULTS_SEED=$(SEED)) \
		$(BIN)/pytest -s tests/faults $(if $(ONLY),-k test_$(ONLY)_)

$(CRM_INSTALLED): pyproject.toml
	test -x $(CRM)/bin/python || $(PYTHON) -m venv $(CRM)
	$(CRM)/bin/python -m pip install --quiet --constraint requirements.lock --editable '.[embedded,test]' \
		PowerPlatform-Dataverse-Client==1.1.0
	touch $@

crm-clients: $(CRM_INSTALLED) ## Microsoft's own client against our stand-in (brings pandas: 190 MB)
	$(CRM)/bin/pytest -p no:hypothesispytest tests/sync/clients

sync-long: setup ## every CRM's connector with 10,000 leads (LEADS=); five CRMs on a real Kafka, sync killed 20 times (KILLS=10)
	LEADHEAT_SYNC_LEADS=$(or $(LEADS),10000) LEADHEAT_SYNC_KILLS=$(or $(KILLS),10) \
		$(BIN)/pytest tests/sync -k "thousand or killed_while"

robots: setup ## how well robots are told from people, on the labelled traces
	$(BIN)/python -m tests.robots.figures

nurture: setup ## play the sample sequences for LEADS=1000 over four virtual weeks, against a real mail server
	$(BIN)/python -m tests.nurture_play --leads $(or $(LEADS),1000) 2>/dev/null

clean: ## remove what make and tests made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
