"""Files of vectors: opened, written, compared one by one, multiplied."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.errors import EngineError
from qa_service.types import Numbers, Scores, Vectors


def mapped(path: Path) -> Any:
    """A saved index of whatever kind, memory-mapped."""
    import faiss

    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def write(path: Path, index: Any) -> None:
    """Write an index, or see to it that there is none; never into a file that is linked to."""
    import faiss

    path.unlink(missing_ok=True)
    try:
        if index is not None:
            faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise EngineError(f"{path} cannot be written: {error}") from error


def compared(index: Any, vector: Vectors, k: int, chosen: Any) -> tuple[Numbers, Scores]:
    """By comparing every vector; FAISS cuts ties at the ``k``-th place as it likes, so all are got."""
    import faiss

    params = None
    if chosen is not None:
        params = faiss.SearchParameters()
        params.sel = chosen
    scores, found = index.search(vector[None], k + 1, params=params)
    there = found[0] >= 0
    best, by_score = found[0][there], scores[0][there]
    if len(best) > k and by_score[k - 1] == by_score[k]:
        below = float(np.nextafter(by_score[k], np.float32(-np.inf)))
        _, by_score, best = index.range_search(vector[None], below, params=params)
    return best, by_score


def products(rows: Vectors, vector: Vectors) -> Scores:
    """Inner products. That of a row is the same to the last bit wherever the row stands; BLAS is not so."""
    products: Scores = np.einsum("ij,j->i", rows, vector)
    return products


def rows_of(index: Any) -> Vectors:
    """The vectors of a flat index, not copied."""
    import faiss

    if index.ntotal == 0:
        return np.empty((0, index.d), np.float32)
    flat: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
    return flat.reshape(index.ntotal, index.d)


@contextmanager
def one_thread() -> Iterator[None]:
    """FAISS gives each query to one thread; more would only wait, 3 ms of 5 on 32,000 passages."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
