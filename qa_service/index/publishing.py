"""Generations on disk: stage, seal, publish, prune; one atomic switch.

    index/.<id>/      staged: being written, never served
    index/<id>/       complete and immutable
    index/CURRENT     the id that is served; replaced by rename

Whatever happens between two of these steps, what ``CURRENT`` names is complete.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from qa_service.errors import (
    GenerationCorrupt,
    GenerationError,
    GenerationLocked,
    GenerationMissing,
)
from qa_service.index.embedding_cache import trim_cache as trim
from qa_service.index.manifest import (
    NAME,
    Digests,
    Manifest,
    check_digests,
    check_sizes,
    read_manifest,
)

CURRENT = "CURRENT"
BUILD_LOCK = ".build.lock"
CACHE = ".cache"


@contextlib.contextmanager
def building(index: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the one builder's lock of an index folder; the system releases it if the process dies.

    Raises:
        GenerationError: there cannot be such a folder.
        GenerationLocked: another build has held it for longer than ``wait_s``.
    """
    try:
        index.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GenerationError(f"{index} cannot be made: {error.strerror}") from error
    deadline = time.monotonic() + wait_s
    with (index / BUILD_LOCK).open("w") as file:
        while not _locked(file.fileno(), fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                raise GenerationLocked(
                    f"another build is at work in {index}: wait for it, or use `qa build --wait S`"
                )
            time.sleep(0.1)
        yield


def stage(index: Path, generation_id: str) -> Path:
    """An empty folder to write a generation into; what dead builds left staged is removed first."""
    for folder in index.glob(".g*"):
        shutil.rmtree(folder, ignore_errors=True)
    folder = index / f".{generation_id}"
    folder.mkdir()
    return folder


def complete(index: Path, staged: Path, manifest: Manifest) -> Path:
    """Make a staged generation durable and give it its name. It is not served yet."""
    write_durably(staged / NAME, manifest.model_dump_json(indent=2).encode())
    for path in sorted(staged.rglob("*"), reverse=True):
        fsync_path(path)
    fsync_path(staged)
    final = index / manifest.generation_id
    staged.rename(final)
    fsync_path(index)
    return final


def publish(index: Path, generation_id: str) -> None:
    """Serve this generation from now on: the atomic switch, and the way back.

    Raises:
        GenerationMissing: there is none of that id.
        GenerationCorrupt: it is damaged; what is served stays.
    """
    folder = _existing(index, generation_id)
    with holding(folder):
        check_sizes(folder, read_manifest(folder))
        write_durably(index / CURRENT, f"{generation_id}\n".encode())


def current_id(index: Path) -> str:
    """The id that is served.

    Raises:
        GenerationMissing: nothing has been published.
        GenerationCorrupt: ``CURRENT`` does not hold an id.
    """
    try:
        name = (index / CURRENT).read_bytes().decode(errors="replace").strip()
    except FileNotFoundError:
        raise GenerationMissing(f"nothing is published in {index}: run `qa build`") from None
    except OSError as error:
        raise GenerationCorrupt(f"{index / CURRENT} cannot be read: {error.strerror}") from error
    if not re.fullmatch(r"g[0-9A-Za-z-]+", name):
        raise GenerationCorrupt(f"{index / CURRENT} names no generation: run `qa build`")
    return name


def generation_ids(index: Path) -> list[str]:
    """The ids of all complete generations, the oldest first."""
    return sorted(path.parent.name for path in index.glob(f"g*/{NAME}"))


def manifest_of(index: Path, generation_id: str) -> Manifest:
    """The manifest of one generation.

    Raises:
        GenerationMissing: there is none of that id.
        GenerationCorrupt: its manifest cannot be read.
    """
    return read_manifest(_existing(index, generation_id))


def verify(index: Path, generation_id: str, digests: Digests | None = None) -> Manifest:
    """Compare every file with its digest; those in ``digests`` are not read again.

    Raises:
        GenerationMissing: there is none of that id.
        GenerationCorrupt: naming the first file that disagrees.
    """
    manifest = manifest_of(index, generation_id)
    check_digests(index / generation_id, manifest, digests or Digests())
    return manifest


def prune(
    index: Path, keep: int, drop: Callable[[Path], object] = lambda _folder: None
) -> list[str]:
    """Remove all but the newest ``keep`` generations; never the current one, nor one in use.

    ``drop`` is given the folder of each, to remove what it has elsewhere.
    """
    with contextlib.suppress(GenerationMissing):
        served = {current_id(index)}
        spared = served | set(generation_ids(index)[-keep:] if keep else [])
        return [g for g in generation_ids(index) if g not in spared and _remove(index, g, drop)]
    return []


def trim_cache(index: Path, max_bytes: int) -> int:
    """Cut the vectors kept for the next builds to a size; gives how many were removed.

    Raises:
        GenerationLocked: a build is using them.
    """
    if not (index / CACHE).is_dir():
        return 0
    with building(index):
        return trim(index / CACHE, max_bytes)


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep a generation from being pruned while it is read; needs no right to write.

    Raises:
        GenerationMissing: it is gone, or is being removed.
    """
    try:
        file = (folder / NAME).open("rb")
    except FileNotFoundError:
        raise GenerationMissing(f"{folder} is gone: `qa generations` lists what is there") from None
    with file:
        if not _locked(file.fileno(), fcntl.LOCK_SH):
            raise GenerationMissing(f"{folder} is being removed")
        yield


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step that survives a power cut."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    fsync_path(path.parent)


def fsync_path(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _existing(index: Path, generation_id: str) -> Path:
    if generation_id not in generation_ids(index):
        known = ", ".join(generation_ids(index)) or "none"
        raise GenerationMissing(f"{index} has no generation {generation_id!r}; it has: {known}")
    return index / generation_id


def _remove(index: Path, generation_id: str, drop: Callable[[Path], object]) -> bool:
    """Hide, then delete: a half-deleted generation is never listed."""
    folder = index / generation_id
    with contextlib.suppress(FileNotFoundError), (folder / NAME).open("rb") as file:
        if not _locked(file.fileno(), fcntl.LOCK_EX) or current_id(index) == generation_id:
            return False
        hidden = index / f".{generation_id}"
        folder.rename(hidden)
        drop(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
        return True
    return False


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
