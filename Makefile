# `make demo` and `make test` work on a fresh clone: each sets up .venv first, once.
PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/ready
RUN    := $(VENV)/bin/python

.PHONY: help setup demo test lint redteam bench gpu-check clean
.DEFAULT_GOAL := help

help:
	@echo "make demo       a campaign of five short trainings and its board (four minutes)"
	@echo "make test       the tests (a quarter of an hour)"
	@echo "make lint       ruff and mypy"
	@echo "make redteam    cheating edits against every gate, control and sandbox (half an hour)"
	@echo "make bench      speed and accuracy, beside a plain transformer's"
	@echo "make gpu-check  what to run first on a machine with a GPU"
	@echo "make setup      only create $(VENV); the others do it themselves"
	@echo "make clean      remove $(VENV) and caches; results/ stays"
	@echo "Another Python: make test PYTHON=python3.12"

setup: $(READY)

# Written last, so its existence means that the set-up is complete.
$(READY): pyproject.toml constraints.txt scripts/install.py
	$(PYTHON) scripts/install.py $(VENV)
	@touch $@

demo: $(READY)
	$(RUN) -m scripts.demo

test: $(READY)
	$(RUN) -m pytest -n 2 --dist loadfile --durations 12

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

redteam: $(READY)
	$(RUN) -m redteam

bench: $(READY)
	$(RUN) -m benchmarks

gpu-check: $(READY)
	$(RUN) benchmarks/gpu_check.py

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
