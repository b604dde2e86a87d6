# Bitcoin & Barbells. `make` alone lists the targets.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
VENV_PYTHON := $(BIN)/python
# What needs neither torch nor a model, for `make test-pythons`.
LIGHT := bm25s filelock jinja2 lazy-loader matplotlib nbconvert nbformat numpy packaging \
  PyStemmer pytest PyYAML safetensors scipy tomli tqdm
LIGHT_TESTS := $(addprefix tests/test_, corpus.py data.py environment.py house_rules.py \
  setup.py storage.py timing.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test coverage quick test-browser screenshots faults rehearsal bench lab notebooks badges test-pythons handout slides wheelhouse test-wheelhouse lint format doctor lock clean distclean

help: ## list the targets
	@$(PYTHON) -c "import re; [print(f'  make {m[1]:<13} {m[2]}') for m in re.finditer(r'^([\w-]+):.*?## (.+)$$', open('Makefile').read(), re.M)]"

setup: ## make .venv and install the pinned set (once); WHEELHOUSE=FOLDER: offline
	@$(PYTHON) -m helpers setup $(if $(WHEELHOUSE),--wheelhouse "$(WHEELHOUSE)")

run: setup ## execute every notebook; copies, HTML and a table under build/
	@$(VENV_PYTHON) -m helpers run

test: lint ## every test: lint, units, doctests, README, house rules, nbval
	@$(VENV_PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

coverage: setup ## which lines the tests reach; takes twice as long
	@$(VENV_PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov

quick: setup ## the tests that run no notebook and start no process
	@$(VENV_PYTHON) -m pytest -m "not slow" tests helpers

test-pythons: export PYENV_VERSION = 3.10:3.13
test-pythons: ## the tests that need no torch, on the oldest and newest Python here
	@for python in python3.10 python3.13; do \
	  $$python --version 2> /dev/null || { echo "no $$python here"; continue; }; \
	  $$python -m venv .venv/$$python && \
	  .venv/$$python/bin/python -m pip install -q --disable-pip-version-check \
	    -c requirements.lock $(LIGHT) && \
	  .venv/$$python/bin/python -m pytest -q -o addopts="" $(LIGHT_TESTS) || exit 1; \
	done

test-browser: setup ## notebooks 0, 3, 4 and 6 in a real JupyterLab and Chromium
	@$(VENV_PYTHON) -m pip install -q "playwright>=1.50,<2"
	@$(VENV_PYTHON) -m pytest -o addopts="" -p no:nbval -ra tests/browser

faults: setup ## bad input, full disks, kills, flipped bytes, hostile texts; one table
	@$(VENV_PYTHON) -m pytest -q -o addopts="" -p no:nbval tests/faults

rehearsal: setup ## notebooks 0, 3 and 5 as on Colab, in a bare environment; needs root
	@$(VENV_PYTHON) -m pytest -q -s -o addopts="" -p no:nbval tests/rehearsal

bench: setup ## how fast the course is here, beside its peers; table and chart in build/
	@$(VENV_PYTHON) tests/benchmarks/bench.py

screenshots: export COURSE_SCREENSHOTS = notebooks/figures
screenshots: test-browser ## test-browser, and renew the pictures that the README shows

lab: setup ## open JupyterLab on the course
	@$(VENV_PYTHON) -m jupyter lab --notebook-dir=. notebooks/00_start_here.ipynb

notebooks: setup ## execute the notebooks in place: the only way to renew saved outputs
	@$(VENV_PYTHON) -m helpers run --in-place

badges: setup ## links to Colab and Binder: make badges REPO=owner/name [REF=v1.0]; OWNER/name: none
	@$(VENV_PYTHON) -m helpers badges "$(REPO)" --ref="$(or $(REF),main)"

handout: setup ## the notebooks as saved, as HTML with and without solutions, and a zip
	@$(VENV_PYTHON) -m helpers handout

slides: setup ## the notebooks as slides, under build/slides
	@$(VENV_PYTHON) -m helpers slides

wheelhouse: setup ## a folder that installs the course with no network: build/wheelhouse
	@$(VENV_PYTHON) -m helpers wheelhouse

test-wheelhouse: wheelhouse ## install from it where there is no network (minutes)
	@$(VENV_PYTHON) -m pytest -s -o addopts="" -p no:nbval tests/wheelhouse

doctor: setup ## is this machine ready?
	@$(VENV_PYTHON) -m helpers doctor

lint: setup ## style and complexity, types, and that no import climbs a floor
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy
	@$(BIN)/lint-imports

format: setup ## let ruff mend what it can
	@$(VENV_PYTHON) -m ruff check --fix
	@$(VENV_PYTHON) -m ruff format

lock: ## resolve requirements.lock from pyproject.toml (after setup)
	@$(VENV_PYTHON) -m helpers setup --lock

clean: ## remove build/ and the caches
	@rm -rf build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .coverage*
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv too
	@rm -rf .venv
