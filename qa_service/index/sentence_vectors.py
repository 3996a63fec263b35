"""The vector of every sentence of a generation, by passage: what a passage says, sentence by sentence.

A paragraph's own vector averages what its sentences say; the best of its sentences answers a question.
Half precision: a cosine changes by less than 0.001, the file halves.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

VECTORS = "vectors.npy"
STARTS = "starts.npy"


def write_sentence_vectors(folder: Path, vectors: Vectors, counts: Sequence[int]) -> None:
    """Write ``vectors``, the first ``counts[0]`` of which are those of passage 0, and so on."""
    folder.mkdir()
    np.save(folder / VECTORS, vectors.astype(np.float16))
    np.save(folder / STARTS, np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]))


class SentenceVectors:
    """Reads them, memory-mapped."""

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
