"""Writes the catalogue of a generation: releases, passages, and what is looked up in them.

A catalogue is begun empty or as a copy of the last one; releases are removed from it and added to it.
What it holds depends on the releases in it alone, not on the order in which they came.
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qa_service.corpus import Exclusions
from qa_service.duplicates import sketch
from qa_service.engines import Facets
from qa_service.index.keys import passage_number, release_number
from qa_service.index.releases_table import (
    FILE,
    INDEXES,
    RELEASE_COLUMNS,
    SCHEMA,
    as_release,
    row_of,
)
from qa_service.index.twins import Sketched, write_twins
from qa_service.index.vocabulary import Vocabulary
from qa_service.passages import PassageSettings, split_release, split_sentences
from qa_service.temporal import days_mentioned
from qa_service.types import Passage, Release, Withdrawn


@dataclass(frozen=True, slots=True)
class Owner:
    """Where an id stands: in which file and source, and with what digest of all that was read of it."""

    file: str
    source: str
    digest: bytes


@dataclass(slots=True)
class Delta:
    """Numbers of what was put into a catalogue and taken out of it."""

    added_releases: set[int] = field(default_factory=set)
    removed_releases: set[int] = field(default_factory=set)
    added_passages: set[int] = field(default_factory=set)
    removed_passages: set[int] = field(default_factory=set)


class CatalogueWriter:
    """One catalogue being written. Nothing is durable, and nobody reads it, before it is sealed."""

    def __init__(self, folder: Path) -> None:
        """Go on with the catalogue in ``folder``, or begin one."""
        self._database = sqlite3.connect(folder / FILE)
        self._new = not self._all("SELECT 1 FROM sqlite_master")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA cache_size = -200000")
        if self._new:
            self._database.executescript(SCHEMA)
        self._database.execute("BEGIN")
        self._vocabulary = Vocabulary(self._database)
        self.delta = Delta()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def files(self) -> dict[str, str]:
        """The digests of the files it was made of, by name."""
        return dict(self._all("SELECT name, digest FROM files"))

    def unsettled(self) -> set[str]:
        """Files with releases that were left out because another file has their ids."""
        return {row[0] for row in self._all("SELECT name FROM files WHERE clashes")}

    def put_file(
        self, name: str, digest: str, left_out: Sequence[tuple[str, str, str]], clashes: bool
    ) -> None:
        """Note a file with what of it was left out and why."""
        row = (name, digest, json.dumps(left_out, ensure_ascii=False), clashes)
        self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", row)

    def drop_file(self, name: str) -> None:
        """Forget a file and its releases."""
        self._database.execute("DELETE FROM files WHERE name = ?", (name,))
        for release_id in self.ids_of_file(name):
            self.remove(release_id)

    def left_out(self) -> list[tuple[str, str, str]]:
        """What was left out, why, and what says the same, in the order of the files' names."""
        rows = self._all("SELECT name, left_out FROM files WHERE left_out != '[]'")
        return [tuple(one) for _, own in sorted(rows) for one in json.loads(own)]

    def ids_of_file(self, name: str) -> list[str]:
        """The ids of the releases that a file has."""
        of = "SELECT release_id FROM {} WHERE file = ?"
        return [
            row[0]
            for table in ("releases", "withdrawn")
            for row in self._all(of.format(table), name)
        ]

    def text_of(self, release_id: str) -> str | None:
        """The text of a release, if there is one of that id."""
        rows = self._all("SELECT text FROM releases WHERE release_id = ?", release_id)
        return str(rows[0][0]) if rows else None

    def owner(self, release_id: str) -> Owner | None:
        """Where a release of that id stands, withdrawn or not, if there is one."""
        rows = self._all(
            "SELECT file, source, digest FROM releases WHERE release_id = ?1 UNION ALL "
            "SELECT file, source, x'' FROM withdrawn WHERE release_id = ?1",
            release_id,
        )
        return Owner(*rows[0]) if rows else None

    def move(self, release_id: str, source: str) -> None:
        """Note that a release stands at another place of its file."""
        sql = "UPDATE releases SET source = ? WHERE release_id = ?"
        self._database.execute(sql, (source, release_id))

    def withdraw(self, one: Withdrawn, file: str, excluded: bool) -> None:
        """Note a release that is not to be shown; ``excluded``: not by its file but by the corpus."""
        row = (one.release_id, one.title, one.reason, one.source, file, excluded)
        self._database.execute("INSERT INTO withdrawn VALUES (?, ?, ?, ?, ?, ?)", row)

    def excluded_otherwise(self, exclusions: Exclusions) -> set[str]:
        """Files with a release that is excluded and may no longer be, or is not and should be."""
        before = "SELECT file FROM withdrawn WHERE excluded"
        files = {row[0] for row in self._all(before)}
        if exclusions.lines:
            known = self._all("SELECT release_id, source, url, file FROM releases")
            for release_id, source, url, file in known:
                if exclusions.reason(Release(release_id, "", "", source=source, url=url)):
                    files.add(file)
        return files

    def add(self, release: Release, file: str, settings: PassageSettings) -> None:
        """Add a release, of an id that is not there, with its passages."""
        number = release_number(release.release_id)
        row = (number, *row_of(release), file, digest_of(release))
        marks = ", ".join("?" * len(row))
        self._database.execute(f"INSERT INTO releases VALUES ({marks})", row)  # noqa: S608
        passages = [
            (passage_number(release.release_id, one.passage_id), one)
            for one in split_release(release, settings)
        ]
        self._database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
            (
                (n, number, p.start, p.end, len(split_sentences(p.text)), _leads(release, p))
                for n, p in passages
            ),
        )
        self._database.executemany("INSERT INTO mentions VALUES (?, ?, ?)", _days(number, release))
        self._database.executemany("INSERT INTO fields VALUES (?, ?, ?)", _fields(number, release))
        own = sketch(release.text)
        if own.any():
            self._database.execute("INSERT INTO sketches VALUES (?, ?)", (number, own.tobytes()))
        self._vocabulary.count(release, 1)
        self.delta.added_releases.add(number)
        self.delta.added_passages.update(n for n, _ in passages)

    def remove(self, release_id: str) -> None:
        """Remove a release and all that was made of it."""
        if self._database.execute(
            "DELETE FROM withdrawn WHERE release_id = ?", (release_id,)
        ).rowcount:
            return
        number = release_number(release_id)
        release = self.release(number)
        passages = {
            r[0] for r in self._all("SELECT number FROM passages WHERE release = ?", number)
        }
        for table, column in _BY_RELEASE:
            self._database.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))  # noqa: S608
        self._database.executemany("DELETE FROM twins WHERE passage = ?", ((n,) for n in passages))
        self._vocabulary.count(release, -1)
        delta = self.delta
        delta.removed_passages |= passages - delta.added_passages
        delta.added_passages -= passages
        if number in delta.added_releases:
            delta.added_releases.remove(number)
        else:
            delta.removed_releases.add(number)

    def release(self, number: int) -> Release:
        """A release by number."""
        [row] = self._all(f"SELECT {RELEASE_COLUMNS} FROM releases WHERE number = ?", number)  # noqa: S608
        return as_release(row)

    def finish(self, sketched: Sketched) -> None:
        """Bring up to date what is looked up across releases: words, near-duplicates, indexes."""
        self._vocabulary.write()
        write_twins(self._database, self.delta.added_releases, self._passages_of, sketched)
        if self._new:
            for statement in INDEXES.split(";"):
                self._database.execute(statement)
        self._database.commit()

    def releases_between(self, first: int, end: int) -> Iterator[tuple[int, Release]]:
        """Releases with numbers from ``first``, below ``end``, in their order."""
        sql = (
            f"SELECT number, {RELEASE_COLUMNS} FROM releases "  # noqa: S608
            "WHERE number BETWEEN ? AND ? ORDER BY number"
        )
        for number, *row in self._database.execute(sql, (first, end - 1)):
            yield number, as_release(row)

    def passages_of(self, number: int, release: Release) -> list[tuple[int, Passage]]:
        """The passages of a release with their numbers, in the order of its text."""
        rows = self._all(
            'SELECT number, start, "end" FROM passages WHERE release = ? ORDER BY start', number
        )
        return [(n, _passage(release, start, end)) for n, start, end in rows]

    def _passages_of(self, number: int) -> list[tuple[int, Passage]]:
        return self.passages_of(number, self.release(number))

    def texts_of(self, releases: Collection[int]) -> int:
        """The number of passages and sentences of these releases."""
        rows = self._all("SELECT release, count(*) + sum(sentences) FROM passages GROUP BY release")
        return sum(count for release, count in rows if release in releases)

    def count(self, table: str) -> int:
        """The number of rows."""
        return int(self._all(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608

    def _all(self, sql: str, *values: object) -> list[Any]:
        return list(self._database.execute(sql, values))


_BY_RELEASE = (
    ("releases", "number"),
    ("passages", "release"),
    ("mentions", "release"),
    ("fields", "release"),
    ("sketches", "release"),
)


def digest_of(release: Release | Withdrawn) -> bytes:
    """A digest over every field of a release but its place in a file; what is withdrawn has none."""
    if isinstance(release, Withdrawn):
        return b"withdrawn"
    row = json.dumps([str(value) for value in row_of(replace(release, source=""))])
    return hashlib.sha256(row.encode()).digest()


def _passage(release: Release, start: int, end: int) -> Passage:
    passage_id = f"{release.release_id}:{start}-{end}"
    return Passage(passage_id, release.release_id, start, end, release.text[start:end])


def _leads(release: Release, passage: Passage) -> bool:
    """Whether it is the first of the body."""
    return release.body_start <= passage.start <= release.body_start + 5


def _days(number: int, release: Release) -> Iterable[tuple[int, str, str]]:
    days = sorted(days_mentioned(release.text, release.published))
    return ((number, first.isoformat(), last.isoformat()) for first, last in days)


def facets_of(number: int, release: Release) -> Facets:
    """What a release can be filtered by, as its rows in this catalogue say."""
    fields = tuple((name, value) for _, name, value in _fields(number, release))
    return Facets(number, release.published, release.issuer, release.language, fields)


def _fields(number: int, release: Release) -> Iterable[tuple[int, str, str]]:
    return (
        (number, name, value)
        for name, given in release.metadata.items()
        for value in _field_values(given)
    )


def _field_values(value: object) -> list[str]:
    """What a field can be filtered by: a scalar as JSON prints it, each element of a list."""
    if isinstance(value, list):
        return [text for element in value for text in _field_values(element)]
    if isinstance(value, bool):
        return [str(value).lower()]
    return [str(value)] if isinstance(value, str | int | float) else []
