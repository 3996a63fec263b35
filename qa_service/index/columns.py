"""What a search needs of every passage and release, as arrays in the order of their numbers.

Memory-mapped: a generation of millions opens at once, and takes no memory for what nobody asks.
"""

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa_service.errors import GenerationCorrupt
from qa_service.index.releases_table import FILE
from qa_service.types import Numbers

FOLDER = "columns"
PASSAGES = ("numbers", "releases", "leads", "classes", "sentences")
RELEASES = ("release_numbers", "days")
_OF_PASSAGES = "SELECT number, release, leads, number, sentences FROM passages"
_OF_RELEASES = "SELECT number, published FROM releases"
AT_ONCE = 1000


class Columns:
    """Reads them. ``releases`` holds positions in ``release_numbers``, everything else values."""

    def __init__(self, folder: Path) -> None:
        """Open those of a generation.

        Raises:
            GenerationCorrupt: one is missing or not as it should be.
        """
        try:
            loaded = {
                name: np.load(folder / FOLDER / f"{name}.npy", mmap_mode="r")
                for name in (*PASSAGES, *RELEASES)
            }
        except (OSError, ValueError) as error:
            raise GenerationCorrupt(
                f"{folder / FOLDER}: {error}; rebuild with `qa build`"
            ) from error
        self._all = loaded
        self.numbers: Numbers = np.asarray(loaded["numbers"])
        self.sentences: NDArray[np.int32] = np.asarray(loaded["sentences"])
        self._release_numbers: Numbers = np.asarray(loaded["release_numbers"])

    def __len__(self) -> int:
        return len(self.numbers)

    def places(self, numbers: Numbers) -> Numbers:
        """The positions of passages."""
        return np.searchsorted(self.numbers, numbers).astype(np.int64)

    def releases_of(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages."""
        return np.asarray(
            self._release_numbers[self._all["releases"][self.places(numbers)]], np.int64
        )

    def leads(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether each passage is the first of its release's body."""
        return np.asarray(self._all["leads"][self.places(numbers)], np.bool_)

    def classes(self, numbers: Numbers) -> Numbers:
        """The smallest number among those that say the same in near-duplicate releases."""
        return np.asarray(self._all["classes"][self.places(numbers)], np.int64)

    def days(self, numbers: Numbers) -> Numbers:
        """The dates of releases, as :meth:`date.toordinal` counts; 1 if unknown."""
        at = np.searchsorted(self._release_numbers, numbers)
        return np.asarray(self._all["days"][at], np.int64)

    def passages_of(self, releases: Numbers) -> Numbers:
        """All passages of these releases, ascending."""
        chosen = np.zeros(len(self._release_numbers), np.bool_)
        chosen[np.searchsorted(self._release_numbers, releases)] = True
        return np.asarray(self.numbers[chosen[self._all["releases"]]], np.int64)


def write_columns(
    folder: Path,
    old: Path | None,
    added: tuple[set[int], set[int]],
    removed: tuple[set[int], set[int]],
) -> None:
    """Write those of the catalogue in ``folder``: ``old`` ones without what was removed, and the added.

    ``added`` and ``removed`` are numbers of passages and of releases. Without ``old`` everything is read
    from the catalogue.
    """
    (folder / FOLDER).mkdir()
    database = sqlite3.connect(folder / FILE)
    fresh = old is None
    passages = _fetch(database, _OF_PASSAGES, None if fresh else added[0])
    releases = _fetch(database, _OF_RELEASES, None if fresh else added[1])
    twins = list(database.execute("SELECT passage, class FROM twins"))
    database.close()
    columns = {
        "numbers": np.array([r[0] for r in passages], np.int64),
        "releases": np.array([r[1] for r in passages], np.int64),
        "leads": np.array([r[2] for r in passages], np.bool_),
        "sentences": np.array([r[4] for r in passages], np.int32),
        "release_numbers": np.array([r[0] for r in releases], np.int64),
        "days": np.array([_ordinal(r[1]) for r in releases], np.int32),
    }
    if old is not None:
        kept = {name: np.load(old / FOLDER / f"{name}.npy") for name in (*PASSAGES, *RELEASES)}
        kept["releases"] = kept["release_numbers"][kept["releases"]]
        columns = _merged(columns, kept, "numbers", PASSAGES, removed[0] | added[0]) | _merged(
            columns, kept, "release_numbers", RELEASES, removed[1] | added[1]
        )
    columns["releases"] = np.searchsorted(columns["release_numbers"], columns["releases"]).astype(
        np.int32
    )
    columns["classes"] = columns["numbers"].copy()
    if twins:
        at = np.searchsorted(columns["numbers"], np.array([t[0] for t in twins], np.int64))
        columns["classes"][at] = np.array([t[1] for t in twins], np.int64)
    for name, values in columns.items():
        np.save(folder / FOLDER / f"{name}.npy", values)


def _merged(
    new: dict[str, NDArray[np.generic]],
    old: dict[str, NDArray[np.generic]],
    key: str,
    names: tuple[str, ...],
    gone: set[int],
) -> dict[str, NDArray[np.generic]]:
    kept = ~np.isin(old[key], np.fromiter(gone, np.int64, len(gone)))
    order = np.argsort(np.concatenate([old[key][kept], new[key]]), kind="stable")
    return {
        name: np.concatenate([old[name][kept], new[name]])[order] for name in names if name in new
    }


def _fetch(
    database: sqlite3.Connection, sql: str, numbers: set[int] | None
) -> list[tuple[Any, ...]]:
    """Rows in the order of their numbers, all of them or some."""
    if numbers is None:
        return list(database.execute(f"{sql} ORDER BY number"))
    rows: list[tuple[Any, ...]] = []
    ordered = sorted(numbers)
    for start in range(0, len(ordered), AT_ONCE):
        part = ordered[start : start + AT_ONCE]
        marks = ", ".join("?" * len(part))
        rows += database.execute(f"{sql} WHERE number IN ({marks}) ORDER BY number", part)
    return rows


def _ordinal(day: str | None) -> int:
    return (date.fromisoformat(day) if day else date.min).toordinal()
