"""Inverted files: trained, changed, and how much of one is to be read."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa_service.types import Numbers, Vectors

AT_ONCE = 65_536
"""Vectors moved at once."""

CODES = {"sq8": "SQ8", "pq": "PQ{half}x4fs", "rabitq": "RaBitQ"}
"""Codes by name: a byte for each dimension, 4 bits for each two dimensions, one bit for each."""

KINDS = {"IndexIVFScalarQuantizer": "sq8", "IndexIVFPQFastScan": "pq", "IndexIVFRaBitQ": "rabitq"}
"""What FAISS calls an inverted file of these codes."""

FOUND = 0.997
"""The share of the ten nearest that a search must find in the trial that sets how many lists it reads."""

TRIALS = 400
"""Queries of that trial: vectors between three passages, about as far from each as a question is.

Sentences that were not in the index, as queries on the passages of real releases, have 0.983 of their ten
nearest found then; with vectors between two passages and a share of 0.985 they had 0.920.
"""

TRAINED = 40
"""Vectors for each list that the lists are trained on."""


def trained(rows: Vectors, codes: str) -> Any:
    """An inverted file of 2 √n lists, trained on a sample that depends on the vectors alone."""
    import faiss

    size, dim = rows.shape
    lists = max(1, round(2 * math.sqrt(size)))
    lists = min(lists, size // TRAINED)
    name = f"IVF{lists},{CODES[codes].format(half=dim // 2)}"
    inverted: Any = faiss.index_factory(dim, name, faiss.METRIC_INNER_PRODUCT)
    inverted.cp.max_points_per_centroid = TRAINED
    inverted.cp.min_points_per_centroid = 1
    inverted.cp.niter = 10
    step = max(1, size // (TRAINED * lists))
    inverted.train(np.ascontiguousarray(rows[::step]))
    for run in np.array_split(np.arange(size), max(1, size // AT_ONCE)):
        inverted.add_with_ids(rows[run], run)
    inverted.nprobe = _lists_to_read(inverted, rows)
    return inverted


def _lists_to_read(inverted: Any, rows: Vectors) -> int:
    """So many that they hold :data:`FOUND` of the ten nearest vectors in a trial."""
    import faiss

    chosen = np.random.default_rng(0).choice(len(rows), (3, min(TRIALS, len(rows) // 3)), False)
    queries = rows[chosen].sum(axis=0)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    flat = faiss.IndexFlatIP(rows.shape[1])
    nearest = np.full((len(queries), 0), -1, np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(rows), AT_ONCE):
        flat.reset()
        flat.add(rows[start : start + AT_ONCE])
        own, found = flat.search(queries, 10)
        all_scores, all_found = np.hstack([scores, own]), np.hstack([nearest, found + start])
        best = np.argsort(-all_scores, axis=1)[:, :10]
        scores = np.take_along_axis(all_scores, best, 1)
        nearest = np.take_along_axis(all_found, best, 1)
    lists = _lists_of(inverted, len(rows))[nearest]
    _, order = inverted.quantizer.search(queries, inverted.nlist)
    ranks = np.argsort(order, axis=1)
    needed = np.sort(np.take_along_axis(ranks, lists, 1).ravel())
    enough = int(needed[min(len(needed) - 1, math.ceil(FOUND * len(needed)))]) + 1
    return min(int(inverted.nlist), enough)


def _lists_of(inverted: Any, size: int) -> Numbers:
    """The list of each vector."""
    import faiss

    found = np.empty(size, np.int64)
    for number in range(inverted.nlist):
        count = inverted.invlists.list_size(number)
        if count:
            found[faiss.rev_swig_ptr(inverted.invlists.get_ids(number), count)] = number
    return found


def codes_of(inverted: Any) -> str:
    """The name of its codes in :data:`CODES`."""
    return KINDS[type(inverted).__name__]


def move(inverted: Any, moved: Numbers) -> None:
    """Give what is in an inverted file other places; what has none (-1) is removed."""
    import faiss

    gone = np.flatnonzero(moved < 0)
    if len(gone):
        inverted.remove_ids(among(gone, len(moved)))
    for number in range(inverted.nlist):
        size = inverted.invlists.list_size(number)
        if size:
            ids = faiss.rev_swig_ptr(inverted.invlists.get_ids(number), size)
            ids[:] = moved[ids]


def among(places: Numbers, size: int) -> Any:
    """A selector of these places."""
    import faiss

    chosen: NDArray[np.bool_] = np.zeros(size, np.bool_)
    chosen[places] = True
    bits = np.packbits(chosen, bitorder="little")
    selector: Any = faiss.IDSelectorBitmap
    return selector(bits)
