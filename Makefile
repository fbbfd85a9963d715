# make demo: set up, run the main job on embedded data, measure it, judge it.
# make check: set up, then lint, types, import layers and the unit tests that neither train, export nor wait: in a minute or so.
# make test: set up, then the same with all tests.
# make lowest, newest, required: in an environment of their own, the quick tests with the lowest and the newest versions that pyproject.toml
#   allows, and without the optional packages. PYTHON=python3.13 names another Python.
# make package: build wheel and source archive into dist/, install the wheel where nothing else is and run the main job from it.
# make sbom: dist/sbom.json (CycloneDX) and dist/licences.md, of what an installation brings along.
# make docs: set up, then build the documentation as a site into site/.
# make arm64: set up, then fetch an emulated ARM with ONNX Runtime, in which the tests then ask the files too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := runs/rruff_distill
# A file stays in one process, for what its tests share; tests/conftest.py puts the longest files first.
SPREAD := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo check lint test lowest newest required package sbom docs arm64 baseline setup clean

demo: $(READY)
	$(BIN)/edgespec compress recipes/rruff_distill.yaml
	$(BIN)/edgespec bench $(RUN) --target local --seconds 2
	$(BIN)/edgespec gate $(RUN) --target local
	@echo
	@echo "The report is $(RUN)/report.html (report.md for terminals, report.json for machines)."

# Spectra beside the checkout are used where there are any; tests that need them say why they are skipped where not.
test: export EDGESPEC_DATA := $(or $(EDGESPEC_DATA),$(abspath $(wildcard ../shared/data)))
test: lint
	$(BIN)/pytest $(SPREAD)

check: lint
	$(BIN)/pytest $(SPREAD) --quick --quiet -r fE tests/unit tests/conventions

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lowest newest required:
	PYTHON=$(PYTHON) .ci/versions $@

package sbom:
	PYTHON=$(PYTHON) .ci/$@

docs: $(READY)
	$(BIN)/python .ci/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

arm64: $(READY)
	PYTHON=$(BIN)/python sh export/setup/arm64_emulated.sh

# What the project's own tests compare with: run it when a change is meant, look at the difference, commit it.
baseline: $(READY)
	env -u EDGESPEC_DATA $(BIN)/edgespec compress recipes/rruff_distill.yaml --out runs/baseline \
	  --set 'gates={regression: {accuracy: 2 %, size: 1 %, instructions: 3 %}}'
	$(BIN)/edgespec gate runs/baseline --update-baseline --baseline benchmarks/results/embedded/rruff_distill.json

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "edgespec needs Python 3.11 or newer (make PYTHON=python3.12)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[trt-check]' || echo "no TensorRT-RTX for this machine: files for a Jetson are linted only"
	$(BIN)/pip check
	touch $(READY)

clean:
	rm -rf $(VENV) runs
