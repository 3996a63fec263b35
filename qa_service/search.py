"""A query to the ranking of each stage: words, meaning, and both fused.

A passage is judged by itself and by the release that it stands in: "He was sentenced to five years"
answers a question about Mr Smith only if the release is about Mr Smith. What was said earlier in a
conversation (``Query.context``) helps to find the release more than the passage.
"""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa_service.engines import Allowed, DenseIndex, Embedder, LexicalIndex, Reranker
from qa_service.facts import is_gathered, is_question, without_names
from qa_service.fusion import ACROSS, SUBJECT, USUAL, Evidence, Floats, by_date, fuse, scale, spread
from qa_service.metrics import count_stages
from qa_service.passages import titled
from qa_service.searchable import plain
from qa_service.types import (
    Filters,
    Found,
    Hit,
    Numbers,
    Passage,
    Query,
    Ranking,
    Release,
    Scores,
    Vectors,
)

CANDIDATES = 100
"""Hits taken from each stage before fusion. Always as many, so that every page is cut from one ranking."""

RERANKED = 30
"""Hits of the fused ranking that a reranker reads: it takes as long for each as for a search."""

RELEASES = 5
"""Releases whose every passage that shares a word with the query is a candidate too."""


_WORDS = ThreadPoolExecutor(thread_name_prefix="words")

_Scored = tuple[Numbers, Scores]


class Published(Protocol):
    """What search and answers need of a generation."""

    embedder: Embedder
    dense: DenseIndex
    lexical: LexicalIndex
    releases: LexicalIndex
    reranker: Reranker | None

    @property
    def generation_id(self) -> str:
        """The id under which it was published."""

    @property
    def size(self) -> int:
        """The number of its passages."""

    def release(self, release_id: str) -> Release:
        """One release by id."""

    def releases_numbered(self, numbers: Numbers) -> list[Release]:
        """Releases by number, in the order given."""

    def passage(self, passage_id: str) -> Passage:
        """One passage by id."""

    def passages_numbered(self, numbers: Numbers) -> list[Passage]:
        """Passages by number, in the order given."""

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text."""

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number, in the order given."""

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number, in the order given."""

    def leads(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether each passage is the first of its release's body."""

    def best_sentences(self, vectors: Vectors, numbers: Numbers) -> Scores:
        """For each of ``vectors`` and each passage the cosine of its nearest sentence."""

    def sentence_vectors(self, passage_id: str) -> Vectors:
        """Those of one passage, in the order of its text."""

    def twin_classes(self, numbers: Numbers) -> Numbers:
        """Passages with the same number here say the same in near-duplicate releases."""

    def twins_of(self, passage_id: str) -> list[Passage]:
        """Passages of near-duplicate releases that say the same, without this one."""

    def days(self, numbers: Numbers) -> Numbers:
        """The dates of releases by number, as ``date.toordinal`` counts; 1 if unknown."""

    def date_range(self) -> tuple[date | None, date | None]:
        """The dates of the oldest and the newest dated release."""

    def has_word(self, word: str) -> bool:
        """Whether a release has the word, folded."""

    def words_of_length(self, shortest: int, longest: int) -> list[str]:
        """All words of so many letters."""

    def as_written(self, word: str) -> str:
        """How the releases most often write a folded word; anything else is given back as it is."""

    def has_acronym(self, short: str) -> bool:
        """Whether a release has the word, in capitals."""

    def written_out(self, short: str) -> str:
        """The name that an acronym stands for, or nothing."""

    def allowed(self, filters: Filters) -> Allowed | None:
        """What the filters let through; ``None`` means everything."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The ranking of each stage, and what each took, in milliseconds.

    ``lexical`` goes on beside ``embed`` and ``dense``.
    ``reranked`` is what is shown; without a reranker it is ``fused``. ``read``: whether the model reads
    the language of the query; if not, words alone count. ``embedded``: the vectors of the question's
    wordings, for whoever needs them again.
    """

    lexical: Ranking
    dense: Ranking
    fused: Ranking
    reranked: Ranking
    read: bool
    embedded: dict[str, Vectors]
    took_ms: dict[str, float]


def search(published: Published, query: Query, k: int) -> Stages:
    """The best passages by each stage; the fused ranking has at most ``k`` hits.

    Words are looked for beside embedding and dense search: the engines of both leave Python to others.
    """
    allowed = published.allowed(query.filters)
    joined = f"{query.context} {query.text}" if query.context else query.text
    looking = _WORDS.submit(_by_words, published, joined, query.text, allowed)
    marks = [time.perf_counter()]
    across = is_gathered(query)
    weights = ACROSS if across else USUAL if is_question(query.text) else SUBJECT
    texts = [joined, query.text, without_names(query.text) if weights.nameless else query.text]
    texts = [plain(text) for text in texts]
    read = published.embedder.reads(joined)
    vectors = _embed(published.embedder, texts) if read else _nothing(published.embedder)
    marks.append(time.perf_counter())
    dense = published.dense.search(vectors[0], CANDIDATES if read else 0, allowed)
    marks.append(time.perf_counter())
    lexical, alone, releases, inside, looked = looking.result()
    marks.append(time.perf_counter())
    numbers, ids = _by_id(published, [found[0] for found in (lexical, alone, inside, dense)])
    meanings = [published.dense.score(vector, numbers) for vector in vectors[:2]]
    sentence, nameless = published.best_sentences(vectors[1:], numbers)
    of = published.release_numbers(numbers)
    words = np.maximum(_scores_of(numbers, lexical), _scores_of(numbers, inside))
    evidence = Evidence(
        words=_scores_of(numbers, alone) if query.context else words,
        meaning=meanings[1].astype(np.float64),
        sentence=sentence.astype(np.float64),
        nameless=nameless.astype(np.float64),
        release_words=_scores_of(of, releases),
        lead=published.leads(numbers).astype(np.float64),
        release=of,
        context_words=words,
        context_meaning=meanings[0].astype(np.float64),
    )
    order = query.when.order if query.when else ""
    scores = fuse(evidence, weights, by_date(published.days(of), order))
    best = _shown(published, numbers, of, spread(scores, of) if across else scores, k)
    in_words, in_meaning, fused = (_ranking(ids, numbers, *one) for one in (lexical, dense, best))
    marks.append(time.perf_counter())
    reranked = _rerank(published, query.text, fused)
    marks.append(time.perf_counter())
    embed, nearest, _, fusion, rerank = itertools.pairwise(marks)
    took_ms = count_stages(
        {"lexical": looked, "embed": embed, "dense": nearest, "fuse": fusion, "rerank": rerank}
    )
    embedded = dict(zip(texts, vectors, strict=True))
    return Stages(in_words, in_meaning, fused, reranked, read, embedded, took_ms)


