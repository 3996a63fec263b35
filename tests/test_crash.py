"""Whatever fails, and whenever it fails, what ``CURRENT`` names is complete."""

import contextlib
import fcntl
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import before_call, failing_call, hash_engines, quick_build, quick_plan

from qa_service.errors import GenerationError, QaError
from qa_service.index import (
    BuildPlan,
    current_id,
    generation_ids,
    open_current,
    prune,
    publish,
    verify,
)

CALLS = [(os, "fsync"), (os, "open"), (Path, "rename"), (Path, "replace"), (Path, "mkdir")]
POINTS = 200
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""A folder in memory, where nothing waits for a disk."""
IDS = ["fsync", "open", "rename", "replace", "mkdir"]


@pytest.fixture
def own(own_corpus: Path, tmp_path: Path) -> BuildPlan:
    """A plan over folders of its own, with one published generation."""
    plan = quick_plan(own_corpus, tmp_path / "index")
    quick_build(plan)
    return plan


def assert_usable(index: Path) -> None:
    """What is served is intact and can be opened."""
    verify(index, current_id(index))
    open_current(index, hash_engines()).close()


def assert_mends(plan: BuildPlan) -> None:
    """The next build publishes, and leaves nothing half-built behind."""
    report = quick_build(plan, full=True)
    assert current_id(plan.index) == report.manifest.generation_id
    assert_usable(plan.index)
    assert list(plan.index.glob(".g*")) == []


@contextlib.contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """Every write behind this size fails, in whichever library it is made."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("owner", "name"), CALLS, ids=IDS)
def test_a_build_in_which_a_system_call_fails_leaves_a_complete_generation(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    with failing_call(monkeypatch, owner, name, nth=0) as calls:
        quick_build(own, full=True)
    assert calls
    for nth in range(1, len(calls) + 1):
        served = current_id(own.index)
        with (
            failing_call(monkeypatch, owner, name, nth),
            contextlib.suppress(Exception),
        ):
            quick_build(own, full=True)
        assert current_id(own.index) in {served, generation_ids(own.index)[-1]}
        assert_usable(own.index)
    assert_mends(own)


@pytest.mark.parametrize("size_bytes", [0, 10, 500, 2000, 5000, 20_000])
def test_a_build_on_a_full_disk_leaves_the_old_generation(own: BuildPlan, size_bytes: int) -> None:
    served = current_id(own.index)
    with files_no_larger_than(size_bytes), pytest.raises(Exception):  # noqa: B017, PT011
        quick_build(own, full=True)
    assert current_id(own.index) == served
    assert_usable(own.index)
    assert_mends(own)


@pytest.mark.parametrize(("owner", "name"), CALLS[:4], ids=IDS[:4])
def test_a_rollback_in_which_a_system_call_fails_leaves_a_complete_generation(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    first = current_id(own.index)
    quick_build(own, full=True)
    for nth in range(1, 5):
        with failing_call(monkeypatch, owner, name, nth), contextlib.suppress(OSError):
            publish(own.index, first)
        assert_usable(own.index)
    publish(own.index, first)
    assert current_id(own.index) == first


def test_pruning_in_which_a_rename_fails_loses_nothing_that_is_listed(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        quick_build(own, full=True)
    with failing_call(monkeypatch, Path, "rename", 2), pytest.raises(OSError, match="rename"):
        prune(own.index, keep=0)
    for generation_id in generation_ids(own.index):
        verify(own.index, generation_id)
    assert_mends(own)


def test_a_builder_killed_at_any_moment_leaves_a_complete_generation(
    own: BuildPlan, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("crash_builder.py")
    chance = random.Random(5)
    with (tmp_path / "errors").open("w") as errors:
        for _ in range(8):
            builder = subprocess.Popen(
                [sys.executable, str(script), str(own.corpus), str(own.index)],
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
            assert builder.stdout is not None
            published = builder.stdout.readline().strip()
            time.sleep(chance.uniform(0, 0.4))
            builder.kill()
            builder.communicate()
            assert published, (tmp_path / "errors").read_text()
            assert current_id(own.index) >= published
            assert_usable(own.index)
            for generation_id in generation_ids(own.index):
                verify(own.index, generation_id)
    assert_mends(own)


def two_generations(plan: BuildPlan) -> tuple[str, str]:
    quick_build(plan, full=True)
    first, second = generation_ids(plan.index)
    return first, second


def test_pruning_spares_what_is_published_while_it_prunes(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two_generations(own)
    with before_call(monkeypatch, fcntl, "flock", 1, lambda: publish(own.index, first)):
        prune(own.index, keep=0)
    assert current_id(own.index) == first
    assert_usable(own.index)


@pytest.mark.parametrize("moment", range(1, 5))
def test_what_is_pruned_while_it_is_published_is_not_published(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    first, _ = two_generations(own)
    with (
        before_call(monkeypatch, Path, "open", moment, lambda: prune(own.index, keep=0)),
        contextlib.suppress(GenerationError),
    ):
        publish(own.index, first)
    assert_usable(own.index)


def test_two_may_prune_at_once(own: BuildPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    two_generations(own)
    with before_call(monkeypatch, fcntl, "flock", 1, lambda: prune(own.index, keep=0)):
        prune(own.index, keep=0)
    assert generation_ids(own.index) == [current_id(own.index)]
    assert_usable(own.index)


def test_a_builder_killed_at_hundreds_of_points_leaves_what_is_served_usable(
    own_corpus: Path,
) -> None:
    """At each call of the system that a build makes, and at moments between them."""
    script = Path(__file__).with_name("crash_points.py")
    with tempfile.TemporaryDirectory(dir=QUICK) as name:
        command = [sys.executable, str(script), str(own_corpus), f"{name}/index", str(POINTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    killed = [code for code in told["ended"] if code in (-signal.SIGKILL, -signal.SIGALRM)]
    assert told["calls"] > 100
    assert len(killed) > POINTS * 2 // 3, told
    assert (told["unusable"], told["left"], told["mended"]) == ([], [], True), done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, so small that it can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only the superuser can mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_build_that_fills_the_disk_says_so_and_leaves_the_old_generation(
    own_corpus: Path, small_disk: Path
) -> None:
    plan = quick_plan(own_corpus, small_disk / "index")
    quick_build(plan)
    served = current_id(plan.index)
    filler = small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    for left in [0, 4, 20, 50, 80, 120, 160, 200, 260, 300]:
        (own_corpus / "new.txt").write_text(f"A quay of {left} metres was opened.")
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - left * 1024)
        with contextlib.suppress(QaError, OSError):  # whatever else comes up is a bug
            quick_build(plan)
        assert current_id(plan.index) in {served, generation_ids(plan.index)[-1]}
        assert_usable(plan.index)
        served = current_id(plan.index)
        filler.unlink()
        prune(plan.index, keep=0)
    assert_mends(plan)


def test_a_build_that_fails_leaves_no_half_generation_on_the_disk(
    own: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_call(monkeypatch, Path, "rename", 1), pytest.raises(OSError, match="rename"):
        quick_build(own, full=True)
    assert list(own.index.glob(".g*")) == []
