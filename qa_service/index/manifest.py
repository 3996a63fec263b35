"""What a generation was built with and from, and the digest of each of its files."""

import contextlib
import hashlib
import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from qa_service.corpus import ReadingOptions
from qa_service.errors import GenerationCorrupt, GenerationMismatch

NAME = "manifest.json"
SCHEMA = 8
"""Raised when the meaning of a generation's files changes; older ones must then be rebuilt."""


class EmbedderSpec(BaseModel):
    """What is needed to load the same embedder again."""

    model_config = ConfigDict(frozen=True)

    name: str
    fingerprint: str
    dim: int
    query_prefix: str | None
    passage_prefix: str | None


class FileSeal(BaseModel):
    """Size and SHA-256 of one file."""

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    sha256: str


class Digests:
    """Digests of files, each computed once while the file keeps its inode, size and time of writing.

    So a file that a generation shares with the last one is read once. Who looks for bits that flipped on
    the disk, which leave no trace in those, begins with none.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Go on with those kept in ``path``; what is lost or damaged there is computed again."""
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._used: dict[str, list[object]] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads(path.read_text()) if path else {}
            if isinstance(kept, dict) and all(isinstance(one, list) for one in kept.values()):
                self._known = kept

    def seal(self, path: Path) -> FileSeal:
        """The seal of one file."""
        stat = path.stat()
        key = f"{stat.st_dev}:{stat.st_ino}"
        state = [stat.st_size, stat.st_mtime_ns]
        known = self._used.get(key) or self._known.get(key, [""])
        if known[:-1] != state:
            with path.open("rb") as file:
                known = [*state, hashlib.file_digest(file, "sha256").hexdigest()]
        self._used[key] = known
        return FileSeal(size_bytes=stat.st_size, sha256=str(known[-1]))

    def forget_others(self) -> None:
        """Keep only those asked for since the last time; where there is a path, there."""
        self._known, self._used = self._used, {}
        if self._path is not None:
            draft = self._path.with_name(f".{self._path.name}")
            with contextlib.suppress(OSError):
                draft.write_text(json.dumps(self._known))
                draft.replace(self._path)


class LeftOutSource(BaseModel):
    """A file or line that is not in the index, and why; nothing is lost if it is a copy of another."""

    model_config = ConfigDict(frozen=True)

    source: str
    reason: str
    copy_of: str = ""


class Recipe(BaseModel):
    """What decides a generation's content: equal recipes make equal answers."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA
    program: str
    corpus_digest: str
    fingerprint: str
    dense: str
    lexical: str
    passage_max_chars: int
    passage_min_chars: int
    reading: ReadingOptions
    index_titles: bool


class Manifest(BaseModel):
    """The label of a generation, written last and checked first."""

    model_config = ConfigDict(frozen=True)

    generation_id: str
    built_at: datetime
    recipe: Recipe
    embedder: EmbedderSpec
    releases: int
    passages: int
    dense: str
    lexical: str = ""
    """Why another engine than the one asked for indexes words; empty: it does."""
    left_out: tuple[LeftOutSource, ...]
    files: dict[str, FileSeal]


def seal(folder: Path, digests: Digests) -> dict[str, FileSeal]:
    """The seals of all files of ``folder``, by relative path in order; the manifest has none."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(folder).as_posix(): digests.seal(path) for path in paths}


def read_manifest(folder: Path) -> Manifest:
    """Read a generation's manifest.

    Raises:
        GenerationCorrupt: it is missing or unreadable.
        GenerationMismatch: it was written by another version of this program.
    """
    path = folder / NAME
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise GenerationCorrupt(f"{path} cannot be read: rebuild with `qa build`") from error
    if manifest.recipe.schema_version != SCHEMA:
        raise GenerationMismatch(
            f"{folder} has schema {manifest.recipe.schema_version}, this program reads {SCHEMA}: "
            "rebuild with `qa build`"
        )
    return manifest


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """The cheap check at opening: every file is there and has its size.

    Raises:
        GenerationCorrupt: naming the first file that disagrees.
    """
    for name, sealed in manifest.files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != sealed.size_bytes:
            found = "is missing" if size is None else f"has {size:,} bytes"
            raise GenerationCorrupt(
                f"{path} {found}, the manifest says {sealed.size_bytes:,}: rebuild with `qa build`"
            )


def check_digests(folder: Path, manifest: Manifest, digests: Digests) -> None:
    """The thorough check: every byte is as sealed, and no file was added.

    Raises:
        GenerationCorrupt: naming the first file that disagrees.
    """
    check_sizes(folder, manifest)
    found = seal(folder, digests)
    for name in sorted(found.keys() | manifest.files.keys()):
        if found.get(name) != manifest.files.get(name):
            raise GenerationCorrupt(
                f"{folder / name} is not as it was built: rebuild with `qa build --full`"
            )
