"""The vector of every sentence of a generation, by passage: what a passage says, sentence by sentence.

A paragraph's own vector averages what its sentences say; the best of its sentences answers a question.
Half precision: a cosine changes by less than 0.001, the file halves.

A change leaves the large file as it is, and links to it: the vectors of what came later stand in a small
one beside it, and those of what went are in the large one still, where no passage leads to them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from qa_service.errors import GenerationCorrupt
from qa_service.linking import link
from qa_service.types import Numbers, Scores, Vectors

VECTORS = "vectors.npy"
LATE = "late.npy"
SPANS = "spans.npy"
"""For each passage the first of its rows, and the first that is none, in both files as if they were one."""

AT_ONCE = 65_536
"""Vectors copied at once."""

TOO_MANY = 64
"""When more than one row in so many came later or leads nowhere, one large file is written of all."""


class SentenceWriter(Protocol):
    """Takes the vectors of new passages."""

    def put(self, passages: Numbers, vectors: Vectors) -> None:
        """The vectors of new passages, by place, ascending and after those put before."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class WholeWriter:
    """Writes one file passage by passage: new ones as they come, those of an older file in between."""

    def __init__(
        self,
        folder: Path,
        dim: int,
        counts: Sequence[int] | NDArray[np.int32],
        old: "SentenceVectors | None" = None,
        places: Numbers | None = None,
    ) -> None:
        """``counts``: the sentences of each passage. ``places``: where each stands in ``old``, or -1."""
        folder.mkdir()
        self._ends = np.cumsum(counts, dtype=np.int64)
        self._counts = np.asarray(counts, np.int64)
        np.save(folder / SPANS, np.stack([self._ends - self._counts, self._ends], axis=1))
        self._old = old
        self._places = places if places is not None else np.full(len(counts), -1, np.int64)
        self._at = 0
        self._file: IO[bytes] = (folder / VECTORS).open("wb")
        _write_header(self._file, int(self._ends[-1]) if len(self._ends) else 0, dim)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._copy(len(self._places))
        finally:
            self._file.close()

    def put(self, passages: Numbers, vectors: Vectors) -> None:
        """The vectors of new passages, by place, ascending and after those put before."""
        counts = self._counts[passages]
        ends = np.cumsum(counts)
        for run in np.split(np.arange(len(passages)), np.flatnonzero(np.diff(passages) != 1) + 1):
            if len(run):
                self._copy(int(passages[run[0]]))
                own = vectors[ends[run[0]] - counts[run[0]] : ends[run[-1]]]
                self._file.write(own.astype("<f2").tobytes())
                self._at = int(passages[run[-1]]) + 1

    def _copy(self, end: int) -> None:
        """Copy what the older file has of the passages up to ``end``."""
        places = self._places[self._at : end]
        self._at = end
        if self._old is not None and len(places):
            rows = self._old.rows_of(places)
            for start in range(0, len(rows), AT_ONCE):
                self._file.write(self._old.stored(rows[start : start + AT_ONCE]).tobytes())


class LateWriter:
    """Links to the large file of ``old``, and writes beside it what came later."""

    def __init__(
        self, folder: Path, counts: NDArray[np.int32], old: "SentenceVectors", places: Numbers
    ) -> None:
        """``counts``: the sentences of each passage. ``places``: where each stands in ``old``, or -1."""
        folder.mkdir()
        link(old.folder / VECTORS, folder / VECTORS)
        self._folder = folder
        self._spans = np.where(places[:, None] < 0, -1, old.spans[places])
        late = np.flatnonzero(self._spans[:, 0] >= old.large)
        self._counts = counts.astype(np.int64)
        self._size = old.large
        self._rows: list[NDArray[np.float16]] = []
        self._append(late, old.stored(old.rows_of(places[late])))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            np.save(self._folder / SPANS, self._spans)
            with (self._folder / LATE).open("wb") as file:
                _write_header(file, sum(map(len, self._rows)), self._rows[0].shape[1])
                file.write(b"".join(rows.tobytes() for rows in self._rows))

    def put(self, passages: Numbers, vectors: Vectors) -> None:
        """The vectors of new passages, by place, ascending and after those put before."""
        self._append(passages, vectors.astype("<f2"))

    def _append(self, passages: Numbers, rows: NDArray[np.float16]) -> None:
        ends = self._size + np.cumsum(self._counts[passages])
        self._spans[passages] = np.stack([ends - self._counts[passages], ends], axis=1)
        self._size += len(rows)
        self._rows.append(rows)


