"""Builds in processes that kill themselves: python crash_points.py CORPUS INDEX POINTS.

Each build takes up one more release. The first half dies with SIGKILL at a call of the operating system
(every file opened, renamed, removed, every database and process), spread evenly over all that a build
makes; the second half at a moment, spread evenly over its time. After each, another process verifies
what is served, opens it and searches it. Prints what happened as JSON.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from faults import found, hash_engines, quick_build, quick_plan, sharing

from qa_service.index import BuildPlan, current_id, generation_ids, open_current, prune, verify

CALLS = ("open", "os.", "shutil.", "sqlite3.", "fcntl.", "mmap.")


def in_child(act: Callable[[], object]) -> int:
    """What the process that did it ended with: 0, 1 for an exception, or the negative signal."""
    sys.stdout.flush()
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        act()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)
    os._exit(0)


def call_by_call(act: Callable[[int], None]) -> None:
    """Let ``act`` be told the number of each call of the system from now on."""
    calls = 0

    def hook(event: str, _args: object) -> None:
        nonlocal calls
        if event.startswith(CALLS):
            calls += 1
            act(calls)

    sys.addaudithook(hook)


def dies_at_call(plan: BuildPlan, nth: int) -> None:
    call_by_call(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == nth else None)
    quick_build(plan)


def dies_at_moment(plan: BuildPlan, after_s: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, after_s)  # nobody handles SIGALRM: it kills
    quick_build(plan)


def is_usable(plan: BuildPlan) -> None:
    verify(plan.index, current_id(plan.index))
    opened = open_current(plan.index, hash_engines())
    assert found(opened, "harbour")
    opened.close()
    for generation_id in generation_ids(plan.index)[-2:]:
        verify(plan.index, generation_id)
    prune(plan.index, keep=2)


def measured(plan: BuildPlan) -> tuple[int, float]:
    """The calls that a build makes, and its seconds."""
    report = plan.index.parent / "calls"

    def counted() -> None:
        numbers = [0]
        call_by_call(numbers.append)
        quick_build(plan)
        report.write_text(str(numbers[-1]))

    began = time.monotonic()
    assert in_child(counted) == 0
    return int(report.read_text()), time.monotonic() - began


def import_what_a_build_imports(plan: BuildPlan) -> None:
    """Into this process, which itself builds nothing: each of its children would import it anew."""
    report = plan.index.parent / "modules"

    def build_and_look() -> None:
        quick_build(plan)
        is_usable(plan)
        report.write_text("\n".join(name for name, one in sys.modules.items() if one))

    assert in_child(build_and_look) == 0
    for name in report.read_text().split("\n"):
        with contextlib.suppress(ImportError):  # names that modules gave to parts of themselves
            importlib.import_module(name)


def main(corpus: Path, index: Path, points: int) -> None:
    plan = quick_plan(corpus, index)
    add(plan, 0)
    import_what_a_build_imports(plan)
    add(plan, 1)
    calls, took_s = measured(plan)
    half = points // 2
    ended: list[int] = []
    unusable: list[int] = []
    for point in range(points):
        add(plan, point + 2)
        if point < half:
            nth = 1 + calls * point // half
            ended.append(in_child(lambda n=nth: dies_at_call(plan, n)))  # type: ignore[misc]
        else:
            after_s = max(0.001, took_s * (point - half) / (points - half))
            ended.append(in_child(lambda s=after_s: dies_at_moment(plan, s)))  # type: ignore[misc]
        if in_child(lambda: is_usable(plan)) != 0:
            unusable.append(point)
    mended = in_child(lambda: quick_build(plan)) == 0
    left = [path.name for path in index.glob(".g*")]
    told = {"calls": calls, "ended": ended, "unusable": unusable, "left": left, "mended": mended}
    print(json.dumps(told))  # noqa: T201


def add(plan: BuildPlan, number: int) -> None:
    (plan.corpus / "new.txt").write_text(f"Quay number {number} of the harbour was opened.")


if __name__ == "__main__":
    with sharing(sparse=2):
        main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
