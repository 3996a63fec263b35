"""Builds and prunes without end, to be killed: python crash_builder.py CORPUS INDEX."""

import sys
from pathlib import Path

from faults import quick_build, quick_plan

from qa_service.index import prune

if __name__ == "__main__":
    plan = quick_plan(Path(sys.argv[1]), Path(sys.argv[2]))
    while True:
        print(quick_build(plan, full=True).manifest.generation_id, flush=True)  # noqa: T201
        prune(plan.index, keep=2)
