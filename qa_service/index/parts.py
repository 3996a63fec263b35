"""The vectors and words of a generation, from its catalogue and from what the last one has of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qa_service.engines import Bar, Embedder, Facets, Progress
from qa_service.index.catalogue_writing import CatalogueWriter, facets_of
from qa_service.index.columns import Columns, write_columns
from qa_service.index.embedding_cache import EmbeddingCache
from qa_service.index.generation import DENSE, LEXICAL, RELEASES, SENTENCES, Engines
from qa_service.index.keys import SHARED
from qa_service.index.plan import BuildPlan
from qa_service.index.sentence_vectors import (
    SentenceVectors,
    SentenceWriter,
    WholeWriter,
    revised,
)
from qa_service.index.texts import PassageTexts, ReleaseTexts
from qa_service.passages import in_context, is_quotable, sentence_texts
from qa_service.searchable import plain
from qa_service.types import Numbers, Vectors

SLAB = 8192
"""Passages embedded at once, about: what is kept in memory of their texts and vectors."""


_Waiting = tuple[int, str, list[str], bool, Facets]


@dataclass(frozen=True, slots=True)
class Slab:
    """Passages in the order of their numbers, with what is embedded of each."""

    numbers: Numbers
    texts: list[str]
    sentences: list[str]
    """Those of all passages, one passage after the other."""
    quotable: list[int]
    """Places in this slab of what is searched and answered from."""
    facets: list[Facets]


@dataclass(frozen=True, slots=True)
class _Embedded:
    """The vectors of a slab, of what is quotable and of all sentences, and how many were not known."""

    passages: Vectors
    sentences: Vectors
    new_passages: int
    new_sentences: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Writes them into ``staged``; ``old`` is the folder of the generation to take over from."""

    plan: BuildPlan
    engines: Engines
    embedder: Embedder
    cache: EmbeddingCache
    progress: Progress
    staged: Path
    old: Path | None
    afresh: bool

    def write_vectors(self, catalogue: CatalogueWriter) -> tuple[int, str]:
        """Columns, dense index and sentence vectors.

        Gives how many passages had to be embedded, and what kind of index it is.
        """
        delta = catalogue.delta
        write_columns(
            self.staged,
            self.old,
            added=(delta.added_passages, delta.added_releases),
            removed=(delta.removed_passages, delta.removed_releases),
        )
        engine = self.engines.dense(self.plan.dense)
        if self.old is None:
            dense = engine.create(self.staged / DENSE, self.embedder.dim)
        else:
            dense = engine.revise(self.old / DENSE, self.staged / DENSE, self.progress)
            dense.remove(_ascending(delta.removed_passages | delta.added_passages))
        columns = Columns(self.staged)
        embedded = 0
        added = _ascending(delta.added_passages)
        total = len(added) + int(columns.sentences[columns.places(added)].sum())
        with (
            self._sentence_writer(columns, delta.added_passages) as sentences,
            self.progress("embedding passages and sentences", total) as bar,
        ):
            for slab in slabs(catalogue, delta.added_releases, self.plan.index_titles):
                made = embed_slab(self.cache, self.embedder, slab, bar, afresh=self.afresh)
                facets = [slab.facets[at] for at in slab.quotable]
                dense.add(slab.numbers[slab.quotable], made.passages, facets)
                sentences.put(columns.places(slab.numbers), made.sentences)
                embedded += made.new_passages
        dense.save(self.progress)
        return embedded, dense.kind

    def write_words(self, catalogue: CatalogueWriter) -> None:
        """Two indexes of words: one of passages, one of whole releases."""
        delta = catalogue.delta
        engine = self.engines.lexical(self.plan.lexical)
        size = catalogue.count("passages")
        for name, table, texts, added, removed in (
            (LEXICAL, "passages", PassageTexts, delta.added_passages, delta.removed_passages),
            (RELEASES, "releases", ReleaseTexts, delta.added_releases, delta.removed_releases),
        ):
            source = self.old / name if self.old else None
            total = catalogue.count(table) if engine.writes_all or source is None else None
            with self.progress(f"indexing {name}", total) as bar:
                entries = texts(catalogue, self.plan.index_titles, bar.update)
                changed = _ascending(added), _ascending(removed)
                engine.write(self.staged / name, size, entries, source, changed, self.progress)

    def _sentence_writer(self, columns: Columns, added: set[int]) -> SentenceWriter:
        folder, counts = self.staged / SENTENCES, columns.sentences
        if self.old is None:
            return WholeWriter(folder, self.embedder.dim, counts)
        numbers, before = columns.numbers, Columns(self.old)
        at = np.minimum(np.searchsorted(before.numbers, numbers), max(0, len(before.numbers) - 1))
        known = before.numbers[at] == numbers
        known &= ~np.isin(numbers, _ascending(added))
        places = np.where(known, at, -1).astype(np.int64)
        old = SentenceVectors(self.old / SENTENCES)
        return revised(folder, self.embedder.dim, counts, old, places)


def embed_slab(
    cache: EmbeddingCache, embedder: Embedder, slab: Slab, bar: Bar, *, afresh: bool = False
) -> _Embedded:
    """What the cache has, and the rest by the embedder; the bar moves by all passages and sentences."""
    texts = [slab.texts[at] for at in slab.quotable]
    passages, new_passages = cache.embed(embedder, texts, bar.update, afresh=afresh)
    bar.update(len(slab.numbers) - len(slab.quotable))
    sentences, new_sentences = cache.embed(embedder, slab.sentences, bar.update, afresh=afresh)
    return _Embedded(passages, sentences, new_passages, new_sentences)


def slabs(catalogue: CatalogueWriter, releases: Collection[int], titles: bool) -> Iterator[Slab]:
    """All passages of these releases, in the order of their numbers."""
    waiting: list[_Waiting] = []
    prefix = -1
    for number in sorted(releases):
        if len(waiting) >= SLAB and number >> SHARED != prefix:
            yield _slab(waiting)
            waiting = []
        prefix = number >> SHARED
        release = catalogue.release(number)
        facets = facets_of(number, release)
        waiting += [
            (
                n,
                in_context(one, release, titles),
                [plain(text) for text in sentence_texts(one.text)],
                is_quotable(release, one),
                facets,
            )
            for n, one in catalogue.passages_of(number, release)
        ]
    if waiting:
        yield _slab(waiting)


def _slab(waiting: list[_Waiting]) -> Slab:
    waiting.sort(key=lambda one: one[0])
    numbers = np.array([one[0] for one in waiting], np.int64)
    quotable = [at for at, one in enumerate(waiting) if one[3]]
    facets = [one[4] for one in waiting]
    sentences = [text for one in waiting for text in one[2]]
    return Slab(numbers, [one[1] for one in waiting], sentences, quotable, facets)


def _ascending(numbers: set[int]) -> Numbers:
    return np.fromiter(sorted(numbers), np.int64, len(numbers))
