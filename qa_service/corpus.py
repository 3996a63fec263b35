"""The folder of press releases, read: releases, and what was left out and why.

Files are taken in the order of their paths without their endings; of two that differ in nothing else the
one comes first that is read more exactly. ``README.md`` files, sidecars (``*.meta.toml``) and names
that begin with a dot are not releases; nor are ``exclude.txt`` and ``sources.toml`` of the folder
itself. A file that cannot be read costs a message and nothing else.

What a file gives is decided by its bytes, its sidecar and the options alone (:func:`read_file`); which
of it may be shown, by ``exclude.txt``. Files are parsed in processes of their own (see ``parsing``).
"""

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qa_service.errors import CorpusError
from qa_service.parsing import Limits, parse_files
from qa_service.readers import sidecar
from qa_service.readers.formats import Outcome, ReadingOptions, id_of
from qa_service.readers.sniffing import EXACTNESS, SUFFIXES, suffix_of
from qa_service.types import LeftOut, Reading, Release, Withdrawn

__all__ = [
    "CorpusFile",
    "Exclusions",
    "Limits",
    "Outcome",
    "ReadingOptions",
    "checked",
    "corpus_digest",
    "exclusions_digest",
    "file_digest",
    "list_files",
    "order_of",
    "read_corpus",
    "read_each",
    "read_exclusions",
    "read_files",
    "read_with_origins",
    "second",
    "write_sidecars",
]


