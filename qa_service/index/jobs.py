"""Builds that a server was asked for: each a process of its own, which tells a file how far it is.

Any process over the same index folder can read it. The builder holds a lock on the file while it lives,
so that one that was killed is known to have been.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from qa_service.errors import NotFound

FOLDER = ".jobs"
KEPT = 20
TOLD_S = 0.3
"""Progress is told at most so often."""

State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """How far a build is. ``total`` is ``None`` where nobody knows; ``report`` is what `qa build` says."""

    job_id: str
    state: State
    created_at: str
    step: str = ""
    done: int = 0
    total: int | None = None
    report: Mapping[str, Any] | None = None
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed")


def start(index: Path, environ: Mapping[str, str], options: tuple[str, ...] = ()) -> Job:
    """Start a build, unless one is waiting already: that will see what is there now.

    ``environ``: the settings as variables; ``options``: further ones of `qa build`.
    """
    folder = index / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = known(index)
        for job in asked:
            if job.state == "waiting" and not options:
                return job
        for job in asked[: max(0, len(asked) - KEPT + 1)]:
            if job.ended:
                (folder / f"{job.job_id}.jsonl").unlink(missing_ok=True)
        job_id = f"j{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        _spawn(folder / f"{job_id}.jsonl", environ, options)
        return read(index, job_id)


def known(index: Path) -> list[Job]:
    """The last builds that were asked for, the oldest first."""
    found = []
    for path in sorted((index / FOLDER).glob("j*.jsonl")):
        with contextlib.suppress(NotFound):  # another process tidies up
            found.append(read(index, path.stem))
    return found


def read(index: Path, job_id: str) -> Job:
    """How far a build is.

    Raises:
        NotFound: there is no such job, or it was long ago.
    """
    path = index / FOLDER / f"{job_id}.jsonl"
    if not re.fullmatch(r"j[0-9A-Za-z-]+", job_id) or not path.is_file():
        raise NotFound(f"there is no job {job_id!r}, or it is long done")
    with path.open("rb") as file:
        alive = not _can_lock(file.fileno())
        lines = file.read().split(b"\n")[:-1]  # the last one may be half written
    events = [json.loads(line) for line in lines]
    job = Job(job_id, "waiting", events[0]["at"] if events else "")
    for event in events[1:]:
        job = replace(job, **event)
    if alive or job.ended:
        return job
    died = "the build was killed; the next one goes on with what it has embedded"
    return replace(job, state="failed", error=died)


def follow(index: Path, job_id: str, poll_s: float = 0.2) -> Iterator[Job]:
    """The job, again whenever there is something new, until it has ended."""
    last = None
    while True:
        job = read(index, job_id)
        if job != last:
            yield job
        if job.ended:
            return
        last = job
        time.sleep(poll_s)


class JobLog:
    """What the builder writes: its progress, and how it ended."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._told = 0.0

    def progress(self, what: str, total: int | None) -> contextlib.AbstractContextManager["_Step"]:
        """A step of the build, as :data:`qa_service.index.Progress` wants it."""
        self.tell(state="running", step=what, done=0, total=total)
        return contextlib.nullcontext(_Step(self, what, total))

    def counted(self, what: str, done: int, total: int | None) -> None:
        """So many are done."""
        if time.monotonic() - self._told >= TOLD_S:
            self.tell(state="running", step=what, done=done, total=total)

    def tell(self, **event: object) -> None:
        """Add what is new."""
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()
        self._told = time.monotonic()


class _Step:
    def __init__(self, log: JobLog, what: str, total: int | None) -> None:
        self._log, self._what, self._total, self._done = log, what, total, 0

    def update(self, n: int) -> None:
        self._done += n
        self._log.counted(self._what, self._done, self._total)


def _spawn(path: Path, environ: Mapping[str, str], options: tuple[str, ...]) -> None:
    """Start the builder. It inherits the lock, which ends with it."""
    with path.open("x") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n")
        file.flush()
        command = [sys.executable, "-m", "qa_service", "build", "--job", str(path.absolute())]
        process = subprocess.Popen(  # noqa: S603 - this Python, this package
            [*command, *options],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[file.fileno()],
            start_new_session=True,  # a build that was asked for goes on if the server stops
        )
    threading.Thread(target=process.wait, daemon=True).start()


def _can_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
