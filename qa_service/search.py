"""A query to the ranking of each stage: lexical, dense, and both fused."""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qa_service.engines import Allowed, DenseIndex, Embedder, LexicalIndex
from qa_service.errors import QueryError
from qa_service.types import Filters, Found, Hit, Numbers, Passage, Query, Ranking, Release, Scores

CANDIDATES = 100
"""Hits taken from each stage before fusion."""

RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""


class Published(Protocol):
    """What search and answers need of a generation."""

    embedder: Embedder
    dense: DenseIndex
    lexical: LexicalIndex

    @property
    def generation_id(self) -> str:
        """The id under which it was published."""

    def release(self, release_id: str) -> Release:
        """One release by id."""

    def passage(self, passage_id: str) -> Passage:
        """One passage by id."""

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number, in the order given."""

    def allowed(self, filters: Filters) -> Allowed | None:
        """What the filters let through; ``None`` means everything."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The ranking of each stage, and what each took, in milliseconds."""

    lexical: Ranking
    dense: Ranking
    fused: Ranking
    took_ms: dict[str, float]


def make_query(text: str, filters: Filters, max_chars: int) -> Query:
    """A query that can be sent to an index.

    Raises:
        QueryError: blank or too long, or the dates are the wrong way round.
    """
    if not text.strip():
        raise QueryError("the question is empty: ask something")
    if len(text) > max_chars:
        raise QueryError(f"the question has {len(text):,} characters, the limit is {max_chars:,}")
    if filters.date_from and filters.date_to and filters.date_from > filters.date_to:
        raise QueryError(f"date_from {filters.date_from} is after date_to {filters.date_to}")
    return Query(text, filters)


def search(published: Published, query: Query, k: int) -> Stages:
    """The best passages by each stage; the fused ranking has at most ``k`` hits."""
    depth = max(CANDIDATES, k)
    allowed = published.allowed(query.filters)
    marks = [time.perf_counter()]
    lexical = published.lexical.search(query.text, depth, allowed)
    marks.append(time.perf_counter())
    vector = published.embedder.embed_queries([query.text])[0]
    marks.append(time.perf_counter())
    dense = published.dense.search(vector, depth, allowed)
    marks.append(time.perf_counter())
    fused = fuse([lexical, dense], k)
    by_words, by_vector, best = (_ranking(published, *one) for one in (lexical, dense, fused))
    marks.append(time.perf_counter())
    took = np.diff(marks) * 1000
    names = ("lexical", "embed", "dense", "fuse")
    took_ms = dict(zip(names, took.round(2).tolist(), strict=True))
    return Stages(by_words, by_vector, best, took_ms)


def fuse(rankings: list[tuple[Numbers, Scores]], k: int) -> tuple[Numbers, Scores]:
    """Reciprocal rank fusion: the sum of ``1 / (RRF_K + rank)``; only ranks count, never scores."""
    numbers = np.unique(np.concatenate([ranking[0] for ranking in rankings]))
    scores = np.zeros(len(numbers), np.float64)
    for found, _ in rankings:
        ranks = np.arange(1, len(found) + 1)
        scores[np.searchsorted(numbers, found)] += 1 / (RRF_K + ranks)
    order = np.lexsort((numbers, -scores))[:k]
    return numbers[order], scores[order].astype(np.float32)


def look_up(published: Published, stages: Stages, offset: int, k: int) -> list[Found]:
    """Hits ``offset`` to ``offset + k`` of the fused ranking beside their releases."""
    lexical = {hit.passage_id: hit.score for hit in stages.lexical.hits}
    dense = {hit.passage_id: hit.score for hit in stages.dense.hits}
    found = []
    for rank, hit in enumerate(stages.fused.hits[offset : offset + k], offset + 1):
        passage = published.passage(hit.passage_id)
        release = published.release(passage.release_id)
        stage = (lexical.get(hit.passage_id, 0.0), dense.get(hit.passage_id, 0.0))
        found.append(Found(passage, release, rank, hit.score, *stage))
    return found


def _ranking(published: Published, numbers: Numbers, scores: Scores) -> Ranking:
    ids = published.passage_ids(numbers)
    return Ranking(tuple(map(Hit, ids, scores.tolist())))
