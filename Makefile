PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The quick start is what `make demo` needs; the test extra is added on demand.
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable
# Processes that share out the tests; each computes on one thread.
PROCESSES := 2

.DEFAULT_GOAL := help
.PHONY: help install demo test check format sample bench bench-gpu planted nightly mending survival fuzz clean

help: ## list these words
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(INSTALLED) ## make .venv and install camaudit in it

demo: $(INSTALLED) ## audit the embedded sample and print the path of the report
	$(BIN)/camaudit demo

test: $(TESTABLE) ## run the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

check: $(TESTABLE) ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TESTABLE) ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sample: $(INSTALLED) ## render the sample images and train their model again, into data/
	$(BIN)/python -m tasks.sample --out data

bench: $(TESTABLE) ## measure speed and memory; prints tables
	$(BIN)/python -m tests.benchmarks.bench_memory
	$(BIN)/python -m tests.benchmarks.bench_throughput
	$(BIN)/python -m tests.benchmarks.bench_scaling
	$(BIN)/python -m tests.benchmarks.bench_second_pass
	$(BIN)/python -m tests.benchmarks.bench_mining
	$(BIN)/python -m tests.benchmarks.bench_methods
	$(BIN)/python -m tests.benchmarks.bench_units
	$(BIN)/python -m tests.benchmarks.bench_unchanged
	$(BIN)/python -m tests.benchmarks.bench_report
	$(BIN)/python -m tests.benchmarks.bench_training

bench-gpu: $(TESTABLE) ## the same on CUDA: resnet50 and vit_b_16 in bfloat16 at batch 256
	$(BIN)/python -m tests.benchmarks.bench_gpu

planted: $(TESTABLE) ## prove the audit on planted shortcuts; writes docs/planted/
	$(BIN)/python -m tests.planted

nightly: $(TESTABLE) ## play five weeks of nightly audits; the check has to name the right class
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.nightly

mending: $(TESTABLE) ## mend models with planted shortcuts; writes docs/mending.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mending

survival: $(TESTABLE) ## kill workers, schedulers and audits with -9, twenty times; nothing may be lost or wrong
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.survival

fuzz: $(TESTABLE) ## change manifests, images, weights and settings at random for seven minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --seconds 300
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.decoders --seconds 120

clean: ## remove .venv, runs and caches
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# grad-cam is the oracle of some tests. It asks for the OpenCV build with a display, which
# would overwrite the headless one, so it comes without its dependencies.
$(TESTABLE): $(INSTALLED) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps "grad-cam>=1.5.5" ttach
	@touch $@
