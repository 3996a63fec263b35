"""The folder of press releases, read: releases, and what was left out and why.

Files are taken in the order of their paths. ``README.md`` files and names that begin with a dot
are not releases. A file that cannot be read costs a message and nothing else.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qa_service.errors import CorpusError
from qa_service.readers.jsonl import read_line
from qa_service.readers.text import read_text
from qa_service.types import LeftOut, Release

TEXT = {".txt", ".md"}
LINES = {".jsonl"}


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of the corpus; ``name`` is its path below the corpus folder, with slashes."""

    path: Path
    name: str


def list_files(folder: Path) -> tuple[CorpusFile, ...]:
    """Every file that is meant as releases, in order; ``folder`` may also be one such file.

    Raises:
        CorpusError: there is no such folder.
    """
    if folder.is_file():
        return (CorpusFile(folder, folder.name),)
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder: put releases there, or set QA_CORPUS_DIR")
    files = (CorpusFile(path, path.relative_to(folder).as_posix()) for path in folder.rglob("*"))
    return tuple(sorted((f for f in files if _is_meant(f)), key=lambda file: file.name))


def corpus_digest(folder: Path) -> str:
    """The SHA-256 over names and contents of all files: equal means nothing changed."""
    digest = hashlib.sha256()
    for file in list_files(folder):
        digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0")
        try:
            if not file.path.is_file():
                continue
            with file.path.open("rb") as data:
                digest.update(hashlib.file_digest(data, "sha256").digest())
        except OSError as error:
            digest.update(str(error.errno).encode())
    return digest.hexdigest()


def read_corpus(folder: Path, release_max_bytes: int) -> Iterator[Release | LeftOut]:
    """Every release of the corpus, and in its place what had to be left out.

    Raises:
        CorpusError: there is no such folder.
    """
    sources: dict[str, str] = {}
    for file in list_files(folder):
        for outcome in _read_file(file, release_max_bytes):
            if isinstance(outcome, Release) and outcome.release_id in sources:
                first = sources[outcome.release_id]
                reason = f"the id {outcome.release_id!r} is taken by {first}: give it another"
                yield LeftOut(outcome.source, reason)
                continue
            if isinstance(outcome, Release):
                sources[outcome.release_id] = outcome.source
            yield outcome


def _is_meant(file: CorpusFile) -> bool:
    hidden = any(part.startswith(".") for part in file.name.split("/"))
    return not hidden and file.path.name != "README.md" and not file.path.is_dir()


def _read_file(file: CorpusFile, release_max_bytes: int) -> Iterator[Release | LeftOut]:
    suffix = file.path.suffix.lower()
    try:
        if suffix in TEXT:
            yield _read_text_file(file, release_max_bytes)
        elif suffix in LINES:
            yield from _read_lines(file, release_max_bytes)
        else:
            known = ", ".join(sorted(TEXT | LINES))
            yield LeftOut(file.name, f"{suffix or 'no'} files are not read; known: {known}")
    except CorpusError as error:
        yield LeftOut(file.name, str(error))
    except OSError as error:
        yield LeftOut(file.name, f"cannot be read: {error.strerror}")


def _read_text_file(file: CorpusFile, release_max_bytes: int) -> Release:
    size = file.path.stat().st_size
    if not file.path.is_file():
        raise CorpusError("not a regular file")
    if size > release_max_bytes:
        raise CorpusError(_too_large(size, release_max_bytes))
    release_id = file.name[: -len(file.path.suffix)]
    if not release_id.isprintable() or len(release_id) > 200:
        raise CorpusError("the file's name cannot be an id: use printable characters, at most 200")
    return read_text(file.path.read_bytes(), release_id, file.name)


def _read_lines(file: CorpusFile, release_max_bytes: int) -> Iterator[Release | LeftOut]:
    if not file.path.is_file():
        raise CorpusError("not a regular file")
    number = 0
    with file.path.open("rb") as lines:
        while line := lines.readline(release_max_bytes + 1):
            number += 1
            size = len(line)
            while not line.endswith(b"\n") and (rest := lines.readline(1 << 20)):
                size += len(rest)
                line = line[:1] + rest[-1:]
            if size > release_max_bytes:
                yield LeftOut(f"{file.name}:{number}", _too_large(size, release_max_bytes))
            elif line.strip():
                yield _read_line(line, f"{file.name}:{number}")
    if number == 0:
        yield LeftOut(file.name, "the file is empty")


def _read_line(line: bytes, source: str) -> Release | LeftOut:
    try:
        return read_line(line, source)
    except CorpusError as error:
        return LeftOut(source, str(error))


def _too_large(size: int, limit: int) -> str:
    return (
        f"{size:,} bytes, more than the limit of {limit:,}: split it, or set QA_RELEASE_MAX_BYTES"
    )
