# Bitcoin & Barbells. `make` alone lists the targets.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  VENV_PYTHON := .venv/Scripts/python.exe
else
  VENV_PYTHON := .venv/bin/python
endif

.DEFAULT_GOAL := help
.PHONY: help setup run test quick test-browser screenshots lab notebooks html lint format doctor lock clean distclean

help: ## list the targets
	@$(PYTHON) -c "import re; [print(f'  make {m[1]:<13} {m[2]}') for m in re.finditer(r'^([\w-]+):.*?## (.+)$$', open('Makefile').read(), re.M)]"

setup: ## make .venv and install the pinned set (once)
	@$(PYTHON) -m helpers setup

run: setup ## execute every notebook; copies, HTML and a table under build/
	@$(VENV_PYTHON) -m helpers run

test: setup ## every test: units, doctests, README, house rules, nbval, lint
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m pytest -n 2 --dist loadfile

quick: setup ## the tests that run no notebook and start no process
	@$(VENV_PYTHON) -m pytest -m "not slow" tests helpers

test-browser: setup ## notebooks 3 and 4 in a real JupyterLab and Chromium
	@$(VENV_PYTHON) -m pip install -q "playwright>=1.50,<2"
	@$(VENV_PYTHON) -m pytest -o addopts="" -p no:nbval -ra tests/browser

screenshots: export COURSE_SCREENSHOTS = notebooks/figures
screenshots: test-browser ## test-browser, and renew the pictures that the README shows

lab: setup ## open JupyterLab on the course
	@$(VENV_PYTHON) -m jupyter lab --notebook-dir=. notebooks

notebooks: setup ## execute the notebooks in place: the only way to renew saved outputs
	@$(VENV_PYTHON) -m helpers run --in-place

html: setup ## the notebooks as saved, as HTML that needs no network, under build/html
	@$(VENV_PYTHON) -m helpers run --html-only

doctor: setup ## is this machine ready?
	@$(VENV_PYTHON) -m helpers doctor

lint: setup ## ruff check and ruff format --check
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check

format: setup ## let ruff mend what it can
	@$(VENV_PYTHON) -m ruff check --fix
	@$(VENV_PYTHON) -m ruff format

lock: setup ## resolve requirements.lock anew, for all Pythons and systems
	@$(VENV_PYTHON) -m helpers setup --lock

clean: ## remove build/ and the caches
	@rm -rf build .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv too
	@rm -rf .venv