RUN = 8
"""Letters of a run by which texts are compared: two of different matters share few of them."""


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of the corpus; ``name`` is its path below the corpus folder, with slashes.

    ``sidecar`` is the file of what a person says of it, where there is one.
    """

    path: Path
    name: str
    sidecar: Path | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A line of ``exclude.txt``: a pattern for ids, sources or addresses, and the reason given there."""

    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What may not be shown, whatever the files say."""

    lines: tuple[Exclusion, ...] = ()

    def reason(self, release: Release) -> str:
        """Why a release is excluded, or nothing."""
        names = (release.release_id, release.source, release.url)
        for line in self.lines:
            if any(name and fnmatch.fnmatchcase(name, line.pattern) for name in names):
                return line.reason
        return ""


def check_there(corpus: Path) -> None:
    """Refuse a corpus that is not there.

    Raises:
        CorpusError: there is no such folder or file.
    """
    if not corpus.is_dir() and not corpus.is_file():
        raise CorpusError(f"{corpus} is not a folder: put releases there, or set QA_CORPUS_DIR")


def list_files(folder: Path) -> tuple[CorpusFile, ...]:
    """Every file that is meant as releases, in order; ``folder`` may also be one such file.

    Raises:
        CorpusError: there is no such folder.
    """
    if folder.is_file():
        beside = folder.with_name(sidecar.name_of(folder.name))
        return (CorpusFile(folder, folder.name, beside if beside.is_file() else None),)
    check_there(folder)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return tuple(
        CorpusFile(path, name, paths.get(sidecar.name_of(name)))
        for name, path in sorted(paths.items(), key=lambda one: order_of(one[0]))
        if _is_meant(name, path)
    )


def order_of(name: str) -> tuple[str, int, str]:
    """By what files are put in order: the id in their names, then how exactly they are read."""
    kind = SUFFIXES.get(suffix_of(name), "")
    rank = EXACTNESS.index(kind) if kind in EXACTNESS else len(EXACTNESS)
    return id_of(name), rank, name


def corpus_digest(folder: Path) -> str:
    """The SHA-256 over names and contents of all files: equal means nothing changed."""
    digest = hashlib.sha256()
    for file in list_files(folder):
        digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0" + file_digest(file))
    digest.update(exclusions_digest(folder))
    return digest.hexdigest()


def exclusions_digest(folder: Path) -> bytes:
    """The SHA-256 of ``exclude.txt``; empty without one."""
    return _content(folder / sidecar.EXCLUDE)


def file_digest(file: CorpusFile) -> bytes:
    """The SHA-256 of a file and of its sidecar, each followed by whether it is there; 64 bytes at most."""
    return _content(file.path) + (_content(file.sidecar) if file.sidecar else b"")


def read_corpus(
    folder: Path, options: ReadingOptions, limits: Limits | None = None
) -> Iterator[Release | LeftOut | Withdrawn]:
    """Every release of the corpus, and in its place what had to be left out.

    Raises:
        CorpusError: there is no such folder, or ``exclude.txt`` cannot be read.
    """
    for outcome in read_with_origins(folder, options, limits):
        yield outcome.release if isinstance(outcome, Reading) else outcome


def read_with_origins(
    folder: Path, options: ReadingOptions, limits: Limits | None = None
) -> Iterator[Outcome]:
    """The same with where each fact was read, and what is doubtful."""
    exclusions = read_exclusions(folder)
    files = list_files(folder)
    yield from checked(read_files(files, options, limits), exclusions)


def read_files(
    files: Iterable[CorpusFile], options: ReadingOptions, limits: Limits | None = None
) -> Iterator[Outcome]:
    """What all files give, in the order of the files."""
    for outcomes in read_each(files, options, limits):
        yield from outcomes


def read_each(
    files: Iterable[CorpusFile], options: ReadingOptions, limits: Limits | None = None
) -> Iterator[tuple[Outcome, ...]]:
    """What each file gives, in the order of the files, read in several processes."""
    return parse_files(((f.path, f.name, f.sidecar) for f in files), options, limits)


def checked(outcomes: Iterable[Outcome], exclusions: Exclusions) -> Iterator[Outcome]:
    """Outcomes of a whole corpus without excluded releases and without a second one of an id."""
    sources: dict[str, str] = {}
    last: Release | Withdrawn | None = None
    for outcome in outcomes:
        if isinstance(outcome, LeftOut):
            yield outcome
            continue
        release = outcome.release if isinstance(outcome, Reading) else outcome
        if release.release_id in sources:
            same = last if last and last.release_id == release.release_id else None
            text = same.text if isinstance(same, Release) else None
            yield second(release, sources[release.release_id], text)
            continue
        sources[release.release_id] = release.source
        if isinstance(release, Release) and (why := exclusions.reason(release)):
            last = Withdrawn(release.release_id, release.title, why, release.source)
            yield last
        else:
            last = release
            yield outcome


def second(release: Release | Withdrawn, first: str, text: str | None) -> LeftOut:
    """What becomes of the second release of an id: ``first`` has it, with ``text`` (``None``: unknown).

    The same release as PDF and as a Word file is there once, and nothing is wrong with that.
    """
    source, own = release.source, release.release_id
    if id_of(source) != own or id_of(first) != own:
        return LeftOut(source, f"the id {own!r} is taken by {first}: give it another")
    if isinstance(release, Release) and text is not None and not _say_the_same(release.text, text):
        return LeftOut(
            source,
            f"the id {own!r} is taken by {first}, which says something else: give it another name",
        )
    why = f"says the same as {first}, which is taken: it is read more exactly"
    return LeftOut(source, why, copy_of=first)


def _say_the_same(one: str, other: str) -> bool:
    """Whether most runs of letters of the shorter text are in the longer, whatever parts its lines."""
    shorter, longer = sorted((_runs(one), _runs(other)), key=len)
    return 2 * len(shorter & longer) > len(shorter)


def _runs(text: str) -> set[str]:
    letters = "".join(filter(str.isalnum, text.casefold()))
    return {letters[at : at + RUN] for at in range(max(1, len(letters) - RUN + 1))}


def read_exclusions(folder: Path) -> Exclusions:
    """The lines of ``exclude.txt``: a pattern, and behind " # " the reason.

    Raises:
        CorpusError: it cannot be read as text.
    """
    try:
        text = (folder / sidecar.EXCLUDE).read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return Exclusions()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{folder / sidecar.EXCLUDE} cannot be read: {error}") from error
    lines = []
    for line in text.splitlines():
        pattern, _, reason = line.partition(" #")
        if pattern.strip() and not pattern.lstrip().startswith("#"):
            lines.append(Exclusion(pattern.strip(), reason.strip() or "it was withdrawn"))
    return Exclusions(tuple(lines))


def write_sidecars(folder: Path, outcomes: Sequence[Outcome]) -> list[Path]:
    """A sidecar to edit for each file with a doubtful release, unless it has one; what was written."""
    doubtful = [one for one in outcomes if isinstance(one, Reading) and one.warnings]
    written = []
    for file in list_files(folder):
        inside = (f"{file.name}:", f"{file.name}/")
        own = [one for one in doubtful if one.release.source == file.name]
        many = [one for one in doubtful if one.release.source.startswith(inside)]
        if file.sidecar is not None or not (own or many):
            continue
        path = file.path.with_name(sidecar.name_of(file.path.name))
        text = sidecar.write(own[0]) if own else ""
        text += sidecar.write_for_many(many) if many else ""
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _is_meant(name: str, path: Path) -> bool:
    own = name in (sidecar.EXCLUDE, sidecar.SOURCES)
    return not own and sidecar.is_release(name) and not path.is_dir()


def _content(path: Path) -> bytes:
    """The SHA-256 of a file; of what cannot be read, why; nothing of what is not there."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").digest()
    except OSError as error:
        return str(error.errno).encode()
