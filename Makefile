# Every target makes its own virtual environment; nothing else has to be installed first.
PYTHON ?= python3
VENV := .venv
# Tests in tests/cluster and tests/sandbox live in real time: with many of these they would wait too long for a processor.
# One of them waits for the simulation's seeds, which have processes of their own.
WORKERS ?= 3
BIN := $(VENV)/bin

.PHONY: test lint demo crds clean

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sandbox,dev]'
	touch $@

# The demo needs less than developing does.
$(VENV)/.sandbox: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sandbox]'
	touch $@

demo: $(VENV)/.sandbox
	$(BIN)/delivery demo $(DEMO_ARGS)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

crds: $(VENV)/.ready
	$(BIN)/delivery crds --output crds

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
