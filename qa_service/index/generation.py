"""A published generation, opened for reading."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa_service.engines import Allowed, DenseIndex, Embedder, LexicalIndex, Reranker
from qa_service.errors import GenerationError
from qa_service.index.catalogue import Catalogue
from qa_service.index.manifest import EmbedderSpec, Manifest, check_sizes, read_manifest
from qa_service.index.publishing import current_id, holding
from qa_service.index.sentence_vectors import SentenceVectors
from qa_service.types import Filters, Numbers, Passage, Release, Scores, Vectors

DENSE = "dense"
LEXICAL = "lexical"
RELEASES = "releases"
SENTENCES = "sentences"
LOCAL = "tantivy"
"""The lexical engine that takes over where another cannot index."""


@dataclass(frozen=True, slots=True)
class Engines:
    """How to make the parts of a generation; filled by ``qa_service.wiring``."""

    embedder: Callable[[EmbedderSpec], Embedder]
    dense: Callable[[str], type[DenseIndex]]
    lexical: Callable[[str], type[LexicalIndex]]
    reranker: Reranker | None = None
    why_not: Callable[[str], str] = lambda _name: ""
    """Why a lexical engine cannot index here, so that :data:`LOCAL` does; empty if it can."""

    def drop(self, folder: Path) -> None:
        """Remove what the generation in ``folder`` has outside it."""
        with contextlib.suppress(GenerationError):
            for engine, part in self._parts(folder):
                engine.drop(part)

    def publish(self, folder: Path) -> None:
        """Tell elsewhere that the generation in ``folder`` is about to be the current one."""
        for engine, part in self._parts(folder):
            engine.publish(part)

    def _parts(self, folder: Path) -> Iterator[tuple[type[DenseIndex] | type[LexicalIndex], Path]]:
        recipe = read_manifest(folder).recipe
        yield self.dense(recipe.dense), folder / DENSE
        for name in (LEXICAL, RELEASES):
            yield self.lexical(recipe.lexical), folder / name


class Generation:
    """One generation with everything a search needs. Close it when the last reader is done."""

    def __init__(self, folder: Path, engines: Engines) -> None:
        """Open ``folder``.

        Raises:
            GenerationMissing: it is gone.
            GenerationCorrupt: a file is missing, has the wrong size, or cannot be opened.
            GenerationMismatch: it needs an embedder that is not here.
        """
        with contextlib.ExitStack() as opened:
            opened.enter_context(holding(folder))
            self.manifest: Manifest = read_manifest(folder)
            check_sizes(folder, self.manifest)
            recipe = self.manifest.recipe
            self.catalogue = Catalogue(folder)
            opened.callback(self.catalogue.close)
            self.reranker = engines.reranker
            self.embedder = engines.embedder(self.manifest.embedder)
            self.dense = engines.dense(recipe.dense).open(folder / DENSE)
            self.lexical = engines.lexical(recipe.lexical).open(folder / LEXICAL)
            self.releases = engines.lexical(recipe.lexical).open(folder / RELEASES)
            self._sentences = SentenceVectors(folder / SENTENCES)
            self._opened = opened.pop_all()

    def check(self) -> None:
        """Raise an :class:`~qa_service.errors.EngineError` if an engine elsewhere is away."""
        self.dense.check()
        self.lexical.check()

    @property
    def generation_id(self) -> str:
        """The id under which it was published."""
        return self.manifest.generation_id

    @property
    def size(self) -> int:
        """The number of its passages."""
        return self.manifest.passages

    def close(self) -> None:
        """Let go of the files; a prune may remove them now."""
        self._opened.close()

    def release(self, release_id: str) -> Release:
        """One release, or :class:`~qa_service.errors.NotFound`."""
        return self.catalogue.release(release_id)

    def releases_numbered(self, numbers: Numbers) -> list[Release]:
        """Releases by number, in the order given."""
        return self.catalogue.releases_numbered(numbers)

    def passage(self, passage_id: str) -> Passage:
        """One passage, or :class:`~qa_service.errors.NotFound`."""
        return self.catalogue.passage(passage_id)

    def passages_numbered(self, numbers: Numbers) -> list[Passage]:
        """Passages by number, in the order given."""
        return self.catalogue.passages_numbered(numbers)

    def passages_of(self, release_id: str) -> list[Passage]:
        """The passages of a release in the order of its text."""
        return self.catalogue.passages_of(release_id)

    def passage_ids(self, numbers: Numbers) -> list[str]:
        """The ids of passages by number."""
        return self.catalogue.passage_ids(numbers)

    def release_numbers(self, numbers: Numbers) -> Numbers:
        """The numbers of the releases of passages by number."""
        return self.catalogue.release_numbers(numbers)

    def leads(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether each passage is the first of its release's body."""
        return self.catalogue.leads(numbers)

    def best_sentences(self, vectors: Vectors, numbers: Numbers) -> Scores:
        """For each of ``vectors`` and each passage the cosine of its nearest sentence."""
        return self._sentences.best(vectors, self.catalogue.places(numbers))

    def sentence_vectors(self, passage_id: str) -> Vectors:
        """Those of one passage, in the order of its text."""
        number = np.array([self.catalogue.number(passage_id)], np.int64)
        return self._sentences.of(int(self.catalogue.places(number)[0]))

    def twin_classes(self, numbers: Numbers) -> Numbers:
        """Passages with the same number here say the same in near-duplicate releases."""
        return self.catalogue.twin_classes(numbers)

    def twins_of(self, passage_id: str) -> list[Passage]:
        """Passages of near-duplicate releases that say the same, without this one."""
        return self.catalogue.twins_of(passage_id)

    def days(self, numbers: Numbers) -> Numbers:
        """The dates of releases by number, as ``date.toordinal`` counts; 1 if unknown."""
        return self.catalogue.days(numbers)

    def date_range(self) -> tuple[date | None, date | None]:
        """The dates of the oldest and the newest dated release."""
        return self.catalogue.date_range()

    def has_word(self, word: str) -> bool:
        """Whether a release has the word, folded."""
        return self.catalogue.has_word(word)

    def words_of_length(self, shortest: int, longest: int) -> list[str]:
        """All words of so many letters."""
        return self.catalogue.words_of_length(shortest, longest)

    def as_written(self, word: str) -> str:
        """How the releases most often write a folded word; anything else is given back as it is."""
        return self.catalogue.as_written(word)

    def has_acronym(self, short: str) -> bool:
        """Whether a release has the word, in capitals."""
        return self.catalogue.has_acronym(short)

    def written_out(self, short: str) -> str:
        """The name that an acronym stands for, or nothing."""
        return self.catalogue.written_out(short)

    def allowed(self, filters: Filters) -> Allowed | None:
        """What the filters let through; ``None`` means everything."""
        return self.catalogue.allowed(filters)


def open_current(index: Path, engines: Engines) -> Generation:
    """Open the generation that ``CURRENT`` names.

    Raises:
        GenerationError: nothing is published, or it cannot be used.
    """
    return Generation(index / current_id(index), engines)
