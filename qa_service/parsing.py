"""Parsers at work in processes of their own, with limits on time and memory.

A file that makes a parser hang, swell or crash costs that process and a message; the next file gets a
new one. Processes are kept for the next corpus and end with this one: they read from a pipe that ends.
"""

import atexit
import contextlib
import itertools
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qa_service.readers.formats import Outcome, ReadingOptions
from qa_service.readers.worker import decode_outcome
from qa_service.types import LeftOut

FILES_EACH = 8
"""Files that make another process worth its start, of a tenth of a second."""
JOBS_MAX = 1000
"""Files after which a process is replaced: libraries leak."""
AHEAD = 32
"""Files for each process that may be read before the first of them is asked for."""

Job = tuple[Path, str, Path | None]
"""A file, its name in the corpus, and its sidecar."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. ``timeout_s`` counts from the last sign of progress."""

    timeout_s: float = 60.0
    memory_mb: int = 2048
    processes: int = 0


def parse_files(
    jobs: Iterable[Job], options: ReadingOptions, limits: Limits | None = None
) -> Iterator[tuple[Outcome, ...]]:
    """What each file gives, in the order of ``jobs``."""
    limits = limits or Limits()
    known = list(jobs)
    wanted = limits.processes or min(os.cpu_count() or 1, 8)
    threads = max(1, min(wanted, -(-len(known) // FILES_EACH)))
    pending: deque[Future[tuple[Outcome, ...]]] = deque()
    rest = iter(known)
    with ThreadPoolExecutor(threads, "parsing") as pool:
        try:
            for job in itertools.islice(rest, threads * AHEAD):
                pending.append(pool.submit(_parse, job, options, limits))
            while pending:
                outcomes = pending.popleft().result()
                pending.extend(
                    pool.submit(_parse, job, options, limits) for job in itertools.islice(rest, 1)
                )
                yield outcomes
        finally:
            for future in pending:
                future.cancel()


def _parse(job: Job, options: ReadingOptions, limits: Limits) -> tuple[Outcome, ...]:
    """One file, by an idle process; again by a fresh one if a used one failed."""
    worker = _take(limits)
    if worker.jobs and worker.used_up:
        worker.stop()
        worker = _Process(limits)
    while True:
        fresh = worker.jobs == 0
        try:
            outcomes = tuple(worker.parse(job, options))
        except _Lost as lost:
            worker.stop()
            if fresh or lost.final:
                return (*lost.outcomes, LeftOut(job[1], str(lost)))
            worker = _Process(limits)
            continue
        except BaseException:
            worker.stop()
            raise
        _give_back(worker)
        return outcomes


class _Lost(Exception):
    """A process is gone; ``outcomes`` it had given before. ``final``: another try would be the same."""

    def __init__(self, why: str, outcomes: list[Outcome], final: bool) -> None:
        super().__init__(why)
        self.outcomes = outcomes
        self.final = final


class _Process:
    """One process that parses files, one after the other."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.jobs = 0
        self._buffer = b""
        environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - this Python, this package
            [sys.executable, "-m", "qa_service.readers.worker", str(limits.memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
        )

    @property
    def used_up(self) -> bool:
        return self.jobs >= JOBS_MAX or self._process.poll() is not None

    def parse(self, job: Job, options: ReadingOptions) -> Iterator[Outcome]:
        """What one file gives.

        Raises:
            _Lost: the process hangs, has died, or is out of memory.
        """
        path, name, beside = job
        request = {
            "path": os.fspath(path),
            "name": name,
            "sidecar": os.fspath(beside) if beside else None,
            "options": asdict(options),
            "timeout_s": self.limits.timeout_s,
        }
        given: list[Outcome] = []
        try:
            assert self._process.stdin is not None  # noqa: S101 - for the type checker
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _Lost("the parser could not be started", given, final=False) from error
        self.jobs += 1
        while True:
            message = self._message(given)
            kind = message.pop("kind")
            if kind == "done":
                return
            if kind == "memory":
                raise _Lost(self._too_much_memory(), given, final=False)
            if kind != "tick":
                given.append(decode_outcome(kind, message))
                yield given[-1]

    def _message(self, given: list[Outcome]) -> dict[str, Any]:
        """The next line from the process."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        parts = [self._buffer]
        deadline = time.monotonic() + self.limits.timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in parts[-1]:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise _Lost(self._too_slow(), given, final=True)
                data = os.read(self._process.stdout.fileno(), 1 << 18)
                if not data:
                    raise _Lost(self._died(), given, final=False)
                parts.append(data)
        line, _, self._buffer = b"".join(parts).partition(b"\n")
        return dict(json.loads(line))

    def _too_slow(self) -> str:
        return (
            f"still not read after {self.limits.timeout_s:g} s: split it, or set QA_READ_TIMEOUT_S"
        )

    def _too_much_memory(self) -> str:
        return f"needs more than {self.limits.memory_mb} MB to be read: split it, or set QA_READ_MEMORY_MB"

    def _died(self) -> str:
        code = self._process.wait()
        return (
            f"the parser crashed on it ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
        )

    def stop(self) -> None:
        """End it, whatever it is doing."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()


_idle: list[_Process] = []
_lock = threading.Lock()


def _take(limits: Limits) -> _Process:
    with _lock:
        for worker in _idle:
            if worker.limits.memory_mb == limits.memory_mb:
                _idle.remove(worker)
                worker.limits = limits
                return worker
    return _Process(limits)


def _give_back(worker: _Process) -> None:
    with _lock:
        _idle.append(worker)


@atexit.register
def stop_idle() -> None:
    """End the processes that wait for work."""
    with _lock:
        while _idle:
            _idle.pop().stop()
