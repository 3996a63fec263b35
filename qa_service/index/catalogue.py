"""The releases and passages of a generation, in one SQLite file that is only read after it is built.

Beside it stand columns (``qa_service.index.columns``): what a search needs of every passage.
"""

import sqlite3
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa_service.engines import Allowed
from qa_service.errors import GenerationCorrupt, NotFound, ReleaseWithdrawn
from qa_service.index.columns import Columns
from qa_service.index.keys import passage_number
from qa_service.index.releases_table import FILE, RELEASE_COLUMNS, as_day, as_release
from qa_service.types import Filters, Numbers, Passage, Period, Release

_ID = "release_id || ':' || start || '-' || \"end\""
_PASSAGE = (
    f'{_ID}, release_id, start, "end", substr(text, start + 1, "end" - start) '
    "FROM passages JOIN releases ON releases.number = release"
)
ORDERS = {
    "newest": "published DESC NULLS LAST",
    "oldest": "published NULLS LAST",
    "issuer": "issuer = '', casefold(issuer), published DESC NULLS LAST",
}
"""How releases are listed."""
AT_ONCE = 1000
"""Rows asked for at once: SQLite takes at most 32,766 values."""


class Catalogue:
    """Reads releases and passages; safe to use from several threads, each on its own connection."""

    def __init__(self, folder: Path) -> None:
        self._path = (folder / FILE).absolute()
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()
        self._lock = threading.Lock()
        try:
            self._all("SELECT number FROM passages LIMIT 1")
        except sqlite3.Error as error:
            raise GenerationCorrupt(f"{self._path}: {error}; rebuild with `qa build`") from error
        self._columns = Columns(folder)

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
            ReleaseWithdrawn: it has, but it is not to be shown.
        """
        rows = self._all(f"SELECT {RELEASE_COLUMNS} FROM releases WHERE release_id = ?", release_id)
        if not rows:
            raise self._no_release(release_id)
        return as_release(rows[0])

    def releases_numbered(self, numbers: Numbers) -> list[Release]:
        """Releases by number, in the order given."""
        rows = self._numbered(
            f"SELECT number, {RELEASE_COLUMNS} FROM releases WHERE number IN", numbers
        )
        return [as_release(rows[number]) for number in numbers.tolist()]

    def passages_numbered(self, numbers: Numbers) -> list[Passage]:
        """Passages by number, in the order given."""
        rows = self._numbered(
            f"SELECT passages.number, {_PASSAGE} WHERE passages.number IN", numbers
        )
        return [Passage(*rows[number]) for number in numbers.tolist()]

    def passage(self, passage_id: str) -> Passage:
        """One passage.

        Raises:
            NotFound: the generation has none of that id.
        """
        number = passage_number(passage_id.rpartition(":")[0], passage_id)
        for passage in self._passages("passages.number = ?", number):
            if passage.passage_id == passage_id:
                return passage
        raise NotFound(f"no passage has the id {passage_id!r} in this generation")

    def number(self, passage_id: str) -> int:
        """The number of a passage, or :class:`~qa_service.errors.NotFound`."""
        passage = self.passage(passage_id)
        return passage_number(passage.release_id, passage_id)

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text; none for an unknown id."""
        return self._passages("releases.release_id = ? ORDER BY start", release_id)

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number, in the order given."""
        rows = self._numbered(
            f"SELECT passages.number, {_ID} FROM passages "
            "JOIN releases ON releases.number = release WHERE passages.number IN",
            numbers,
        )
        return [str(rows[number][0]) for number in numbers.tolist()]

    def places(self, numbers: Numbers) -> Numbers:
        """Where passages stand in the order of all numbers, from 0."""
        return self._columns.places(numbers)

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number, in the order given."""
        return self._columns.releases_of(numbers)

    def leads(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether each passage is the first of its release's body."""
        return self._columns.leads(numbers)

    def allowed(self, filters: Filters) -> Allowed | None:
        """What ``filters`` let through; ``None`` means everything."""
        if filters == Filters():
            return None
        conditions, values = _conditions(filters)
        where = " AND ".join(conditions)
        rows = self._all(f"SELECT number FROM releases WHERE {where} ORDER BY number", *values)
        releases = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        return Allowed(releases, self._columns.passages_of(releases), filters)

    def releases(
        self, filters: Filters, limit: int, offset: int, titled: str = "", order: str = "newest"
    ) -> list[Release]:
        """Releases in one of :data:`ORDERS`, undated ones last; ``titled``: words of their titles."""
        where, values = _where(filters, titled)
        rows = self._all(
            f"SELECT {RELEASE_COLUMNS} FROM releases WHERE {where} "
            f"ORDER BY {ORDERS[order]}, release_id LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        return [as_release(row) for row in rows]

    def count_releases(self, filters: Filters, titled: str = "") -> int:
        """How many releases pass ``filters`` and have the words in their titles."""
        where, values = _where(filters, titled)
        return int(self._all(f"SELECT count(*) FROM releases WHERE {where}", *values)[0][0])

    def counts_by_month(self, filters: Filters, titled: str = "") -> dict[str, int]:
        """How many of them there are of each month that has any: "2022-05" → 3, in order."""
        where, values = _where(filters, titled)
        rows = self._all(
            f"SELECT substr(published, 1, 7) AS month, count(*) FROM releases WHERE {where} "
            "AND published IS NOT NULL GROUP BY month ORDER BY month",
            *values,
        )
        return dict(rows)

    def languages(self) -> list[tuple[str, int]]:
        """Languages with their numbers of releases, the most frequent first."""
        return self._all(
            "SELECT language, count(*) FROM releases WHERE language != '' "
            "GROUP BY language ORDER BY count(*) DESC, language"
        )

    def date_range(self) -> tuple[date | None, date | None]:
        """The dates of the oldest and the newest dated release."""
        oldest, newest = self._all("SELECT min(published), max(published) FROM releases")[0]
        return as_day(oldest), as_day(newest)

    def twin_classes(self, numbers: Numbers) -> Numbers:
        """Passages with the same number here say the same in near-duplicate releases."""
        return self._columns.classes(numbers)

    def days(self, numbers: Numbers) -> Numbers:
        """The dates of releases by number, as :meth:`date.toordinal` counts; 1 if unknown."""
        return self._columns.days(numbers)

    def twins_of(self, passage_id: str) -> list[Passage]:
        """Passages of near-duplicate releases that say the same, without this one."""
        number = passage_number(passage_id.rpartition(":")[0], passage_id)
        found = self._passages(
            "passages.number IN (SELECT other.passage FROM twins AS own JOIN twins AS other "
            "ON other.class = own.class AND other.passage != own.passage WHERE own.passage = ?)",
            number,
        )
        return sorted(found, key=lambda passage: passage.passage_id)

    def has_word(self, word: str) -> bool:
        """Whether a release has the word, folded."""
        return bool(self._all("SELECT 1 FROM words WHERE word = ?", word))

    def words_of_length(self, shortest: int, longest: int) -> list[str]:
        """All words of so many letters."""
        sql = "SELECT word FROM words WHERE length BETWEEN ? AND ?"
        return [row[0] for row in self._all(sql, shortest, longest)]

    def as_written(self, word: str) -> str:
        """How the releases most often write a folded word; anything else is given back as it is."""
        rows = self._all("SELECT written FROM words WHERE word = ?", word)
        return str(rows[0][0]) if rows else word

    def has_acronym(self, short: str) -> bool:
        """Whether a release has the word, in capitals."""
        return bool(self._all("SELECT 1 FROM capitals WHERE word = ?", short))

    def written_out(self, short: str) -> str:
        """The name that an acronym stands for, or nothing."""
        rows = self._all("SELECT name FROM acronyms WHERE short = ?", short)
        return str(rows[0][0]) if rows else ""

    def issuers(self) -> list[tuple[str, int]]:
        """Issuers with their numbers of releases, the most frequent first."""
        return self._all(
            "SELECT issuer, count(*) FROM releases WHERE issuer != '' "
            "GROUP BY issuer ORDER BY count(*) DESC, issuer"
        )

    def _no_release(self, release_id: str) -> NotFound:
        rows = self._all("SELECT title, reason FROM withdrawn WHERE release_id = ?", release_id)
        if not rows:
            return NotFound(f"no release has the id {release_id!r} in this generation")
        title, reason = rows[0]
        return ReleaseWithdrawn(f"{title or release_id}: {reason}")

    def _passages(self, where: str, *values: object) -> list[Passage]:
        return [Passage(*row) for row in self._all(f"SELECT {_PASSAGE} WHERE {where}", *values)]

    def _numbered(self, sql: str, numbers: Numbers) -> dict[int, Sequence[Any]]:
        """The rest of each row by the number that it begins with."""
        rows: dict[int, Sequence[Any]] = {}
        for start in range(0, len(numbers), AT_ONCE):
            part = numbers[start : start + AT_ONCE].tolist()
            marks = ", ".join("?" * len(part))
            rows |= {row[0]: row[1:] for row in self._all(f"{sql} ({marks})", *part)}
        return rows

    def _all(self, sql: str, *values: object) -> list[Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            address = f"{self._path.as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False)
            connection.create_function("casefold", 1, str.casefold, deterministic=True)
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return list(connection.execute(sql, values))


def _where(filters: Filters, titled: str) -> tuple[str, list[str]]:
    conditions, values = _conditions(filters)
    words = titled.casefold().split()
    conditions += ["instr(casefold(title), ?)"] * len(words)
    return " AND ".join(["1", *conditions]), values + words


def _conditions(filters: Filters) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    values: list[str] = []
    for sql, bound in (("published >= ?", filters.date_from), ("published <= ?", filters.date_to)):
        if bound is not None:
            conditions.append(sql)
            values.append(bound.isoformat())
    for column, wanted in (
        ("issuer", filters.issuers),
        ("release_id", filters.release_ids),
        ("language", filters.languages),
    ):
        if wanted:
            conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    for name in dict.fromkeys(name for name, _ in filters.metadata):
        wanted = tuple(value for other, value in filters.metadata if other == name)
        marks = ", ".join("?" * len(wanted))
        conditions.append(
            f"number IN (SELECT release FROM fields WHERE name = ? AND value IN ({marks}))"
        )
        values += (name, *wanted)
    if filters.periods:
        inside = [_inside(period) for period in filters.periods]
        conditions.append(f"(published IS NULL OR {' OR '.join(sql for sql, _ in inside)})")
        values += [value for _, own in inside for value in own]
    return conditions, values


def _inside(period: Period) -> tuple[str, list[str]]:
    """Issued in the period or, if both its ends are known, with a mention of a day within it."""
    if period.first is None or period.last is None:
        bound = period.first or period.last or date.min
        return f"published {'>=' if period.first else '<='} ?", [bound.isoformat()]
    first, last = period.first.isoformat(), period.last.isoformat()
    mentioned = "SELECT release FROM mentions WHERE first BETWEEN ? AND ? AND last <= ?"
    return f"(published BETWEEN ? AND ? OR number IN ({mentioned}))", [
        first,
        last,
        first,
        last,
        last,
    ]
