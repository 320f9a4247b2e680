# Every target sets up what it needs. Nothing but Python >= 3.11 and git is expected on the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Installing into $(VENV): takes one to four minutes and prints little."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@# Under its former name it would bring each command and channel a second time.
	$(BIN)/python -m pip uninstall --quiet --disable-pip-version-check --yes notifier 2>/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY) ## create .venv with everything in it
	@echo "Ready: source $(BIN)/activate"

demo: $(READY) ## 1,000 events become 1,000 mails, on real parts, and the count is proved
	$(BIN)/notifier demo

test: $(READY) ## the fast tests, on real (embedded) Postgres and Redis; about seven minutes on two cores
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow"

test-all: $(READY) ## all tests: also the model, the mutants, a selection of the crash matrix, a short chaos
	$(BIN)/pytest -n 2 --dist loadfile

crash: $(READY) ## a crash at every point where there is a side effect, and the count of what came out
	$(BIN)/python -m tests.crash

chaos: $(READY) ## everything is broken under load, for five minutes, and each event is one mail
	$(BIN)/python -m tests.chaos $(CHAOS)

check: $(READY) ## format, lint, types, import rules, layout, migrations, secrets, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.check_layout
	$(BIN)/python -m tests.check_migrations
	$(BIN)/python -m tests.check_secrets
	$(BIN)/python -m tests.check_dependencies

bench: $(READY) ## how fast, side by side with its peers; draws docs/bench-*.svg
	$(BIN)/python -m bench

docs: $(READY) ## write the pages that come from the code, and build the manual in build/manual
	$(BIN)/python -m docs.generate
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "the manual: build/manual/index.html"

package: $(READY) ## build the wheel and the source distribution in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

sbom: $(READY) ## what it is made of, by the locks, as CycloneDX: build/sbom.json, and that of the image
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
	  --output-file build/sbom.json requirements.lock
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
	  --output-file build/sbom-image.json requirements-image.lock

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve requirements.lock and requirements-image.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --all-extras --group lock --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --extra simulators --extra flower --extra console --extra templates --extra hiredis --extra push --extra apns --group lock --quiet \
	  -c requirements.lock pyproject.toml \
	  -o requirements-image.lock

.PHONY: bench chaos check crash demo docs format help lock package sbom setup test test-all
