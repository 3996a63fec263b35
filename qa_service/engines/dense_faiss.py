"""Exact dense search with FAISS (Douze et al. 2024, arXiv:2401.08281)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from qa_service.engines import Allowed
from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

FILE = "vectors.faiss"


class FaissDense:
    """A flat inner-product index under explicit numbers: exact, and exact under any filter."""

    def __init__(self, folder: Path, index: Any) -> None:
        self._folder = folder
        self._index = index

    @classmethod
    def create(cls, folder: Path, dim: int) -> Self:
        """Start an empty index for vectors of length ``dim``."""
        import faiss

        return cls(folder, faiss.IndexIDMap2(faiss.IndexFlatIP(dim)))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a saved index, memory-mapped.

        Raises:
            GenerationCorrupt: the file is not an index.
        """
        import faiss

        path = folder / FILE
        try:
            return cls(folder, faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except RuntimeError as error:
            raise GenerationCorrupt(f"{path} cannot be opened: rebuild with `qa build`") from error

    def add(self, numbers: Numbers, vectors: Vectors) -> None:
        """Add vectors under their numbers."""
        if len(numbers):
            self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), numbers)

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number."""
        self._index.remove_ids(numbers)

    def save(self) -> None:
        """Write the index into its folder."""
        import faiss

        self._folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self._index, str(self._folder / FILE))

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        k = min(k, self._index.ntotal if allowed is None else len(allowed.passages))
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        params = _parameters(allowed)
        with _one_thread():
            scores, numbers = self._index.search(vector[None], k + 1, params=params)
            found = numbers[0] >= 0
            best, by_score = numbers[0][found], scores[0][found]
            if len(best) > k and by_score[k - 1] == by_score[k]:
                best, by_score = self._reaching(vector, by_score[k], params)
        return _by_score_then_number(best, by_score, k)

    def _reaching(self, vector: Vectors, score: np.float32, params: Any) -> tuple[Numbers, Scores]:
        """Everything of at least this score: FAISS cuts ties at the ``k``-th place as it likes."""
        below = float(np.nextafter(score, np.float32(-np.inf)))
        _, scores, numbers = self._index.range_search(vector[None], below, params=params)
        return numbers, scores

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        if len(numbers) == 0:
            return np.empty(0, np.float32)
        found: Scores = self._index.reconstruct_batch(numbers) @ vector
        return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS gives each query to one thread; more would only wait, 3 ms of 5 on 32,000 passages."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _parameters(allowed: Allowed | None) -> Any:
    if allowed is None:
        return None
    import faiss

    parameters = faiss.SearchParameters()
    parameters.sel = faiss.IDSelectorBatch(allowed.passages)
    return parameters


def _by_score_then_number(numbers: Numbers, scores: Scores, k: int) -> tuple[Numbers, Scores]:
    order = np.lexsort((numbers, -scores))[:k]
    return numbers[order], scores[order]
