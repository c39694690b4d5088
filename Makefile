# Everything a person does with this repository. `make` alone lists the targets.
# Set-up happens by itself: one .venv, made by uv where it is installed, by venv and pip where not.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
DRIVERLESS := $(addprefix tests/,core contract telemetry testing threads aio/test_cancelling.py aio/test_loops.py aio/test_loop_ends.py aio/test_schedules.py)
TYPED  := src $(wildcard tests/typing)
PYTEST := $(PY) -m pytest -n 2 --dist worksteal

MORE_SERVERS := pgbouncer slapd rabbitmq-server
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)

UV := $(shell command -v uv 2>/dev/null)
ifdef UV
  make_venv = $(UV) venv --quiet --seed --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
  install   = $(UV) pip install --quiet --python $(PY)
else
  make_venv = $(PYTHON) -m venv $(VENV)
  install   = $(PY) -m pip install --quiet --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-spanner demo-sqlalchemy demo-django test test-quick test-busy test-driverless test-pythons test-spanner-versions
.PHONY: test-django test-workers proofs mutants coverage mariadb more-servers check lint types architecture docs bench bench-check fleet
.PHONY: soak outages release-check clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/ready-cli  ## watch a pool survive a saboteur for five seconds
	$(VENV)/bin/pingpool demo --seconds 5

demo-spanner: $(VENV)/ready-dev  ## the same bank on Cloud Spanner: its emulator, where it is installed
	$(PY) examples/spanner_bank.py

demo-sqlalchemy: $(VENV)/ready-bench  ## an application whose server is killed and restarted, over pingpool and over QueuePool
	$(PY) examples/sqlalchemy_outage.py

demo-django: $(VENV)/ready-bench  ## a Django project whose server is killed and restarted, over pingpool and over Django's own
	$(PY) examples/django_outage.py

test: $(VENV)/ready-dev $(VENV)/ready-workers  ## run the tests: the quick ones, and those that start servers
	$(PYTEST)

test-quick: $(VENV)/ready-dev  ## run the tests that need no server
	$(PYTEST) -m "not server and not proof"

test-busy: $(VENV)/ready-dev  ## run the tests beside four busy loops, with SIGINT ignored
	@trap '' INT; loops=; for each in 1 2 3 4; do while :; do :; done & loops="$$loops $$!"; done; \
	trap 'kill $$loops' EXIT; $(PYTEST)

test-driverless: $(VENV)/ready-test  ## run the tests that need no driver of a database
	$(PYTEST) $(DRIVERLESS)

test-pythons:  ## run the tests on every Python that is found: 3.11 to 3.14, with and without the GIL
	@.ci/test-pythons

test-spanner-versions:  ## run the cases of the Cloud Spanner drop-in with clients from 3.15 to the newest
	@.ci/test-spanner-versions

test-workers: $(VENV)/ready-dev $(VENV)/ready-workers  ## run pools inside gunicorn, uvicorn, Celery, RQ and APScheduler
	$(PY) -m pytest tests/workers

test-django: $(VENV)/ready-dev  ## run Django's own tests on the engines of pingpool, where its sources can be had
	$(PY) -m tests.plugins.django_suite

proofs: $(VENV)/ready-dev  ## run the proofs, which take minutes
	$(PYTEST) -m proof

coverage: $(VENV)/ready-dev  ## measure which branches the tests take; core/ and pool/ have to be complete
	$(PYTEST) --cov --cov-report=
	$(PY) -m coverage report
	$(PY) -m coverage report --include='src/pingpool/core/*,src/pingpool/pool/*' --fail-under=100

mariadb:  ## install MariaDB for the tests, which no wheel carries (Debian, Ubuntu)
	@PATH="$$PATH:/usr/sbin" command -v mariadbd >/dev/null || { \
	  $(AS_ROOT) apt-get update -qq && \
	  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    mariadb-server-core mariadb-client-core; }

more-servers:  ## install pgbouncer, slapd, RabbitMQ and PostGIS for the tests, which no wheel carries either (Debian, Ubuntu)
	@PATH="$$PATH:/usr/sbin"; missing=; for each in $(MORE_SERVERS); do \
	  command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || missing="$$missing postgresql-postgis"; \
	[ -z "$$missing" ] || { \
	  $(AS_ROOT) apt-get update -qq && \
	  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }

mutants: $(VENV)/ready-dev  ## draw 100 random mutants of the core, and see whether its tests find them (minutes)
	$(PY) -m tests.core.sampler

check: lint types architecture  ## all of the next three

lint: $(VENV)/ready-dev  ## look for likely bugs, and at the format
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(VENV)/ready-dev  ## check the types, by mypy and by pyright
	$(PY) -m mypy --strict $(TYPED)
	$(PY) -m pyright --project pyproject.toml --pythonpath $(PY) $(TYPED)

architecture: $(VENV)/ready-dev  ## see that the house is as its plan says
	$(PY) -m pytest tests/test_architecture.py

docs: $(VENV)/ready-dev  ## make the site of docs/, in site/; a warning is an error
	$(PY) -m sphinx --fail-on-warning --keep-going --quiet docs site
	@echo "Open site/index.html"

bench: $(VENV)/ready-bench  ## measure speed and size side by side with other pools
	$(PY) -m bench

bench-check: $(VENV)/ready-bench  ## fail if a figure is below three quarters of its target
	$(PY) -m bench --check

fleet: $(VENV)/ready-bench  ## play ten thousand processes on virtual time, and draw docs/fleet.svg (minutes)
	$(PY) -m bench fleet --json fleet.json
	$(PY) -m bench.fleet_picture fleet.json docs/fleet.svg

soak: $(VENV)/ready-test  ## live through ten million uses in each world, and see that nothing grows (an hour)
	$(PY) -m bench.soak

outages: $(VENV)/ready-bench  ## play eight outages to pingpool and to other pools, and draw docs/outages.svg
	$(PY) -m bench outages outages-elsewhere --json outages.json
	$(PY) -m bench.outage_picture outages.json docs/outages.svg

release-check: $(VENV)/ready-release  ## build what would be published, check it, install it elsewhere and run its demo
	$(PY) .ci/release_check.py

clean:  ## remove the environment and whatever the tools left behind
	rm -rf $(VENV) .venvs site outages.json fleet.json dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The programs that pools work in are no reason to have no tests: without them those of tests/workers are skipped.
$(VENV)/ready-workers: pyproject.toml | $(PY) $(VENV)/ready-dev
	@echo "Installing pingpool[workers] into $(VENV) ..."
	@$(install) --editable '.[workers]' || echo "These programs cannot be had here: their tests are skipped"
	@touch $@

# One stamp for each extra: it is installed once, and again only when pyproject.toml changes.
$(VENV)/ready-%: pyproject.toml | $(PY)
	@echo "Installing pingpool[$*] into $(VENV) (the first time may take a minute) ..."
	@$(install) --editable '.[$*]'
	@touch $@

# A half-made environment is removed, so that the next try starts afresh.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "pingpool needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	  echo "Install a newer one, then name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	  exit 1; } >&2
	@echo "Making $(VENV) with $$($(PYTHON) --version)$(if $(UV), and uv) ..."
	@rm -rf $(VENV)
	@$(make_venv) || { rm -rf $(VENV); exit 1; }
