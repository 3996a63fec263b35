"""A query to the ranking of each stage: words, meaning, and both fused.

A passage is judged by itself and by the release that it stands in: "He was sentenced to five years"
answers a question about Mr Smith only if the release is about Mr Smith. What was said earlier in a
conversation (``Query.context``) helps to find the release more than the passage.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa_service.engines import Allowed, DenseIndex, Embedder, LexicalIndex
from qa_service.errors import QueryError
from qa_service.types import Filters, Found, Hit, Numbers, Passage, Query, Ranking, Release, Scores

CANDIDATES = 100
"""Hits taken from each stage before fusion. Always as many, so that every page is cut from one ranking."""

RELEASES = 5
"""Releases whose every passage that shares a word with the query is a candidate too."""

RELEASE_WORDS = 1.5
RELEASE_MEANING = 1.5
CONTEXT = 0.5
"""Weights in the fused score; those of a passage's own words and meaning are 1. Measured on the
development sets: see README, "Retrieval, measured"."""

MEANING_PASSAGES = 3
"""A release means what its passages nearest to the query mean: the mean of this many."""

Floats = NDArray[np.float64]


class Published(Protocol):
    """What search and answers need of a generation."""

    embedder: Embedder
    dense: DenseIndex
    lexical: LexicalIndex
    releases: LexicalIndex

    @property
    def generation_id(self) -> str:
        """The id under which it was published."""

    def release(self, release_id: str) -> Release:
        """One release by id."""

    def passage(self, passage_id: str) -> Passage:
        """One passage by id."""

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text."""

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number, in the order given."""

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number, in the order given."""

    def allowed(self, filters: Filters) -> Allowed | None:
        """What the filters let through; ``None`` means everything."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The ranking of each stage, and what each took, in milliseconds."""

    lexical: Ranking
    dense: Ranking
    fused: Ranking
    took_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of ``n`` candidate passages for one wording of a query. All shape ``(n,)``.

    ``words``: BM25, 0 without a shared word; ``meaning``: cosine; ``release_words``: BM25 of the
    whole release.
    """

    words: Floats
    meaning: Floats
    release_words: Floats


def make_query(text: str, filters: Filters, max_chars: int, context: str = "") -> Query:
    """A query that can be sent to an index.

    Raises:
        QueryError: blank or too long, or the dates are the wrong way round.
    """
    if not text.strip():
        raise QueryError("the question is empty: ask something")
    given = (context, text, *filters.issuers, *filters.release_ids)
    if any("\ud800" <= character <= "\udfff" for one in given for character in one):
        raise QueryError(
            "the question or a filter has a character that is not text: send it as UTF-8"
        )
    if len(text) > max_chars:
        raise QueryError(f"the question has {len(text):,} characters, the limit is {max_chars:,}")
    if filters.date_from and filters.date_to and filters.date_from > filters.date_to:
        raise QueryError(f"date_from {filters.date_from} is after date_to {filters.date_to}")
    return Query(text, filters, context)


def search(published: Published, query: Query, k: int) -> Stages:
    """The best passages by each stage; the fused ranking has at most ``k`` hits."""
    allowed = published.allowed(query.filters)
    joined = f"{query.context} {query.text}" if query.context else query.text
    wordings = [joined, query.text] if query.context else [joined]
    marks = [time.perf_counter()]
    lexical = [published.lexical.search(text, CANDIDATES, allowed) for text in wordings]
    releases = published.releases.search(joined, CANDIDATES, allowed)
    inside = _inside(published, joined, releases[0][:RELEASES], CANDIDATES)
    marks.append(time.perf_counter())
    vectors = published.embedder.embed_queries(wordings)
    marks.append(time.perf_counter())
    dense = published.dense.search(vectors[0], CANDIDATES, allowed)
    numbers = np.unique(np.concatenate([dense[0], inside[0], *(found[0] for found in lexical)]))
    meaning = [published.dense.score(vector, numbers) for vector in vectors]
    marks.append(time.perf_counter())
    of = published.release_numbers(numbers)
    words = [_scores_of(numbers, found) for found in lexical]
    words[0] = np.maximum(words[0], _scores_of(numbers, inside))
    release_words = _scores_of(of, releases)
    evidence = [
        Evidence(own_words, own_meaning.astype(np.float64), release_words)
        for own_words, own_meaning in zip(words, meaning, strict=True)
    ]
    scores = fuse(evidence, of)
    order = np.lexsort((numbers, -scores))[:k]
    best = numbers[order], scores[order].astype(np.float32)
    by_words, by_meaning, fused = (_ranking(published, *one) for one in (lexical[0], dense, best))
    marks.append(time.perf_counter())
    took = np.diff(marks) * 1000
    names = ("lexical", "embed", "dense", "fuse")
    took_ms = dict(zip(names, took.round(2).tolist(), strict=True))
    return Stages(by_words, by_meaning, fused, took_ms)


def fuse(evidence: Sequence[Evidence], of: Numbers) -> Floats:
    """Shape ``(n,)``, 0 to 1: the weighted mean of the scaled evidence for each candidate.

    ``evidence`` is that of the whole query, then, where there is context, that of the question
    alone. ``of`` has the candidates' release numbers. Each kind of evidence is scaled to 0–1 over the
    candidates, so that only differences count.
    """
    whole, alone = evidence[0], evidence[-1]
    meaning = scale(whole.meaning)
    parts = [
        (1.0, scale(alone.words)),
        (1.0, scale(alone.meaning)),
        (RELEASE_WORDS, scale(whole.release_words)),
        (RELEASE_MEANING, scale(mean_of_best(meaning, of, MEANING_PASSAGES))),
    ]
    if whole is not alone:
        parts += [(CONTEXT, scale(whole.words)), (CONTEXT, meaning)]
    weights = np.array([weight for weight, _ in parts])
    return np.asarray(weights @ np.stack([part for _, part in parts]) / weights.sum())


def scale(values: Floats) -> Floats:
    """From the least to the greatest as 0 to 1; all 0 where they are equal but for rounding."""
    span = np.ptp(values) if len(values) else 0.0
    if span <= 1e-9 * np.abs(values).max(initial=0.0):
        return np.zeros(len(values))
    return np.asarray((values - values.min()) / span)


def mean_of_best(values: Floats, groups: Numbers, count: int) -> Floats:
    """For each value the mean of the ``count`` greatest (or of all, if fewer) of its group."""
    order = np.lexsort((-values, groups))
    _, first, group = np.unique(groups[order], return_index=True, return_inverse=True)
    place = np.arange(len(values)) - first[group]
    kept = np.where(place < count, values[order], 0.0)
    means = np.bincount(group, kept) / np.minimum(np.bincount(group), count)
    out = np.empty(len(values))
    out[order] = means[group]
    return out


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


def _inside(published: Published, text: str, releases: Numbers, k: int) -> tuple[Numbers, Scores]:
    """The best passages inside a few releases."""
    return published.lexical.search(text, k, Allowed(np.sort(releases), np.empty(0, np.int64)))


def _scores_of(numbers: Numbers, found: tuple[Numbers, Scores]) -> Floats:
    """The score found for each number, 0 where it was not found."""
    order = np.argsort(found[0])
    known, scores = found[0][order], found[1][order]
    if len(known) == 0:
        return np.zeros(len(numbers))
    at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    return np.where(known[at] == numbers, scores[at], 0.0).astype(np.float64)


def _ranking(published: Published, numbers: Numbers, scores: Scores) -> Ranking:
    ids = published.passage_ids(numbers)
    return Ranking(tuple(map(Hit, ids, scores.tolist())))
