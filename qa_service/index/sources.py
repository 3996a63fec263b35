"""The files of the corpus, and which of them changed since a generation was built.

A file whose size, times and inode are those of the last look has the content that it had then; every
other one is read to its SHA-256. What was looked at within the last seconds is read again: a change
in the same tick of the clock leaves no trace in the times.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qa_service.corpus import CorpusFile, exclusions_digest, file_digest, list_files

FILE = "files.json"
TICK_NS = 2_000_000_000
"""The coarsest clock of a file system in use: FAT's two seconds."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the corpus with the digest of its content, and of its sidecar's, in hexadecimal."""

    file: CorpusFile
    digest: str


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Names of files. A renamed one is neither added nor removed: ``(old, new)``."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


def scan(corpus: Path, cache: Path) -> dict[str, Source]:
    """The files of the corpus by printable name, in order; those that seem unchanged are not read.

    Raises:
        CorpusError: there is no such folder.
    """
    known = _read_known(cache / FILE)
    found: dict[str, Source] = {}
    seen: dict[str, list[object]] = {}
    settled = time.time_ns() - TICK_NS
    for file in list_files(corpus):
        key = printable(str(file.path.absolute()))
        states = [_state(path) for path in (file.path, file.sidecar) if path]
        state = [part for one in states for part in one]
        before = known.get(key, [""])
        digest = str(before[-1]) if before[:-1] == state else file_digest(file).hex()
        found[printable(file.name)] = Source(file, digest)
        was_read = len(digest) == 64 * len(states)
        if state and was_read and all(one and one[1] < settled for one in states):
            seen[key] = [*state, digest]
    if seen != known:
        _write_known(cache / FILE, seen)
    return found


def digest_of_all(corpus: Path, sources: Mapping[str, Source]) -> str:
    """One digest over all files and what is excluded: equal means nothing changed."""
    whole = hashlib.sha256(exclusions_digest(corpus))
    for name in sorted(sources):
        whole.update(f"{name}\0{sources[name].digest}\0".encode())
    return whole.hexdigest()


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> FileChanges:
    """What happened between two mappings of names to digests."""
    added = [name for name in now if name not in before]
    removed = [name for name in before if name not in now]
    changed = tuple(name for name in now if name in before and before[name] != now[name])
    renamed = []
    by_digest = {before[name]: name for name in removed}
    for name in list(added):
        if old := by_digest.pop(now[name], None):
            renamed.append((old, name))
            added.remove(name)
            removed.remove(old)
    return FileChanges(tuple(added), changed, tuple(removed), tuple(renamed))


def printable(name: str) -> str:
    """A file's name may hold bytes that are no text; a manifest may not."""
    return name.encode(errors="backslashreplace").decode()


def _state(path: Path) -> list[int]:
    """Size, later of the two times, time of writing, inode; nothing of what cannot be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, max(stat.st_mtime_ns, stat.st_ctime_ns), stat.st_mtime_ns, stat.st_ino]


def _read_known(path: Path) -> dict[str, list[object]]:
    """What the last look found; nothing if that is lost or damaged."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(path.read_text())
        if isinstance(known, dict) and all(isinstance(one, list) for one in known.values()):
            return known
    return {}


def _write_known(path: Path, seen: Mapping[str, list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(seen))
    draft.replace(path)
