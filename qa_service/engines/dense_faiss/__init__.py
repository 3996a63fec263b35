"""Dense search with FAISS (Douze et al. 2024, arXiv:2401.08281): exact, or with an inverted file before it.

The vectors stand in one flat file in the order of their numbers, memory-mapped. Below :data:`EXACT`
vectors every one is compared. Above, compressed codes in an inverted file (Jégou et al. 2011,
doi:10.1109/TPAMI.2010.57) name candidates, whose scores are then computed from the flat file: what is
returned has exact scores, and only a neighbour that is no candidate is missed.

A change leaves these files as they are, and links to them: vectors that came later stand in a small flat
file beside them, each of which is compared, and the places of those that went are noted.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from qa_service.engines import Allowed, Facets, Progress, silent
from qa_service.engines.dense_faiss.flat import (
    compared,
    mapped,
    one_thread,
    products,
    rows_of,
    write,
)
from qa_service.engines.dense_faiss.inverted import AT_ONCE, among, codes_of, move, trained
from qa_service.errors import GenerationCorrupt
from qa_service.linking import link
from qa_service.types import Numbers, Scores, Vectors

FILE = "vectors.faiss"
NUMBERS = "numbers.npy"
INVERTED = "inverted.faiss"
LATER = ("late.faiss", "late.npy", "gone.npy")
"""Vectors that came later, their numbers, and the places of those that went."""
EXACT = 150_000
"""Vectors from which on an inverted file is faster and the query is not what takes longest."""

LARGE = 500_000
"""Vectors from which on product-quantised codes are faster than a byte for each dimension."""

FEW = 20_000
"""So few vectors, in an index or allowed by a filter, are compared one by one whatever was asked for."""

LATE = 64
"""When more than one in so many came later or went, one flat file is written of all."""

CANDIDATES = {"sq8": 2, "pq": 20, "rabitq": 20}
"""Candidates for each hit: how many, the coarser the codes, the more."""


class FaissDense:
    """Inner product under explicit numbers, exact by size.

    What is found depends on the vectors alone, not on the order in which they came, except that the lists
    of an inverted file are trained anew only when the index has doubled or halved.
    """

    codes: ClassVar[str | None] = None
    """The codes of an inverted file; ``""``: none, whatever the size; ``None``: by size."""

    def __init__(self, folder: Path, numbers: Numbers, index: Any, inverted: Any = None) -> None:
        import faiss

        self._folder = folder
        self._numbers = numbers
        self._index = index
        self._inverted = inverted
        self._saved: Path | None = None
        self._late_numbers: Numbers = np.empty(0, np.int64)
        self._late = faiss.IndexFlatIP(index.d)
        self._gone: Numbers = np.empty(0, np.int64)
        self._kept: Any = None
        self._added: list[tuple[Numbers, Vectors]] = []
        self._removed: Numbers = np.empty(0, np.int64)

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
        path = folder / FILE
        try:
            index = mapped(path)
            numbers = np.load(folder / NUMBERS, mmap_mode="r")
            path = folder / INVERTED
            opened = cls(
                folder, np.asarray(numbers), index, mapped(path) if path.exists() else None
            )
            path = folder / LATER[0]
            if path.exists():
                opened._late = mapped(path)
                opened._late_numbers, gone = (np.load(folder / name) for name in LATER[1:])
                opened._lose(gone)
        except (RuntimeError, OSError, ValueError) as error:
            raise GenerationCorrupt(f"{path} cannot be opened: rebuild with `qa build`") from error
        fits = {FILE: (index, numbers), LATER[0]: (opened._late, opened._late_numbers)}
        fits |= {INVERTED: (opened._inverted, numbers)} if opened._inverted else {}
        for name, (held, under) in fits.items():
            if held.ntotal != len(under):
                misfit = f"{folder / name} does not fit {NUMBERS}"
                raise GenerationCorrupt(f"{misfit}: rebuild with `qa build`")
        opened._saved = folder
        return opened

    @classmethod
    def revise(cls, source: Path, folder: Path, progress: Progress = silent) -> Self:
        """Open what is saved in ``source``, to be changed and saved into ``folder``."""
        opened = cls.open(source)
        opened._folder = folder
        return opened

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
        lists, codes = self._inverted.nlist, codes_of(self._inverted)
        return f"inverted file of {lists} lists, {self._probed(1.0)} read, {codes} codes, refined"

    def add(self, numbers: Numbers, vectors: Vectors, facets: Sequence[Facets] = ()) -> None:
        """Add vectors under their numbers."""
        if len(numbers):
            self._added.append((numbers, np.ascontiguousarray(vectors, np.float32)))

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number."""
        if self._added:
            self._settle()
        self._removed = np.union1d(self._removed, numbers)

    def save(self, progress: Progress = silent) -> None:
        """Write the index into its folder, or link to what is written already."""
        self._settle()
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._saved is None:
            write(self._folder / FILE, self._index)
            write(self._folder / INVERTED, self._inverted)
            np.save(self._folder / NUMBERS, self._numbers)
        elif self._saved != self._folder:
            for name in (FILE, INVERTED, NUMBERS):
                if (self._saved / name).exists():
                    link(self._saved / name, self._folder / name)
        self._saved = self._folder
        any_later = len(self._late_numbers) or len(self._gone)
        write(self._folder / LATER[0], self._late if any_later else None)
        for name, numbers in zip(LATER[1:], (self._late_numbers, self._gone), strict=True):
            (self._folder / name).unlink(missing_ok=True)
            if any_later:
                np.save(self._folder / name, numbers)

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        self._settle()
        with one_thread():
            early, early_scores = self._found_early(vector, k, allowed)
            late, late_scores = self._found_late(vector, k, allowed)
        numbers = np.concatenate([early, late])
        scores = np.concatenate([early_scores, late_scores])
        order = np.lexsort((numbers, -scores))[:k]
        return numbers[order], scores[order]

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        self._settle()
        rows = np.empty((len(numbers), self._index.d), np.float32)
        late = np.isin(numbers, self._late_numbers)
        places = np.searchsorted(self._late_numbers, numbers[late])
        rows[late] = rows_of(self._late)[places]
        rows[~late] = self._rows(np.searchsorted(self._numbers, numbers[~late]))
        return products(rows, vector)

    def _found_early(
        self, vector: Vectors, k: int, allowed: Allowed | None
    ) -> tuple[Numbers, Scores]:
        """Of the vectors in the large file those that may be among the ``k`` best."""
        places = None if allowed is None else self._places(allowed.passages)
        size = len(self._numbers) - len(self._gone) if places is None else len(places)
        k = min(k, size)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if self._inverted is not None and places is not None and size <= FEW:
            best, scores = places, products(self._rows(places), vector)
        else:
            chosen = self._kept if places is None else among(places, len(self._numbers))
            if self._inverted is None:
                best, scores = compared(self._index, vector, k, chosen)
            else:
                best, scores = self._refined(vector, k, chosen, size / len(self._numbers))
        return self._numbers[best], scores

    def _found_late(
        self, vector: Vectors, k: int, allowed: Allowed | None
    ) -> tuple[Numbers, Scores]:
        """Of those that came later."""
        numbers, chosen = self._late_numbers, None
        size = len(numbers)
        if allowed is not None and size:
            places = np.flatnonzero(np.isin(numbers, allowed.passages))
            chosen, size = among(places, size), len(places)
        if min(k, size) == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        best, scores = compared(self._late, vector, min(k, size), chosen)
        return numbers[best], scores

    def _refined(
        self, vector: Vectors, k: int, chosen: Any, share: float
    ) -> tuple[Numbers, Scores]:
        """Candidates of the inverted file with their exact scores."""
        import faiss

        params = faiss.SearchParametersIVF()
        params.nprobe = self._probed(share)
        if chosen is not None:
            params.sel = chosen
        wanted = CANDIDATES[codes_of(self._inverted)] * k
        _, found = self._inverted.search(vector[None], wanted, params=params)
        best = np.sort(found[0][found[0] >= 0])
        return best, products(self._rows(best), vector)

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
        return there[~np.isin(there, self._gone)] if len(self._gone) else there

    def _rows(self, places: Numbers) -> Vectors:
        return rows_of(self._index)[places]

    def _lose(self, gone: Numbers) -> None:
        """Let the vectors at these places of the large file be found no more."""
        self._gone = gone
        self._kept = among(self._staying(), len(self._numbers)) if len(gone) else None

    def _staying(self) -> Numbers:
        """The places of what did not go."""
        staying = np.ones(len(self._numbers), np.bool_)
        staying[self._gone] = False
        return np.flatnonzero(staying)

    def _settle(self) -> None:
        """Let what came and went be found, and no longer be found."""
        if not self._added and not len(self._removed):
            return
        import faiss

        stay = ~np.isin(self._late_numbers, self._removed)
        numbers = [self._late_numbers[stay], *(own for own, _ in self._added)]
        vectors = [rows_of(self._late)[stay], *(rows for _, rows in self._added)]
        if len(self._removed):
            self._lose(np.union1d(self._gone, self._places(self._removed)))
        self._added, self._removed = [], np.empty(0, np.int64)
        if LATE * (sum(map(len, numbers)) + len(self._gone)) > len(self._numbers):
            self._fold(list(zip(numbers, vectors, strict=True)))
            numbers, vectors = [np.empty(0, np.int64)], []
        self._late_numbers = np.concatenate(numbers)
        order = np.argsort(self._late_numbers)
        self._late_numbers = self._late_numbers[order]
        self._late = faiss.IndexFlatIP(self._index.d)
        if len(order):
            self._late.add(np.concatenate(vectors)[order])

    def _fold(self, late: list[tuple[Numbers, Vectors]]) -> None:
        """Make one large file, in the order of the numbers, of what is there and what came later."""
        import faiss

        kept = self._staying()
        numbers = np.concatenate([self._numbers[kept], *(own for own, _ in late)])
        order = np.argsort(numbers, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        index = faiss.IndexFlatIP(self._index.d)
        index.codes.resize(len(numbers) * index.code_size)
        index.ntotal = len(numbers)
        rows, start = rows_of(index), len(kept)
        for run in np.array_split(np.arange(start), max(1, start // AT_ONCE)):
            rows[place[run]] = rows_of(self._index)[kept[run]]
        for own, vectors in late:
            rows[place[start : start + len(own)]] = vectors
            start += len(own)
        self._inverted = self._invert(rows, kept, place)
        self._numbers, self._index, self._saved = numbers[order], index, None
        self._lose(np.empty(0, np.int64))

    def _invert(self, rows: Vectors, kept: Numbers, place: Numbers) -> Any:
        """The inverted file of ``rows``: that of before, changed, or one trained anew.

        ``kept``: the places of before that stay; ``place``: where those, and then the new ones, stand.
        """
        if self.codes == "" or len(rows) < (EXACT if self.codes is None else FEW):
            return None
        import faiss

        before = self._inverted
        if before is None or not 0.5 < len(rows) / (before.nlist / 2) ** 2 < 2:
            return trained(rows, self.codes or ("pq" if len(rows) >= LARGE else "sq8"))
        if self._saved is not None:
            before = faiss.read_index(str(self._saved / INVERTED))  # not mapped: it is written to
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
