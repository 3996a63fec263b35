"""The words, acronyms and capitals of a catalogue, counted so that a release can be taken out again."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from qa_service.searchable import plain
from qa_service.spelling import acronyms_of, by_folded, capitals_of, folded, most_common, words_of
from qa_service.types import Release

AT_ONCE = 500
T = TypeVar("T")


class Vocabulary:
    """Counts in a catalogue, and what follows from them: the usual form of a word, of an acronym."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._words: Counter[str] = Counter()
        self._capitals: Counter[str] = Counter()
        self._acronyms: Counter[tuple[str, str]] = Counter()

    def count(self, release: Release, times: int) -> None:
        """Add the words of a release ``times`` times; -1 takes them out."""
        text = plain(f"{release.title}\n{release.issuer}\n{release.text}")
        _add(self._words, words_of(text), times)
        _add(self._capitals, dict.fromkeys(capitals_of(text), 1), times)
        _add(self._acronyms, acronyms_of(f"{release.issuer}\n{release.text}"), times)

    def write(self) -> None:
        """Write the counts, and anew what follows from those that changed."""
        words = {written: n for written, n in self._words.items() if n}
        self._add(
            "word_counts (written, word, count)",
            "written",
            ((w, folded(w), n) for w, n in words.items()),
        )
        self._add("capitals (word, count)", "word", self._capitals.items())
        acronyms = {key: n for key, n in self._acronyms.items() if n}
        self._add(
            "acronym_counts (short, name, count)",
            "short, name",
            ((*key, n) for key, n in acronyms.items()),
        )
        for table in ("word_counts", "capitals", "acronym_counts"):
            self._database.execute(f"DELETE FROM {table} WHERE count = 0")  # noqa: S608
        self._write_words({folded(written) for written in words})
        self._write_acronyms({short for short, _ in acronyms})

    def _write_words(self, touched: set[str]) -> None:
        self._database.executemany("DELETE FROM words WHERE word = ?", ((w,) for w in touched))
        counted = self._counted("SELECT written, count FROM word_counts WHERE word IN", touched)
        usual = by_folded(dict(counted))
        self._database.executemany(
            "INSERT INTO words VALUES (?, ?, ?)",
            ((word, written, len(word)) for word, written in sorted(usual.items())),
        )

    def _write_acronyms(self, touched: set[str]) -> None:
        self._database.executemany("DELETE FROM acronyms WHERE short = ?", ((s,) for s in touched))
        rows = self._counted(
            "SELECT short, name, count FROM acronym_counts WHERE short IN", touched
        )
        counted = Counter({(short, name): n for short, name, n in rows})
        self._database.executemany("INSERT INTO acronyms VALUES (?, ?)", most_common(counted))

    def _counted(self, sql: str, keys: set[str]) -> list[tuple[Any, ...]]:
        ordered = sorted(keys)
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(ordered), AT_ONCE):
            part = ordered[start : start + AT_ONCE]
            marks = ", ".join("?" * len(part))
            rows += self._database.execute(f"{sql} ({marks})", part)
        return rows

    def _add(self, table: str, key: str, rows: Iterable[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * (table.count(",") + 1))
        self._database.executemany(
            f"INSERT INTO {table} VALUES ({marks}) "  # noqa: S608
            f"ON CONFLICT ({key}) DO UPDATE SET count = count + excluded.count",
            rows,
        )


def _add(counts: Counter[T], found: Mapping[T, int], times: int) -> None:
    for one, count in found.items():
        counts[one] += count * times