def revised(
    folder: Path, dim: int, counts: NDArray[np.int32], old: "SentenceVectors", places: Numbers
) -> SentenceWriter:
    """What writes the vectors of passages many of which ``old`` has: as little of them as it can."""
    known = old.spans[places[places >= 0]]
    used = int((known[:, 1] - known[:, 0])[known[:, 0] < old.large].sum())
    aside = int(counts.sum()) - used + old.large - used
    if aside * TOO_MANY > old.large:
        return WholeWriter(folder, dim, counts, old, places)
    return LateWriter(folder, counts, old, places)


def _write_header(file: IO[bytes], rows: int, dim: int) -> None:
    shape = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
    np.lib.format.write_array_header_1_0(file, shape)


def write_sentence_vectors(folder: Path, vectors: Vectors, counts: Sequence[int]) -> None:
    """Write ``vectors``, the first ``counts[0]`` of which are those of passage 0, and so on."""
    with WholeWriter(folder, vectors.shape[1], counts) as writer:
        writer.put(np.arange(len(counts), dtype=np.int64), vectors)


class SentenceVectors:
    """Reads them, memory-mapped. A passage is known by its place in the order of numbers."""

    def __init__(self, folder: Path) -> None:
        """Open ``folder``.

        Raises:
            GenerationCorrupt: it does not hold such vectors.
        """
        self.folder = folder
        try:
            self._vectors = np.load(folder / VECTORS, mmap_mode="r")
            self._late = np.load(folder / LATE) if (folder / LATE).exists() else self._vectors[:0]
            self.spans: Numbers = np.load(folder / SPANS, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise GenerationCorrupt(f"{folder}: {error}; rebuild with `qa build`") from error
        self.large = len(self._vectors)

    def rows_of(self, passages: Numbers) -> Numbers:
        """The rows of passages, one passage after the other; of place -1 there is none."""
        spans = self.spans[passages[passages >= 0]]
        counts = spans[:, 1] - spans[:, 0]
        firsts = np.cumsum(counts) - counts
        return np.asarray(np.repeat(spans[:, 0] - firsts, counts) + np.arange(counts.sum()))

    def stored(self, rows: Numbers) -> NDArray[np.float16]:
        """Rows as they are stored."""
        if not len(self._late):
            return np.asarray(self._vectors[rows])
        late = rows >= self.large
        found = np.empty((len(rows), self._vectors.shape[1]), np.float16)
        found[~late] = self._vectors[rows[~late]]
        found[late] = self._late[rows[late] - self.large]
        return found

    def of(self, number: int) -> Vectors:
        """Those of one passage, shape ``(sentences, dim)``, in the order of its text."""
        return self.stored(np.arange(*self.spans[number])).astype(np.float32)

    def best(self, vectors: Vectors, numbers: Numbers) -> Scores:
        """For each of ``vectors`` and each passage the greatest inner product with a sentence.

        Shape ``(len(vectors), len(numbers))``; every passage has a sentence.
        """
        if len(numbers) == 0:
            return np.empty((len(vectors), 0), np.float32)
        spans = self.spans[numbers]
        counts = spans[:, 1] - spans[:, 0]
        products = vectors @ self.stored(self.rows_of(numbers)).astype(np.float32).T
        firsts = np.cumsum(counts) - counts
        return np.asarray(np.maximum.reduceat(products, firsts, axis=1), np.float32)
