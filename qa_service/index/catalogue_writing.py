"""Writes the catalogue of a generation: releases, passages, and what is looked up in them."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from qa_service.spelling import acronyms_of, by_folded, capitals_of, most_common, words_of
from qa_service.temporal import days_mentioned
from qa_service.types import Passage, Release, Withdrawn

FILE = "releases.sqlite"

_SCHEMA = """
CREATE TABLE releases (
    number INTEGER PRIMARY KEY, release_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    text TEXT NOT NULL, published TEXT, issuer TEXT NOT NULL, url TEXT NOT NULL,
    language TEXT NOT NULL, place TEXT NOT NULL, source TEXT NOT NULL,
    body_start INTEGER NOT NULL, body_end INTEGER NOT NULL,
    dateline_start INTEGER NOT NULL, dateline_end INTEGER NOT NULL, metadata TEXT NOT NULL,
    pages TEXT NOT NULL, boilerplate TEXT NOT NULL, superseded_by TEXT NOT NULL
);
CREATE TABLE withdrawn (
    release_id TEXT PRIMARY KEY, title TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, passage_id TEXT NOT NULL UNIQUE, release INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL
);
CREATE TABLE twins (passage INTEGER PRIMARY KEY, class INTEGER NOT NULL);
CREATE TABLE mentions (release INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL);
CREATE TABLE words (word TEXT PRIMARY KEY, written TEXT NOT NULL, length INTEGER NOT NULL)
WITHOUT ROWID;
CREATE TABLE acronyms (short TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE capitals (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE fields (release INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL);
"""
_INDEXES = """
CREATE INDEX releases_by_date ON releases (published);
CREATE INDEX releases_by_issuer ON releases (issuer);
CREATE INDEX passages_by_release ON passages (release);
CREATE INDEX mentions_by_day ON mentions (first, last, release);
CREATE INDEX twins_by_class ON twins (class);
CREATE INDEX words_by_length ON words (length);
CREATE INDEX fields_by_value ON fields (name, value, release);
"""


def write_catalogue(
    folder: Path,
    releases: Sequence[Release],
    passages: Sequence[Passage],
    twins: Sequence[Sequence[int]],
    withdrawn: Sequence[Withdrawn] = (),
) -> None:
    """Write the file.

    ``passages`` are in the order of their ids: their numbers. ``twins`` are classes of numbers of
    passages that say the same in near-duplicate releases.
    """
    numbers = {release.release_id: number for number, release in enumerate(releases)}
    with sqlite3.connect(folder / FILE) as database:
        database.executescript(_SCHEMA)
        database.executemany(
            "INSERT INTO releases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((number, *_row(release)) for number, release in enumerate(releases)),
        )
        database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?)",
            (
                (number, p.passage_id, numbers[p.release_id], p.start, p.end)
                for number, p in enumerate(passages)
            ),
        )
        database.executemany(
            "INSERT INTO twins VALUES (?, ?)", ((n, min(own)) for own in twins for n in own)
        )
        database.executemany(
            "INSERT INTO withdrawn VALUES (?, ?, ?, ?)",
            ((one.release_id, one.title, one.reason, one.source) for one in withdrawn),
        )
        _write_extracts(database, releases)
        database.executescript(_INDEXES)
    database.close()


def _write_extracts(database: sqlite3.Connection, releases: Sequence[Release]) -> None:
    """What is looked up in the texts and metadata of releases: days, fields, words, acronyms."""
    words: Counter[str] = Counter()
    capitals: set[str] = set()
    acronyms: Counter[tuple[str, str]] = Counter()
    for number, release in enumerate(releases):
        days = sorted(days_mentioned(release.text, release.published))
        database.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?)",
            ((number, first.isoformat(), last.isoformat()) for first, last in days),
        )
        values = (
            (name, v) for name, given in release.metadata.items() for v in _field_values(given)
        )
        database.executemany(
            "INSERT INTO fields VALUES (?, ?, ?)", ((number, *one) for one in values)
        )
        text = f"{release.title}\n{release.issuer}\n{release.text}"
        words.update(words_of(text))
        capitals |= capitals_of(text)
        acronyms.update(acronyms_of(f"{release.issuer}\n{release.text}"))
    database.executemany(
        "INSERT INTO words VALUES (?, ?, ?)",
        ((word, written, len(word)) for word, written in sorted(by_folded(words).items())),
    )
    database.executemany("INSERT INTO capitals VALUES (?)", ((w,) for w in sorted(capitals)))
    database.executemany("INSERT INTO acronyms VALUES (?, ?)", most_common(acronyms))


def _field_values(value: object) -> list[str]:
    """What a field can be filtered by: a scalar as JSON prints it, each element of a list."""
    if isinstance(value, list):
        return [text for element in value for text in _field_values(element)]
    if isinstance(value, bool):
        return [str(value).lower()]
    return [str(value)] if isinstance(value, str | int | float) else []


def _row(release: Release) -> Iterable[object]:
    return (
        release.release_id, release.title, release.text,
        release.published.isoformat() if release.published else None,
        release.issuer, release.url, release.language, release.place, release.source,
        release.body_start, release.body_end, release.dateline_start, release.dateline_end,
        json.dumps(dict(release.metadata), ensure_ascii=False),
        json.dumps(release.pages), json.dumps(release.boilerplate), release.superseded_by,
    )  # fmt: skip