def _by_words(
    published: Published, joined: str, text: str, allowed: Allowed | None
) -> tuple[_Scored, _Scored, _Scored, _Scored, tuple[float, float]]:
    """Passages for ``joined`` and for ``text``, releases, passages inside the best; from when to when."""
    began = time.perf_counter()
    lexical = published.lexical.search(joined, CANDIDATES, allowed)
    alone = published.lexical.search(text, CANDIDATES, allowed) if text != joined else lexical
    releases = published.releases.search(joined, CANDIDATES, allowed)
    inside = _inside(published, joined, releases[0][:RELEASES], CANDIDATES)
    return lexical, alone, releases, inside, (began, time.perf_counter())


def look_up(published: Published, stages: Stages, offset: int, k: int) -> list[Found]:
    """Hits ``offset`` to ``offset + k`` of the final ranking beside their releases."""
    lexical = {hit.passage_id: hit.score for hit in stages.lexical.hits}
    dense = {hit.passage_id: hit.score for hit in stages.dense.hits}
    found = []
    for rank, hit in enumerate(stages.reranked.hits[offset : offset + k], offset + 1):
        passage = published.passage(hit.passage_id)
        release = published.release(passage.release_id)
        stage = (lexical.get(hit.passage_id, 0.0), dense.get(hit.passage_id, 0.0))
        twins = published.twins_of(hit.passage_id)
        others = tuple((twin, published.release(twin.release_id)) for twin in twins)
        found.append(Found(passage, release, rank, hit.score, *stage, others))
    return found


def _rerank(published: Published, question: str, fused: Ranking) -> Ranking:
    """The best few in the order of the reranker, above the others, which keep their order."""
    if published.reranker is None:
        return fused
    best, rest = fused.hits[:RERANKED], fused.hits[RERANKED:]
    passages = [published.passage(hit.passage_id) for hit in best]
    titles = [published.release(passage.release_id).title for passage in passages]
    texts = [titled(title, p.text) for title, p in zip(titles, passages, strict=True)]
    scores = 1 + scale(published.reranker.rerank(question, texts).astype(np.float64))
    order = np.argsort(-scores, kind="stable")
    return Ranking((*(Hit(best[i].passage_id, float(scores[i])) for i in order), *rest))


def _shown(
    published: Published, numbers: Numbers, of: Numbers, scores: Floats, k: int
) -> tuple[Numbers, Scores]:
    """The best ``k``; of passages that say the same the newest, with the score of the best."""
    order = np.argsort(-scores, kind="stable")
    classes = published.twin_classes(numbers)
    newest = np.lexsort((-np.arange(len(numbers)), published.days(of), classes))
    last = dict(zip(classes[newest].tolist(), newest.tolist(), strict=True))
    _, firsts = np.unique(classes[order], return_index=True)
    kept = order[np.sort(firsts)[:k]]
    shown = np.array([last[one] for one in classes[kept].tolist()], np.int64)
    return numbers[shown], scores[kept].astype(np.float32)


def _nothing(embedder: Embedder) -> Vectors:
    """Vectors that say nothing, for a question that the model does not read."""
    return np.zeros((3, embedder.dim), np.float32)


def _embed(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Vectors of ``texts``, equal ones embedded once."""
    own = list(dict.fromkeys(texts))
    return embedder.embed_queries(own)[[own.index(text) for text in texts]]


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


def _by_id(published: Published, found: Sequence[Numbers]) -> tuple[Numbers, list[str]]:
    """All passages found, in the order of their ids, so that ties are broken by place; and the ids."""
    numbers = np.unique(np.concatenate(found))
    ids = published.passage_ids(numbers)
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return numbers[order], [ids[at] for at in order]


def _ranking(ids: Sequence[str], known: Numbers, numbers: Numbers, scores: Scores) -> Ranking:
    """Of ``numbers``, whose ids stand in ``ids`` where they stand in ``known``; ties by id."""
    at = {number: place for place, number in enumerate(known.tolist())}
    places = np.array([at[number] for number in numbers.tolist()], np.int64)
    order = np.lexsort((places, -scores))
    return Ranking(tuple(Hit(ids[places[i]], float(scores[i])) for i in order.tolist()))
