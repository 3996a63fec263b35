"""Dense search with FAISS (Douze et al. 2024, arXiv:2401.08281): exact, or with an inverted file before it.

The vectors stand in one flat file in the order of their numbers, memory-mapped. Below :data:`EXACT`
vectors every one is compared. Above, compressed codes in an inverted file (Jégou et al. 2011,
doi:10.1109/TPAMI.2010.57) name candidates, whose scores are then computed from the flat file: what is
returned has exact scores, and only a neighbour that is no candidate is missed.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from qa_service.engines import Allowed, Facets, Progress, silent
from qa_service.engines.dense_faiss.inverted import AT_ONCE, among, move, trained
from qa_service.errors import EngineError, GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

FILE = "vectors.faiss"
NUMBERS = "numbers.npy"
INVERTED = "inverted.faiss"
EXACT = 150_000
"""Vectors from which on an inverted file is faster and the query is not what takes longest."""

FEW = 20_000
"""So few vectors, in an index or allowed by a filter, are compared one by one whatever was asked for."""

CANDIDATES = {"sq8": 2, "pq": 20, "rabitq": 20}
"""Candidates for each hit: how many, the coarser the codes, the more."""


class FaissDense:
    """Inner product under explicit numbers, exact by size.

    The files depend on the vectors alone, not on the order in which they came, except that the lists of
    an inverted file are trained anew only when the index has doubled or halved.
    """

    codes: ClassVar[str | None] = None
    """The codes of an inverted file; ``""``: none, whatever the size; ``None``: by size."""

    def __init__(self, folder: Path, numbers: Numbers, index: Any, inverted: Any = None) -> None:
        self._folder = folder
        self._numbers = numbers
        self._index = index
        self._inverted = inverted
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

        return cls._opened(folder, faiss.IO_FLAG_MMAP_IFC)

    @classmethod
    def revise(cls, source: Path, folder: Path, progress: Progress = silent) -> Self:
        """Open what is saved in ``source``, to be changed and saved into ``folder``."""
        opened = cls._opened(source, 0)
        opened._folder = folder
        return opened

    @classmethod
    def _opened(cls, folder: Path, how: int) -> Self:
        import faiss

        path = folder / FILE
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            numbers = np.load(folder / NUMBERS, mmap_mode="r")
            inverted = None
            if (folder / INVERTED).exists():
                path = folder / INVERTED
                inverted = faiss.read_index(str(path), how)
        except (RuntimeError, OSError, ValueError) as error:
            raise GenerationCorrupt(f"{path} cannot be opened: rebuild with `qa build`") from error
        if not len(numbers) == index.ntotal == (inverted or index).ntotal:
            raise GenerationCorrupt(f"{path} does not fit {NUMBERS}: rebuild with `qa build`")
        return cls(folder, np.asarray(numbers), index, inverted)

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Nothing is elsewhere."""

    @classmethod
    def publish(cls, folder: Path) -> None:
        """Nobody has to be told."""

    def check(self) -> None:
        """Nothing can be away."""

    @property
    def kind(self) -> str:
        """How vectors are found, in a word for the manifest."""
        self._settle()
        if self._inverted is None:
            return "exact"
        lists = self._inverted.nlist
        return f"inverted file of {lists} lists, {self._probed(1.0)} read, {self._codes} codes, refined"

    def add(self, numbers: Numbers, vectors: Vectors, facets: Sequence[Facets] = ()) -> None:
        """Add vectors under their numbers."""
        if len(numbers):
            self._added.append((numbers, np.ascontiguousarray(vectors, np.float32)))

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number."""
        if self._added:
            self._settle()
        self._gone = np.union1d(self._gone, numbers)

    def save(self, progress: Progress = silent) -> None:
        """Write the index into its folder."""
        import faiss

        self._settle()
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, index in ((FILE, self._index), (INVERTED, self._inverted)):
            try:
                if index is not None:
                    faiss.write_index(index, str(self._folder / name))
            except RuntimeError as error:
                raise EngineError(f"{self._folder / name} cannot be written: {error}") from error
        np.save(self._folder / NUMBERS, self._numbers)

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        self._settle()
        places = None if allowed is None else self._places(allowed.passages)
        size = len(self._numbers) if places is None else len(places)
        k = min(k, size)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        with _one_thread():
            if self._inverted is None:
                best, scores = self._compared(vector, k, places)
            elif places is not None and size <= FEW:
                best, scores = places, self._rows(places) @ vector
            else:
                best, scores = self._refined(vector, k, places)
        best, scores = _by_score_then_place(best, scores, k)
        return self._numbers[best], scores

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        self._settle()
        if len(numbers) == 0:
            return np.empty(0, np.float32)
        found: Scores = self._rows(np.searchsorted(self._numbers, numbers)) @ vector
        return found

    def _compared(self, vector: Vectors, k: int, places: Numbers | None) -> tuple[Numbers, Scores]:
        """By comparing every vector; FAISS cuts ties at the ``k``-th place as it likes, so all are got."""
        import faiss

        params = None
        if places is not None:
            params = faiss.SearchParameters()
            params.sel = among(places, len(self._numbers))
        scores, found = self._index.search(vector[None], k + 1, params=params)
        there = found[0] >= 0
        best, by_score = found[0][there], scores[0][there]
        if len(best) > k and by_score[k - 1] == by_score[k]:
            below = float(np.nextafter(by_score[k], np.float32(-np.inf)))
            _, by_score, best = self._index.range_search(vector[None], below, params=params)
        return best, by_score

    def _refined(self, vector: Vectors, k: int, places: Numbers | None) -> tuple[Numbers, Scores]:
        """Candidates of the inverted file with their exact scores."""
        import faiss

        share = 1.0 if places is None else len(places) / len(self._numbers)
        params = faiss.SearchParametersIVF()
        params.nprobe = self._probed(share)
        if places is not None:
            params.sel = among(places, len(self._numbers))
        wanted = CANDIDATES[self._codes] * k
        _, found = self._inverted.search(vector[None], wanted, params=params)
        best = np.sort(found[0][found[0] >= 0])
        return best, self._rows(best) @ vector

    def _probed(self, share: float) -> int:
        """How many lists to read if a filter leaves this share: the fewer it leaves, the more."""
        probed = int(self._inverted.nprobe) / max(math.sqrt(share), 0.1)
        return min(int(self._inverted.nlist), math.ceil(probed))

    def _places(self, numbers: Numbers) -> Numbers:
        """Where those of ``numbers`` that are there stand."""
        if not len(self._numbers):
            return np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        there: Numbers = at[self._numbers[at] == numbers]
        return there

    def _rows(self, places: Numbers) -> Vectors:
        return _vectors(self._index)[places]

    @property
    def _codes(self) -> str:
        return self.codes or "sq8"

    def _settle(self) -> None:
        """Make one index, in the order of the numbers, of what is there and what came and went."""
        if not self._added and not len(self._gone):
            return
        import faiss

        kept = np.flatnonzero(~np.isin(self._numbers, self._gone))
        numbers = np.concatenate([self._numbers[kept], *(own for own, _ in self._added)])
        order = np.argsort(numbers, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        index = faiss.IndexFlatIP(self._index.d)
        index.codes.resize(len(numbers) * index.code_size)
        index.ntotal = len(numbers)
        rows, start = _vectors(index), len(kept)
        for run in np.array_split(np.arange(start), max(1, start // AT_ONCE)):
            rows[place[run]] = _vectors(self._index)[kept[run]]
        for own, vectors in self._added:
            rows[place[start : start + len(own)]] = vectors
            start += len(own)
        self._inverted = self._invert(rows, kept, place)
        self._numbers, self._index = numbers[order], index
        self._added, self._gone = [], np.empty(0, np.int64)

    def _invert(self, rows: Vectors, kept: Numbers, place: Numbers) -> Any:
        """The inverted file of ``rows``: that of before, changed, or one trained anew.

        ``kept``: the places of before that stay; ``place``: where those, and then the new ones, stand.
        """
        if self.codes == "" or len(rows) < (EXACT if self.codes is None else FEW):
            return None
        before = self._inverted
        if before is None or not 0.5 < len(rows) / (before.nlist / 2) ** 2 < 2:
            return trained(rows, self._codes)
        moved = np.full(len(self._numbers), -1, np.int64)
        moved[kept] = place[: len(kept)]
        move(before, moved)
        new = np.sort(place[len(kept) :])
        for run in np.array_split(new, max(1, len(new) // AT_ONCE)):
            before.add_with_ids(rows[run], run)
        return before


class FaissFlat(FaissDense):
    """Every vector compared, whatever the size."""

    codes = ""


class FaissSq8(FaissDense):
    """An inverted file also of fewer vectors, of a byte for each dimension."""

    codes = "sq8"


class FaissPq(FaissDense):
    """An inverted file also of fewer vectors, of product-quantised codes, an eighth of that."""

    codes = "pq"


class FaissRabitq(FaissDense):
    """An inverted file also of fewer vectors, of one bit for each dimension (Gao and Long 2024)."""

    codes = "rabitq"


def _vectors(index: Any) -> Vectors:
    """The vectors of a flat index, not copied."""
    import faiss

    if index.ntotal == 0:
        return np.empty((0, index.d), np.float32)
    flat: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    return flat.reshape(index.ntotal, index.d)


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


def _by_score_then_place(places: Numbers, scores: Scores, k: int) -> tuple[Numbers, Scores]:
    order = np.lexsort((places, -scores))[:k]
    return places[order], scores[order]
