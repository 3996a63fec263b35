"""Exact dense search with FAISS (Douze et al. 2024, arXiv:2401.08281)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from qa_service.engines import Allowed
from qa_service.errors import EngineError, GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

FILE = "vectors.faiss"
NUMBERS = "numbers.npy"
AT_ONCE = 65_536
"""Vectors moved at once."""


class FaissDense:
    """A flat inner-product index in the order of the numbers: exact, and exact under any filter.

    The file depends on its vectors alone, not on the order in which they came.
    """

    def __init__(self, folder: Path, numbers: Numbers, index: Any) -> None:
        self._folder = folder
        self._numbers = numbers
        self._index = index
        self._added: list[tuple[Numbers, Vectors]] = []
        self._gone: Numbers = np.empty(0, np.int64)

    @classmethod
    def create(cls, folder: Path, dim: int) -> Self:
        """Start an empty index for vectors of length ``dim``."""
        import faiss

        return cls(folder, np.empty(0, np.int64), faiss.IndexFlatIP(dim))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a saved index, memory-mapped.

        Raises:
            GenerationCorrupt: the files are not an index.
        """
        import faiss

        path = folder / FILE
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            numbers = np.load(folder / NUMBERS, mmap_mode="r")
        except (RuntimeError, OSError, ValueError) as error:
            raise GenerationCorrupt(f"{path} cannot be opened: rebuild with `qa build`") from error
        if len(numbers) != index.ntotal:
            raise GenerationCorrupt(f"{path} does not fit {NUMBERS}: rebuild with `qa build`")
        return cls(folder, np.asarray(numbers), index)

    @classmethod
    def revise(cls, source: Path, folder: Path) -> Self:
        """Open what is saved in ``source``, to be changed and saved into ``folder``."""
        opened = cls.open(source)
        opened._folder = folder
        return opened

    def add(self, numbers: Numbers, vectors: Vectors) -> None:
        """Add vectors under their numbers."""
        if len(numbers):
            self._added.append((numbers, np.ascontiguousarray(vectors, np.float32)))

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number."""
        if self._added:
            self._settle()
        self._gone = np.union1d(self._gone, numbers)

    def save(self) -> None:
        """Write the index into its folder."""
        import faiss

        self._settle()
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            faiss.write_index(self._index, str(self._folder / FILE))
        except RuntimeError as error:
            raise EngineError(f"{self._folder / FILE} cannot be written: {error}") from error
        np.save(self._folder / NUMBERS, self._numbers)

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        self._settle()
        params = None
        if allowed is not None:
            places = self._places(allowed.passages)
            params = _among(places, len(self._numbers))
        k = min(k, len(self._numbers) if allowed is None else len(places))
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        with _one_thread():
            scores, found = self._index.search(vector[None], k + 1, params=params)
            there = found[0] >= 0
            best, by_score = found[0][there], scores[0][there]
            if len(best) > k and by_score[k - 1] == by_score[k]:
                best, by_score = self._reaching(vector, by_score[k], params)
        best, by_score = _by_score_then_number(best, by_score, k)
        return self._numbers[best], by_score

    def _reaching(self, vector: Vectors, score: np.float32, params: Any) -> tuple[Numbers, Scores]:
        """Everything of at least this score: FAISS cuts ties at the ``k``-th place as it likes."""
        below = float(np.nextafter(score, np.float32(-np.inf)))
        _, scores, places = self._index.range_search(vector[None], below, params=params)
        return places, scores

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        self._settle()
        if len(numbers) == 0:
            return np.empty(0, np.float32)
        found: Scores = _rows(self._index)[np.searchsorted(self._numbers, numbers)] @ vector
        return found

    def _places(self, numbers: Numbers) -> Numbers:
        """Where those of ``numbers`` that are there stand."""
        at = np.minimum(np.searchsorted(self._numbers, numbers), max(0, len(self._numbers) - 1))
        return at[self._numbers[at] == numbers] if len(self._numbers) else at[:0]

    def _settle(self) -> None:
        """Make one index, in the order of the numbers, of what is there and what came and went."""
        if not self._added and not len(self._gone):
            return
        import faiss

        kept = np.flatnonzero(~np.isin(self._numbers, self._gone))
        parts = [(self._numbers[kept], None), *self._added]
        numbers = np.concatenate([own for own, _ in parts])
        order = np.argsort(numbers, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        index = faiss.IndexFlatIP(self._index.d)
        index.codes.resize(len(numbers) * index.code_size)
        index.ntotal = len(numbers)
        rows, start = _rows(index), len(kept)
        for run in np.array_split(np.arange(start), max(1, start // AT_ONCE)):
            rows[place[run]] = _rows(self._index)[kept[run]]
        for own, vectors in self._added:
            rows[place[start : start + len(own)]] = vectors
            start += len(own)
        self._numbers, self._index = numbers[order], index
        self._added, self._gone = [], np.empty(0, np.int64)


def _rows(index: Any) -> Vectors:
    """The vectors of a flat index, not copied."""
    import faiss

    if index.ntotal == 0:
        return np.empty((0, index.d), np.float32)
    flat: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    return flat.reshape(index.ntotal, index.d)


def _among(places: Numbers, size: int) -> Any:
    """Search only there."""
    import faiss

    chosen = np.zeros(size, np.bool_)
    chosen[places] = True
    parameters = faiss.SearchParameters()
    parameters.sel = faiss.IDSelectorBitmap(  # type: ignore[call-arg]
        np.packbits(chosen, bitorder="little")  # type: ignore[arg-type]
    )
    return parameters


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


def _by_score_then_number(numbers: Numbers, scores: Scores, k: int) -> tuple[Numbers, Scores]:
    order = np.lexsort((numbers, -scores))[:k]
    return numbers[order], scores[order]
