#!/bin/sh
# Writes serve.txt and test.txt anew: every package that `make serve` and `make test` install, with its hashes,
# for every platform and Python from 3.11 on. PyTorch is left out, because its builds differ; what it needs is
# named here, as is what builds this package.
set -eu
cd "$(dirname "$0")/.."
lock() {
    printf '%s\n' 'hatchling>=1.27' editables 'setuptools>=77.0.3' 'sympy>=1.13.3' 'networkx>=2.5.1' \
        filelock fsspec | "${UV:-.venv/bin/uv}" pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --excludes requirements/left-out.txt pyproject.toml - "$@"
}
lock --output-file requirements/serve.txt
lock --extra test --extra check --constraints requirements/serve.txt --output-file requirements/test.txt
