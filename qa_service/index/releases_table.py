"""The tables of a catalogue, and a release as a row of one."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from qa_service.types import Release

FILE = "releases.sqlite"

SCHEMA = """
CREATE TABLE files (
    name TEXT PRIMARY KEY, digest TEXT NOT NULL, left_out TEXT NOT NULL, clashes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE releases (
    number INTEGER PRIMARY KEY, release_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    text TEXT NOT NULL, published TEXT, issuer TEXT NOT NULL, url TEXT NOT NULL,
    language TEXT NOT NULL, place TEXT NOT NULL, source TEXT NOT NULL,
    body_start INTEGER NOT NULL, body_end INTEGER NOT NULL,
    dateline_start INTEGER NOT NULL, dateline_end INTEGER NOT NULL, metadata TEXT NOT NULL,
    pages TEXT NOT NULL, boilerplate TEXT NOT NULL, superseded_by TEXT NOT NULL,
    file TEXT NOT NULL, digest BLOB NOT NULL
);
CREATE TABLE withdrawn (
    release_id TEXT PRIMARY KEY, title TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
    file TEXT NOT NULL, excluded INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, release INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, sentences INTEGER NOT NULL, leads INTEGER NOT NULL
);
CREATE TABLE sketches (release INTEGER PRIMARY KEY, bands BLOB NOT NULL);
CREATE TABLE near (release INTEGER PRIMARY KEY, class INTEGER NOT NULL);
CREATE TABLE twins (passage INTEGER PRIMARY KEY, class INTEGER NOT NULL);
CREATE TABLE mentions (release INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL);
CREATE TABLE fields (release INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE word_counts (written TEXT PRIMARY KEY, word TEXT NOT NULL, count INTEGER NOT NULL)
WITHOUT ROWID;
CREATE TABLE words (word TEXT PRIMARY KEY, written TEXT NOT NULL, length INTEGER NOT NULL)
WITHOUT ROWID;
CREATE TABLE acronym_counts (
    short TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (short, name)
) WITHOUT ROWID;
CREATE TABLE acronyms (short TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE capitals (word TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
"""
INDEXES = """
CREATE INDEX releases_by_date ON releases (published);
CREATE INDEX releases_by_issuer ON releases (issuer);
CREATE INDEX releases_by_file ON releases (file);
CREATE INDEX withdrawn_by_file ON withdrawn (file);
CREATE INDEX passages_by_release ON passages (release, start);
CREATE INDEX mentions_by_day ON mentions (first, last, release);
CREATE INDEX mentions_by_release ON mentions (release);
CREATE INDEX near_by_class ON near (class);
CREATE INDEX twins_by_class ON twins (class);
CREATE INDEX words_by_length ON words (length);
CREATE INDEX word_counts_by_word ON word_counts (word);
CREATE INDEX fields_by_value ON fields (name, value, release);
CREATE INDEX fields_by_release ON fields (release)
"""
RELEASE_COLUMNS = (
    "release_id, title, text, published, issuer, url, language, place, source, "
    "body_start, body_end, dateline_start, dateline_end, metadata, pages, boilerplate, superseded_by"
)


def row_of(release: Release) -> tuple[object, ...]:
    """The values of :data:`RELEASE_COLUMNS`."""
    return (
        release.release_id, release.title, release.text,
        release.published.isoformat() if release.published else None,
        release.issuer, release.url, release.language, release.place, release.source,
        release.body_start, release.body_end, release.dateline_start, release.dateline_end,
        json.dumps(dict(release.metadata), ensure_ascii=False),
        json.dumps(release.pages), json.dumps(release.boilerplate), release.superseded_by,
    )  # fmt: skip


def as_release(row: Sequence[Any]) -> Release:
    """The release of a row with :data:`RELEASE_COLUMNS`."""
    values = dict(zip(RELEASE_COLUMNS.split(", "), row, strict=True))
    values["published"] = as_day(values["published"])
    values["metadata"] = json.loads(values["metadata"])
    values["pages"] = tuple(json.loads(values["pages"]))
    values["boilerplate"] = tuple(map(tuple, json.loads(values["boilerplate"])))
    return Release(**values)


def as_day(value: str | None) -> date | None:
    """The day of an ISO date; ``None`` stays ``None``."""
    return date.fromisoformat(value) if value else None
