"""Thousands of cases made from our OpenAPI against a real server: no 5xx, every reply as described.

    .venv/bin/python benchmarks/prove_conformance.py [SECONDS]

The index is that of the settings (`QA_INDEX_DIR`); the server is started here and stopped again.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from serving import served

TESTS = Path(__file__).parent.parent / "tests"


def main() -> int:
    """Run for so many seconds; the tool's own exit code."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with served() as url:
        tool = Path(sys.executable).with_name("schemathesis")
        command = [str(tool), "run", f"{url}/openapi.json", f"--max-time={seconds}"]
        command += ["--phases=examples,coverage,fuzzing", "--max-examples=500"]
        own = {**os.environ, "SCHEMATHESIS_HOOKS": "conformance_hooks", "PYTHONPATH": str(TESTS)}
        return subprocess.run(command, check=False, env=own).returncode


if __name__ == "__main__":
    sys.exit(main())
