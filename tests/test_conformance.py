"""Cases made from our own OpenAPI: none breaks the service, every reply is as described.

`benchmarks/prove_conformance.py` runs thousands.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import served

from qa_service.index import BuildPlan, BuildReport

WANTED = 100


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


def test_no_case_made_from_our_openapi_is_a_5xx_or_answered_otherwise_than_described(
    address: str,
) -> None:
    tool = Path(sys.executable).with_name("schemathesis")
    command = [str(tool), "run", f"{address}/openapi.json", "--seed=1"]
    # what a schema cannot say (a first day after the last one) is refused, and `k=5.0` is a number
    command += ["--exclude-checks=negative_data_rejection,positive_data_acceptance"]
    command += ["--phases=examples,fuzzing", "--max-examples=15"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    [cases] = re.findall(r"(\d+) generated", done.stdout)
    assert int(cases) >= WANTED
