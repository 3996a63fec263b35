"""Files that make a parser hang, swell or crash cost a message and nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qa_service.corpus import Limits, ReadingOptions, list_files, read_corpus, read_files
from qa_service.parsing import stop_idle
from qa_service.readers.formats import Outcome
from qa_service.types import LeftOut, Reading, Release

SLOW = b"<html><body>" + b"<p>The <b>lamps</b> stay on all <i>night</i>.</p>\n" * 80_000
"""Takes ten seconds and 600 MB to be read."""


@pytest.fixture(autouse=True)
def fresh_processes() -> Iterator[None]:
    stop_idle()
    yield
    stop_idle()


def good(folder: Path, count: int) -> list[str]:
    for number in range(count):
        (folder / f"good-{number:03}.txt").write_text(f"The port opened berth {number} today.")
    return [f"good-{number:03}" for number in range(count)]


def read(folder: Path, limits: Limits) -> tuple[list[str], list[LeftOut]]:
    outcomes = list(read_corpus(folder, ReadingOptions(), limits))
    ids = [one.release_id for one in outcomes if isinstance(one, Release)]
    return ids, [one for one in outcomes if isinstance(one, LeftOut)]


def parsers() -> list[int]:
    """The process ids of the parsers that this process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(None, 1) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, command in lines if "readers.worker" in command]


def meanwhile(act: Callable[[int], None]) -> threading.Thread:
    """Do something to each parser as soon as there is one that works."""

    def run() -> None:
        until = time.monotonic() + 20
        while not parsers() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1)
        for pid in parsers():
            act(pid)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_file_that_takes_too_long_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    ids = good(tmp_path, 20)
    (tmp_path / "bad.html").write_bytes(SLOW)
    found, [left_out] = read(tmp_path, Limits(timeout_s=3, processes=2))
    assert found == ids
    assert left_out.source == "bad.html"
    assert left_out.reason.startswith("still not read after 3 s: ")
    assert "QA_READ_TIMEOUT_S" in left_out.reason


def test_a_file_that_takes_too_much_memory_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    ids = good(tmp_path, 20)
    (tmp_path / "bad.html").write_bytes(SLOW)
    found, [left_out] = read(tmp_path, Limits(memory_mb=400))
    assert found == ids
    assert left_out.source == "bad.html"
    assert left_out.reason.startswith("needs more than 400 MB to be read: ")
    assert "QA_READ_MEMORY_MB" in left_out.reason


def test_a_parser_that_dies_is_replaced(tmp_path: Path) -> None:
    ids = good(tmp_path, 20)
    (tmp_path / "bad.html").write_bytes(SLOW)
    killer = meanwhile(lambda pid: os.kill(pid, signal.SIGKILL))
    found, left_out = read(tmp_path, Limits(processes=1))
    killer.join()
    assert found == ids
    assert left_out == [LeftOut("bad.html", "the parser crashed on it (signal 9)")]


def test_many_processes_give_the_same_in_the_same_order_as_one(tmp_path: Path) -> None:
    good(tmp_path, 60)
    (tmp_path / "good-007x.pdf").write_bytes(b"%PDF-1.7 broken")

    def outcomes(processes: int) -> list[Outcome]:
        limits = Limits(processes=processes)
        return list(read_files(list_files(tmp_path), ReadingOptions(), limits))

    assert outcomes(1) == outcomes(3)
    assert isinstance(outcomes(1)[8], LeftOut)
    assert isinstance(outcomes(1)[9], Reading)


def test_reading_that_is_given_up_leaves_no_process_at_work(tmp_path: Path) -> None:
    good(tmp_path, 40)
    for outcome in read_corpus(tmp_path, ReadingOptions(), Limits(processes=2)):
        assert outcome
        break
    stop_idle()
    assert parsers() == []


def test_parsers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    good(tmp_path, 3)
    code = (
        "import sys, time; from pathlib import Path; "
        "from qa_service.corpus import ReadingOptions, read_corpus; "
        f"list(read_corpus(Path({str(tmp_path)!r}), ReadingOptions())); "
        "print('read', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"read\n"
        listed = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(parent.pid)], text=True)
        children = [int(pid) for pid in listed.split()]
        assert children
        parent.kill()
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
