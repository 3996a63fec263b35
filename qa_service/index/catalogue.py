"""The releases and passages of a generation, in one SQLite file that is only read after it is built.

Passages are numbered from 0 in the order of their ids, so that a tie broken by number is a tie
broken by ``passage_id``.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.engines import Allowed
from qa_service.errors import GenerationCorrupt, NotFound
from qa_service.types import Filters, Numbers, Passage, Release

FILE = "releases.sqlite"

_SCHEMA = """
CREATE TABLE releases (
    number INTEGER PRIMARY KEY, release_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    text TEXT NOT NULL, published TEXT, issuer TEXT NOT NULL, url TEXT NOT NULL,
    language TEXT NOT NULL, place TEXT NOT NULL, source TEXT NOT NULL,
    body_start INTEGER NOT NULL, body_end INTEGER NOT NULL,
    dateline_start INTEGER NOT NULL, dateline_end INTEGER NOT NULL, metadata TEXT NOT NULL
);
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, passage_id TEXT NOT NULL UNIQUE, release INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL
);
"""
_INDEXES = """
CREATE INDEX releases_by_date ON releases (published);
CREATE INDEX releases_by_issuer ON releases (issuer);
CREATE INDEX passages_by_release ON passages (release);
"""
_COLUMNS = (
    "release_id, title, text, published, issuer, url, language, place, source, "
    "body_start, body_end, dateline_start, dateline_end, metadata"
)


def write_catalogue(folder: Path, releases: Sequence[Release], passages: Sequence[Passage]) -> None:
    """Write the file. ``passages`` are in the order of their ids: their numbers."""
    numbers = {release.release_id: number for number, release in enumerate(releases)}
    with sqlite3.connect(folder / FILE) as database:
        database.executescript(_SCHEMA)
        database.executemany(
            f"INSERT INTO releases VALUES (?{', ?' * 14})",
            ((number, *_row(release)) for number, release in enumerate(releases)),
        )
        database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?)",
            (
                (number, p.passage_id, numbers[p.release_id], p.start, p.end)
                for number, p in enumerate(passages)
            ),
        )
        database.executescript(_INDEXES)
    database.close()


class Catalogue:
    """Reads releases and passages; safe to use from several threads, each on its own connection."""

    def __init__(self, folder: Path) -> None:
        self._path = (folder / FILE).absolute()
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()
        self._lock = threading.Lock()
        try:
            rows = self._all("SELECT release FROM passages ORDER BY number")
        except sqlite3.Error as error:
            raise GenerationCorrupt(f"{self._path}: {error}; rebuild with `qa build`") from error
        self._release_of = np.fromiter((row[0] for row in rows), np.int64, len(rows))

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def release(self, release_id: str) -> Release:
        """One release.

        Raises:
            NotFound: the generation has none of that id.
        """
        rows = self._all(f"SELECT {_COLUMNS} FROM releases WHERE release_id = ?", release_id)
        if not rows:
            raise NotFound(f"no release has the id {release_id!r} in this generation")
        return _release(rows[0])

    def passage(self, passage_id: str) -> Passage:
        """One passage.

        Raises:
            NotFound: the generation has none of that id.
        """
        rows = self._passages("passages.passage_id = ?", passage_id)
        if not rows:
            raise NotFound(f"no passage has the id {passage_id!r} in this generation")
        return rows[0]

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text; none for an unknown id."""
        return self._passages("releases.release_id = ? ORDER BY start", release_id)

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number, in the order given."""
        marks = ", ".join("?" * len(numbers))
        rows = self._all(
            f"SELECT number, passage_id FROM passages WHERE number IN ({marks})",
            *numbers.tolist(),
        )
        ids = dict(rows)
        return [ids[number] for number in numbers.tolist()]

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number, in the order given."""
        return self._release_of[numbers]

    def allowed(self, filters: Filters) -> Allowed | None:
        """What ``filters`` let through; ``None`` means everything."""
        if filters == Filters():
            return None
        conditions, values = _conditions(filters)
        where = " AND ".join(conditions)
        rows = self._all(f"SELECT number FROM releases WHERE {where} ORDER BY number", *values)
        releases = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        passages = np.flatnonzero(np.isin(self._release_of, releases)).astype(np.int64)
        return Allowed(releases, passages)

    def releases(self, filters: Filters, limit: int, offset: int) -> list[Release]:
        """Releases, the newest first, undated ones last."""
        conditions, values = _conditions(filters)
        where = " AND ".join(["1", *conditions])
        rows = self._all(
            f"SELECT {_COLUMNS} FROM releases WHERE {where} "
            "ORDER BY published DESC NULLS LAST, release_id LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return [_release(row) for row in rows]

    def count_releases(self, filters: Filters) -> int:
        """How many releases pass ``filters``."""
        conditions, values = _conditions(filters)
        where = " AND ".join(["1", *conditions])
        return int(self._all(f"SELECT count(*) FROM releases WHERE {where}", *values)[0][0])

    def date_range(self) -> tuple[date | None, date | None]:
        """The dates of the oldest and the newest dated release."""
        oldest, newest = self._all("SELECT min(published), max(published) FROM releases")[0]
        return _day(oldest), _day(newest)

    def issuers(self) -> list[tuple[str, int]]:
        """Issuers with their numbers of releases, the most frequent first."""
        return self._all(
            "SELECT issuer, count(*) FROM releases WHERE issuer != '' "
            "GROUP BY issuer ORDER BY count(*) DESC, issuer"
        )

    def _passages(self, where: str, *values: object) -> list[Passage]:
        rows = self._all(
            'SELECT passage_id, release_id, start, "end", substr(text, start + 1, "end" - start) '
            f"FROM passages JOIN releases ON releases.number = release WHERE {where}",
            *values,
        )
        return [Passage(*row) for row in rows]

    def _all(self, sql: str, *values: object) -> list[Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            address = f"{self._path.as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return list(connection.execute(sql, values))


def _conditions(filters: Filters) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    values: list[str] = []
    for sql, bound in (("published >= ?", filters.date_from), ("published <= ?", filters.date_to)):
        if bound is not None:
            conditions.append(sql)
            values.append(bound.isoformat())
    for column, wanted in (("issuer", filters.issuers), ("release_id", filters.release_ids)):
        if wanted:
            conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    return conditions, values


def _row(release: Release) -> Iterable[object]:
    return (
        release.release_id, release.title, release.text,
        release.published.isoformat() if release.published else None,
        release.issuer, release.url, release.language, release.place, release.source,
        release.body_start, release.body_end, release.dateline_start, release.dateline_end,
        json.dumps(dict(release.metadata), ensure_ascii=False),
    )  # fmt: skip


def _release(row: Sequence[Any]) -> Release:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["published"] = _day(values["published"])
    values["metadata"] = json.loads(values["metadata"])
    return Release(**values)


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
