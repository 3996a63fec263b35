"""The embedding of one corpus by several builders: each embeds a share, and one builds with all vectors."""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qa_service.corpus import check_there
from qa_service.engines import Progress
from qa_service.index.build import embedder_of
from qa_service.index.embedding_cache import STEPS, EmbeddingCache
from qa_service.index.generation import Engines
from qa_service.index.parts import embed_slab, slabs
from qa_service.index.plan import BuildPlan, Clock
from qa_service.index.publishing import CACHE, building, stage
from qa_service.index.reading import begin_catalogue, read_changes
from qa_service.index.sources import compare, scan

STAGED = "gshare"
"""The folder in which the corpus is read, removed afterwards."""


@dataclass(frozen=True, slots=True)
class Share:
    """Part ``part`` of ``of``, from 1: of the releases, by number, which is a hash of their id."""

    part: int
    of: int

    def has(self, number: int) -> bool:
        """Whether a release is in it."""
        return number % self.of == self.part - 1


@dataclass(frozen=True, slots=True)
class ShareReport:
    """What a share was: of how many releases, how many texts it has, how many were not known before."""

    releases: int
    of: int
    texts: int
    embedded: int
    took_s: dict[str, float]


def embed_share(
    plan: BuildPlan, engines: Engines, progress: Progress, share: Share, wait_s: float = 0.0
) -> ShareReport:
    """Embed a share of the corpus into the cache of the index folder; nothing is published.

    The whole corpus is read, for which release of an id counts depends on all files. Interrupted, it goes
    on where it stopped.

    Raises:
        CorpusError: no corpus folder.
        GenerationLocked: a build is at work.
        EngineError: the model failed.
    """
    check_there(plan.corpus)
    clock = Clock()
    with building(plan.index, wait_s):
        embedder, _ = embedder_of(plan, engines)
        staged = stage(plan.index, STAGED)
        try:
            with contextlib.closing(begin_catalogue(staged, None)) as catalogue:
                with clock("reading"):
                    sources = scan(plan.corpus, plan.index / CACHE)
                    changes = compare({}, {name: one.digest for name, one in sources.items()})
                    read_changes(catalogue, sources, changes, plan, progress)
                every = catalogue.delta.added_releases
                own = {number for number in every if share.has(number)}
                texts, embedded = catalogue.texts_of(own), 0
                with (
                    clock("embedding"),
                    EmbeddingCache(plan.index / CACHE) as cache,
                    progress("embedding passages and sentences", texts) as bar,
                ):
                    for slab in slabs(catalogue, own, plan.index_titles):
                        made = embed_slab(cache, embedder, slab, bar)
                        embedded += made.new_passages + made.new_sentences
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return ShareReport(len(own), len(every), texts, embedded, clock.took_s)


def take_vectors(
    index: Path, others: Sequence[Path], progress: Progress, wait_s: float = 0.0
) -> int:
    """Take over the vectors that other index folders keep; gives how many were not known.

    Raises:
        GenerationLocked: a build is at work.
        GenerationCorrupt: naming what of them cannot be read.
    """
    with building(index, wait_s), EmbeddingCache(index / CACHE) as cache:
        taken = 0
        for other in others:
            with progress(f"taking vectors of {other}", STEPS) as bar:
                taken += cache.take(other / CACHE, bar.update)
    return taken
