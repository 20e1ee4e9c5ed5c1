# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTHON_STAMP := $(VENV)/.installed
NODE_STAMP := sandbox/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check install clean demo-packages test-packages

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: demo-packages install  ## start everything and print one URL (ONCE=1: walk through it once, then stop; PERSONALITY=epic: another EHR)
	@exec $(BIN)/python -m sandbox demo $(if $(ONCE),--once) $(if $(PERSONALITY),--personality $(PERSONALITY))

test: test-packages install  ## run all tests (ARGS="-k launch" for some)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: test-packages install  ## format, lint, types and tests
	@scripts/check

install: $(PYTHON_STAMP) $(NODE_STAMP)  ## install the Python and npm packages

clean:  ## remove all that was installed or built here
	rm -rf $(VENV) sandbox/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

demo-packages:
	@PYTHON=$(PYTHON) scripts/system-packages demo

test-packages:
	@PYTHON=$(PYTHON) scripts/system-packages test

$(BIN)/python: | demo-packages
	$(PYTHON) -m venv $(VENV)

$(PYTHON_STAMP): requirements.txt requirements-dev.txt requirements-no-deps.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-no-deps.txt
	@touch $@

$(NODE_STAMP): sandbox/package.json sandbox/package-lock.json $(PYTHON_STAMP)
	cd sandbox && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent
	@touch $@
