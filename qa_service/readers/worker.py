"""The process that parses: requests as lines of JSON on its input, outcomes on its output.

``python -m qa_service.readers.worker MEMORY_MB``; see :mod:`qa_service.parsing`, which starts it.
"""

import contextlib
import json
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers import sidecar
from qa_service.readers.formats import Outcome, ReadingOptions, read_stream, refusal
from qa_service.types import LeftOut, Reading, Release, Withdrawn


def read_file(
    path: Path,
    name: str,
    beside: Path | None,
    options: ReadingOptions,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """Every release of one file: decided by its bytes, its sidecar and the options alone."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CorpusError("not a regular file")
        if reason := refusal(name, status.st_size, options):
            raise CorpusError(reason)
        given = sidecar.parse(beside.read_bytes(), beside.name) if beside else {}
        with path.open("rb") as stream:
            yield from read_stream(name, stream, options, given, tick)
    except CorpusError as error:
        yield LeftOut(name, str(error))
    except OSError as error:
        yield LeftOut(name, f"cannot be read: {error.strerror}")


def encode_outcome(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON can hold it."""
    if isinstance(outcome, Reading):
        release = {one.name: getattr(outcome.release, one.name) for one in fields(Release)}
        published = outcome.release.published
        release["published"] = published.isoformat() if published else None
        origins, warnings = dict(outcome.origins), outcome.warnings
        return {"kind": "reading", "release": release, "origins": origins, "warnings": warnings}
    kind = "withdrawn" if isinstance(outcome, Withdrawn) else "left out"
    return {"kind": kind, **{one.name: getattr(outcome, one.name) for one in fields(outcome)}}


def decode_outcome(kind: str, message: Mapping[str, Any]) -> Outcome:
    """The way back from :func:`encode_outcome`."""
    if kind == "withdrawn":
        return Withdrawn(**message)
    if kind == "left out":
        return LeftOut(**message)
    release = dict(message["release"])
    release["published"] = (
        date.fromisoformat(release["published"]) if release["published"] else None
    )
    release["pages"] = tuple(release["pages"])
    release["boilerplate"] = tuple((start, end) for start, end in release["boilerplate"])
    return Reading(Release(**release), message["origins"], tuple(message["warnings"]))


def main() -> None:
    """Serve until the input ends."""
    memory = int(sys.argv[1]) << 20
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and its pipe ends
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no outcome
    for line in sys.stdin.buffer:
        _serve(json.loads(line), out.write, out.flush)


def _serve(
    request: Mapping[str, Any], write: Callable[[bytes], object], flush: Callable[[], None]
) -> None:
    def send(message: Mapping[str, Any]) -> None:
        write(json.dumps(message).encode() + b"\n")

    def tick() -> None:
        signal.alarm(patience)
        send({"kind": "tick"})
        flush()

    patience = int(request["timeout_s"]) + 10  # the parent kills it sooner, unless that is gone
    signal.alarm(patience)
    beside = Path(request["sidecar"]) if request["sidecar"] else None
    options = ReadingOptions(**request["options"])
    try:
        for outcome in read_file(Path(request["path"]), request["name"], beside, options, tick):
            send(encode_outcome(outcome))
    except MemoryError:
        send({"kind": "memory"})
        flush()
        sys.exit(1)
    except Exception as error:  # a parser's own fault; the message names it
        reason = f"the parser failed on it ({type(error).__name__}: {error})"[:300]
        send(encode_outcome(LeftOut(request["name"], reason.encode(errors="replace").decode())))
    send({"kind": "done"})
    flush()
    signal.alarm(0)


if __name__ == "__main__":
    main()
