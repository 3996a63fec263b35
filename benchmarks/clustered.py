"""Vectors as those of texts are, in any number: topics, in them releases, in them passages.

Independent noise would be no measure: its neighbours are all equally far, and no index finds them. Here
the directions have falling weight (as the spectrum of MiniLM's vectors has), a passage has a cosine of
about 0.6 with others of its release, and a query one of about 0.7 with the passage it asks for.
"""

from collections.abc import Iterator

import numpy as np

from qa_service.types import Vectors

DIM = 384
AT_ONCE = 50_000
_WEIGHTS = (1 / np.sqrt(np.arange(1, DIM + 1) + 20)).astype(np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Rows of unit length."""
    rows: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows.astype(np.float32)


def _noise(random: np.random.Generator, size: int) -> Vectors:
    return unit(random.standard_normal((size, DIM), np.float32) * _WEIGHTS)


def passages(size: int, seed: int = 1) -> Iterator[Vectors]:
    """Unit vectors, in parts; four passages a release, a topic for every thousand."""
    random = np.random.default_rng(seed)
    topics = _noise(random, max(20, size // 1000))
    popular = random.zipf(1.3, size).clip(1, len(topics)) - 1
    for start in range(0, size, AT_ONCE):
        count = min(AT_ONCE, size - start)
        releases = topics[popular[start : start + count : 4]]
        releases = unit(releases * 0.6 + _noise(random, len(releases)) * 0.8)
        own = np.repeat(releases, 4, axis=0)[:count]
        yield unit(own * 0.77 + _noise(random, count) * 0.63)


def queries(vectors: Vectors, count: int, seed: int = 2) -> Vectors:
    """Near some of the passages."""
    random = np.random.default_rng(seed)
    near = vectors[random.choice(len(vectors), count, replace=False)]
    return unit(near * 0.7 + _noise(random, count) * 0.7)
