"""The vector of every sentence of a generation, by passage: what a passage says, sentence by sentence.

A paragraph's own vector averages what its sentences say; the best of its sentences answers a question.
Half precision: a cosine changes by less than 0.001, the file halves.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

VECTORS = "vectors.npy"
STARTS = "starts.npy"
AT_ONCE = 65_536
"""Vectors copied at once."""


class SentenceWriter:
    """Writes them passage by passage: new ones as they come, those of an older file in between."""

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
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        np.save(folder / STARTS, self._starts)
        self._old = old
        self._places = places if places is not None else np.full(len(counts), -1, np.int64)
        self._at = 0
        self._file: IO[bytes] = (folder / VECTORS).open("wb")
        shape = {"descr": "<f2", "fortran_order": False, "shape": (int(self._starts[-1]), dim)}
        np.lib.format.write_array_header_1_0(self._file, shape)

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
        counts = self._starts[passages + 1] - self._starts[passages]
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
        for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
            if len(run) and self._old is not None:
                for part in self._old.stored(int(run[0]), int(run[-1]) + 1):
                    self._file.write(part.tobytes())


def write_sentence_vectors(folder: Path, vectors: Vectors, counts: Sequence[int]) -> None:
    """Write ``vectors``, the first ``counts[0]`` of which are those of passage 0, and so on."""
    with SentenceWriter(folder, vectors.shape[1], counts) as writer:
        writer.put(np.arange(len(counts), dtype=np.int64), vectors)


class SentenceVectors:
    """Reads them, memory-mapped. A passage is known by its place in the order of numbers."""

    def __init__(self, folder: Path) -> None:
        """Open ``folder``.

        Raises:
            GenerationCorrupt: it does not hold such vectors.
        """
        try:
            self._vectors = np.load(folder / VECTORS, mmap_mode="r")
            self._starts = np.load(folder / STARTS)
        except (OSError, ValueError) as error:
            raise GenerationCorrupt(f"{folder}: {error}; rebuild with `qa build`") from error

    def stored(self, first: int, end: int) -> Iterator[NDArray[np.float16]]:
        """Those of passages ``first`` to ``end`` as they are stored, in parts."""
        for start in range(int(self._starts[first]), int(self._starts[end]), AT_ONCE):
            yield self._vectors[start : min(start + AT_ONCE, int(self._starts[end]))]

    def of(self, number: int) -> Vectors:
        """Those of one passage, shape ``(sentences, dim)``, in the order of its text."""
        start, end = self._starts[number : number + 2]
        return np.asarray(self._vectors[start:end], np.float32)

    def best(self, vectors: Vectors, numbers: Numbers) -> Scores:
        """For each of ``vectors`` and each passage the greatest inner product with a sentence.

        Shape ``(len(vectors), len(numbers))``; every passage has a sentence.
        """
        if len(numbers) == 0:
            return np.empty((len(vectors), 0), np.float32)
        counts = self._starts[numbers + 1] - self._starts[numbers]
        firsts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        rows = np.repeat(self._starts[numbers] - firsts, counts) + np.arange(counts.sum())
        products = vectors @ np.asarray(self._vectors[rows], np.float32).T
        return np.asarray(np.maximum.reduceat(products, firsts, axis=1), np.float32)
