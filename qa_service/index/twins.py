"""Near-duplicate releases of a catalogue, kept up to date as releases come and go.

What is near what depends on two texts alone. So only the classes of what was added, of what that may
be near to, and of what was removed are looked at again.
"""

import sqlite3
from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np

from qa_service.duplicates import near_duplicates, same_passages, sharing
from qa_service.types import Passage

Sketched = Callable[[int], object]
"""Is told the number of releases compared since the last call."""

Passages = Callable[[int], list[tuple[int, Passage]]]


def write_twins(
    database: sqlite3.Connection, added: set[int], passages_of: Passages, advance: Sketched
) -> None:
    """Bring the tables ``near`` and ``twins`` up to date; ``added`` are new among the releases."""
    grouped = added & {row[0] for row in database.execute("SELECT release FROM near")}
    touched = _sharing(database, added) | grouped | _stale_members(database)
    members = sorted(_members(database, touched))
    _clear(database, members)
    texts = [_one(database, "SELECT text FROM releases WHERE number = ?", n) for n in members]
    groups = near_duplicates(texts, advance)
    for group in groups:
        numbers = [members[at] for at in group]
        database.executemany("INSERT INTO near VALUES (?, ?)", ((n, min(numbers)) for n in numbers))
        passages = [passages_of(n) for n in numbers]
        said = [[passage.text for _, passage in own] for own in passages]
        for places in same_passages(said):
            own = [passages[i][j][0] for i, j in places]
            database.executemany("INSERT INTO twins VALUES (?, ?)", ((n, min(own)) for n in own))


def _sharing(database: sqlite3.Connection, added: set[int]) -> set[int]:
    """Releases that share a band of their sketch with an added one, and those themselves."""
    rows = list(database.execute("SELECT release, bands FROM sketches ORDER BY release"))
    if not rows or not added:
        return set()
    numbers = np.array([row[0] for row in rows], np.int64)
    sketches = np.frombuffer(b"".join(row[1] for row in rows), np.uint64).reshape(len(rows), -1)
    chosen = np.flatnonzero(np.isin(numbers, np.array(sorted(added), np.int64)))
    return set(numbers[sharing(sketches, chosen)].tolist())


def _stale_members(database: sqlite3.Connection) -> set[int]:
    """Members of classes of which a member is gone."""
    gone = "SELECT class FROM near WHERE release NOT IN (SELECT number FROM releases)"
    return {row[0] for row in database.execute(f"SELECT release FROM near WHERE class IN ({gone})")}  # noqa: S608


def _members(database: sqlite3.Connection, numbers: set[int]) -> set[int]:
    """They and all others of their classes, as far as they are there."""
    classes = {
        row[0]
        for n in numbers
        for row in database.execute("SELECT class FROM near WHERE release = ?", (n,))
    }
    found = set(
        chain.from_iterable(
            (row[0] for row in database.execute("SELECT release FROM near WHERE class = ?", (c,)))
            for c in classes
        )
    )
    there = "SELECT 1 FROM releases WHERE number = ?"
    database.executemany(
        "DELETE FROM near WHERE release = ?",
        ((n,) for n in found if not list(database.execute(there, (n,)))),
    )
    return {n for n in numbers | found if list(database.execute(there, (n,)))}


def _clear(database: sqlite3.Connection, members: Iterable[int]) -> None:
    of = "SELECT number FROM passages WHERE release = ?"
    for number in members:
        database.execute("DELETE FROM near WHERE release = ?", (number,))
        database.execute(f"DELETE FROM twins WHERE passage IN ({of})", (number,))  # noqa: S608


def _one(database: sqlite3.Connection, sql: str, number: int) -> str:
    return str(database.execute(sql, (number,)).fetchone()[0])
