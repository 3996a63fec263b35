"""What a generation was built with and from, and the digest of each of its files."""

import hashlib
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from qa_service.corpus import ReadingOptions
from qa_service.errors import GenerationCorrupt, GenerationMismatch

NAME = "manifest.json"
SCHEMA = 7
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


def seal(folder: Path) -> dict[str, FileSeal]:
    """The seals of all files of ``folder``, by relative path in order; the manifest has none."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(folder).as_posix(): _seal_file(path) for path in paths}


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


def check_digests(folder: Path, manifest: Manifest) -> None:
    """The thorough check: every byte is as sealed, and no file was added.

    Raises:
        GenerationCorrupt: naming the first file that disagrees.
    """
    check_sizes(folder, manifest)
    found = seal(folder)
    for name in sorted(found.keys() | manifest.files.keys()):
        if found.get(name) != manifest.files.get(name):
            raise GenerationCorrupt(
                f"{folder / name} is not as it was built: rebuild with `qa build --full`"
            )


def _seal_file(path: Path) -> FileSeal:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileSeal(size_bytes=path.stat().st_size, sha256=digest)
