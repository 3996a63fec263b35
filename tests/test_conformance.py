"""Cases made from our own OpenAPI: none breaks the service, every reply is as described.

`benchmarks/prove_conformance.py` runs thousands.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import served

from qa_service.index import BuildPlan, BuildReport

WANTED = 100
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


def test_no_case_made_from_our_openapi_is_a_5xx_or_answered_otherwise_than_described(
    address: str,
) -> None:
    tool = Path(sys.executable).with_name("schemathesis")
    command = [str(tool), "run", f"{address}/openapi.json", "--seed=1"]
    command += ["--phases=examples,fuzzing", "--max-examples=15"]
    own = {**os.environ, "SCHEMATHESIS_HOOKS": "conformance_hooks", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env=own
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    [cases] = re.findall(r"(\d+) generated", done.stdout)
    assert int(cases) >= WANTED
