.PHONY: run test coverage chaos bench fuzz lint types fix docs lock clean
.DELETE_ON_ERROR:

PYTHON ?= python3
VERSION_OF := -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
TOO_OLD := 2.% 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.10
# Without PYTHON=, the Python with which .venv was made stays, unless it is gone or too old.
VERSION := $(if $(filter file,$(origin PYTHON)),$(filter-out $(TOO_OLD),$(shell .venv/bin/python $(VERSION_OF))))
VERSION := $(or $(VERSION),$(filter-out $(TOO_OLD),$(shell $(PYTHON) $(VERSION_OF))),-absent)
INTERPRETER := .venv/bin/python$(VERSION)
SECONDS ?= 60
BIN := .venv/bin

## run: set up, then start everything on this machine and keep it running
run: .venv/run-ready
	$(BIN)/split-dest demo --keep

# What needs no process but Redis, and no browser. It covers every branch of the pure rooms.
FAST_TESTS := tests/segment tests/mapping tests/split tests/config tests/test_house.py tests/web/test_openapi_fuzzed.py split_dest workers
# The others: many of them wait, so more at once than there are cores. Schemathesis alone takes a second of each process.
OTHER_TESTS := -p no:schemathesis $(addprefix --ignore=,$(FAST_TESTS))

## test: set up, then every test; FAST=1: what needs no process but Redis, within a minute
test: .venv/dev-ready $(if $(FAST),,.venv/sdks-ready)
	$(BIN)/pytest -n auto --cov --cov-config=tests/pure_rooms.coveragerc $(FAST_TESTS)
ifndef FAST
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not alone" $(OTHER_TESTS)
	$(BIN)/pytest -m alone $(OTHER_TESTS)
endif

## coverage: every test with branch coverage, that of processes too; takes twice the time of test
coverage: .venv/dev-ready .venv/sdks-ready
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/coverage run -m pytest -m alone
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=92

HOURS ?= 0

## chaos: break everything that can break, in the long form, again for HOURS if given; writes docs/proof.md
chaos: .venv/dev-ready
	$(BIN)/python -m tests.chaos --hours $(HOURS) --report docs/proof.md

## bench: measure the service beside what it is compared with; writes docs/speed.md; SHORT=1: in one to three minutes, only printed
bench: .venv/dev-ready
	$(BIN)/python -m benchmarks $(if $(SHORT),--short,--report docs/speed.md)

## lint: style, simple security rules, and known vulnerabilities of the locked packages where their index can be reached
lint: .venv/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@.ci/audit

## types: mypy in strict mode
types: .venv/dev-ready
	$(BIN)/mypy

## fuzz: what must hold for any bytes, SECONDS (60) a target, then laws with a thousand examples each, then the endpoints against their OpenAPI document
fuzz: .venv/dev-ready
	for target in body message mapping settings answers; do \
	  $(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; \
	done
	HYPOTHESIS_PROFILE=long $(BIN)/pytest --quiet --timeout 0 -n auto tests/segment tests/mapping tests/split tests/outlets tests/config
	OPENAPI_EXAMPLES=$(SECONDS) $(BIN)/pytest --quiet --timeout 0 tests/web/test_openapi_fuzzed.py

## fix: what ruff can fix automatically
fix: .venv/dev-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## docs: make the reference of the settings and their JSON Schema from the code
docs: .venv/dev-ready
	$(BIN)/python -m split_dest.config.reference > docs/settings.md
	$(BIN)/split-dest schema > config/settings.schema.json

## lock: resolve setup.cfg again into the two locked lists; what runs is what was tested
lock: .venv/dev-ready
	$(BIN)/uv pip compile --universal --generate-hashes --no-strip-extras --python-version 3.11 --upgrade --quiet setup.cfg --extra build --extra dev -o requirements-dev.txt
	$(BIN)/uv pip compile --universal --generate-hashes --no-strip-extras --python-version 3.11 --quiet setup.cfg --extra build -c requirements-dev.txt -o requirements.txt

clean:
	rm -rf tests/sdks/node_modules .venv var *.egg-info .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INTERPRETER):
	@bash .ci/prepare $(PYTHON)
	rm -rf .venv
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/run-ready: requirements.txt setup.cfg setup.py $(INTERPRETER)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev-ready: requirements-dev.txt .venv/run-ready
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

# Segment's SDKs for Node and browsers; where npm is not there, their tests are left out.
.venv/sdks-ready: tests/sdks/package-lock.json tests/sdks/package.json $(INTERPRETER)
	if command -v npm >/dev/null; then npm ci --ignore-scripts --loglevel=error --prefix tests/sdks >/dev/null && touch $@; fi
