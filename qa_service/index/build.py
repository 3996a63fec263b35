"""From a corpus to a published generation, in proportion to what changed."""

import contextlib
import dataclasses
import hashlib
import shutil
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from qa_service import __version__
from qa_service.corpus import check_there
from qa_service.engines import Embedder, Progress
from qa_service.errors import CorpusError, GenerationCorrupt, GenerationError
from qa_service.index.catalogue_writing import CatalogueWriter
from qa_service.index.embedding_cache import EmbeddingCache
from qa_service.index.generation import LOCAL, Engines, Generation
from qa_service.index.manifest import (
    Digests,
    EmbedderSpec,
    LeftOutSource,
    Manifest,
    Recipe,
    check_digests,
    check_sizes,
    seal,
)
from qa_service.index.parts import Parts
from qa_service.index.plan import BuildPlan, BuildReport, Clock, Counts
from qa_service.index.publishing import (
    CACHE,
    building,
    complete,
    current_id,
    manifest_of,
    publish,
    stage,
)
from qa_service.index.reading import begin_catalogue, read_changes
from qa_service.index.sources import Source, compare, digest_of_all, scan

SEALED = "sealed.json"
"""In the cache: digests of the files of the last generation."""


def build(
    plan: BuildPlan,
    engines: Engines,
    progress: Progress,
    *,
    full: bool = False,
    strict: bool = False,
    wait_s: float = 0.0,
) -> BuildReport:
    """Build and publish a generation, unless the current one was made by the same recipe.

    What did not change is taken over from the current generation. ``full`` takes over nothing and embeds
    everything anew; ``strict`` publishes nothing if anything had to be left out.

    Raises:
        CorpusError: no corpus folder, no readable release in it, or ``strict`` and something bad.
        GenerationLocked: another build is at work.
        EngineError: the model failed.
    """
    engines.dense(plan.dense)  # an unknown name is refused before anything is embedded
    engines.lexical(plan.lexical)
    check_there(plan.corpus)
    why_local = engines.why_not(plan.lexical)
    if why_local:
        plan = dataclasses.replace(plan, lexical=LOCAL)
    clock = Clock()
    with building(plan.index, wait_s):
        embedder, spec = embedder_of(plan, engines)
        with clock("looking"), progress("looking at files", None):
            sources = scan(plan.corpus, plan.index / CACHE)
        recipe = _recipe(plan, spec, sources)
        digests = Digests(plan.index / CACHE / SEALED)
        current, whole = _current(plan.index)
        if not full and current is not None and current.recipe == recipe:
            _refuse_left_out(current.left_out, strict)
            return BuildReport(current, unchanged=True, embedded=0)
        if current is not None:
            with clock("checking"):
                whole = "--full" if full else _not_the_same(plan.index, current, recipe, digests)
        old = plan.index / current.generation_id if current is not None and not whole else None
        work = _Work(plan, engines, progress, clock, embedder, old, full, digests)
        staged = stage(plan.index, _new_id(recipe, plan.index))
        try:
            return work.publish(staged, sources, recipe, spec, strict, (whole, why_local))
        except sqlite3.Error as error:
            raise GenerationError(f"{plan.index} cannot be written: {error}") from error
        finally:
            # Nothing of it is left if all went well; what it has elsewhere the next build takes up.
            shutil.rmtree(staged, ignore_errors=True)


class _Work:
    """One generation in the making, beside the one that it takes over from, if there is one."""

    def __init__(
        self,
        plan: BuildPlan,
        engines: Engines,
        progress: Progress,
        clock: Clock,
        embedder: Embedder,
        old: Path | None,
        afresh: bool,
        digests: Digests,
    ) -> None:
        self._plan = plan
        self._engines = engines
        self._progress = progress
        self._clock = clock
        self._embedder = embedder
        self._old = old
        self._afresh = afresh
        self._digests = digests

    def publish(
        self,
        staged: Path,
        sources: Mapping[str, Source],
        recipe: Recipe,
        spec: EmbedderSpec,
        strict: bool,
        told: tuple[str, str],
    ) -> BuildReport:
        """Write it, seal it, open it once, and let it be served.

        ``told``: why everything is built, and why words are indexed by another engine than was asked for.
        """
        plan, clock = self._plan, self._clock
        with clock("reading"):
            catalogue = begin_catalogue(staged, self._old)
        with contextlib.closing(catalogue):
            changes = compare(catalogue.files(), {n: one.digest for n, one in sources.items()})
            with clock("reading"):
                read_changes(catalogue, sources, changes, plan, self._progress)
            left_out = _left_out(catalogue)
            _refuse_left_out(left_out, strict)
            if not catalogue.count("releases"):
                raise CorpusError(_nothing_read(plan.corpus, left_out))
            embedded, dense = self._write_parts(catalogue, staged)
            releases, passages = catalogue.count("releases"), catalogue.count("passages")
            delta = catalogue.delta
        with clock("publishing"):
            manifest = Manifest(
                generation_id=staged.name[1:],
                built_at=datetime.now(UTC),
                recipe=recipe,
                embedder=spec.model_copy(update={"dim": self._embedder.dim}),
                releases=releases,
                passages=passages,
                dense=dense,
                lexical=told[1],
                left_out=left_out,
                files=seal(staged, self._digests),
            )
            folder = complete(plan.index, staged, manifest)
            Generation(folder, self._engines).close()
            self._engines.publish(folder)
            publish(plan.index, manifest.generation_id)
            self._digests.forget_others()
        return BuildReport(
            manifest,
            unchanged=False,
            embedded=embedded,
            files=changes,
            releases=Counts(len(delta.added_releases), len(delta.removed_releases)),
            passages=Counts(len(delta.added_passages), len(delta.removed_passages)),
            whole=told[0],
            took_s=clock.took_s,
        )

    def _write_parts(self, catalogue: CatalogueWriter, staged: Path) -> tuple[int, str]:
        plan, clock = self._plan, self._clock
        with clock("comparing"), self._progress("comparing releases", None) as bar:
            catalogue.finish(bar.update)
        with EmbeddingCache(plan.index / CACHE) as cache:
            parts = Parts(
                plan, self._engines, self._embedder, cache, self._progress, staged, self._old,
                self._afresh,
            )  # fmt: skip
            with clock("embedding"):
                embedded, dense = parts.write_vectors(catalogue)
                cache.trim(plan.cache_max_bytes)
        with clock("indexing"):
            parts.write_words(catalogue)
        return embedded, dense


def embedder_of(plan: BuildPlan, engines: Engines) -> tuple[Embedder, EmbedderSpec]:
    """The model that a plan names, and what a manifest tells of it; its width is not known yet."""
    asked = EmbedderSpec(
        name=plan.embedder_name,
        fingerprint="",
        dim=0,
        query_prefix=plan.query_prefix,
        passage_prefix=plan.passage_prefix,
    )
    embedder = engines.embedder(asked)
    return embedder, asked.model_copy(update={"fingerprint": embedder.fingerprint})


def _recipe(plan: BuildPlan, spec: EmbedderSpec, sources: Mapping[str, Source]) -> Recipe:
    return Recipe(
        program=__version__,
        corpus_digest=digest_of_all(plan.corpus, sources),
        fingerprint=spec.fingerprint,
        dense=plan.dense,
        lexical=plan.lexical,
        passage_max_chars=plan.passages.max_chars,
        passage_min_chars=plan.passages.min_chars,
        reading=plan.reading,
        index_titles=plan.index_titles,
    )


def _current(index: Path) -> tuple[Manifest | None, str]:
    """The manifest of what is served, or why there is nothing usable."""
    try:
        manifest = manifest_of(index, current_id(index))
        check_sizes(index / manifest.generation_id, manifest)
    except GenerationError as error:
        return None, str(error).partition(": r")[0]
    return manifest, ""


def _not_the_same(index: Path, current: Manifest, recipe: Recipe, digests: Digests) -> str:
    """Why nothing can be taken over from a generation; empty if it can."""
    before, now = current.recipe.model_dump(), recipe.model_dump()
    other = [name for name in now if name != "corpus_digest" and before[name] != now[name]]
    if other:
        return f"built with another {', '.join(other)}"
    try:
        check_digests(index / current.generation_id, current, digests)
    except GenerationCorrupt as error:
        return str(error)
    return ""


def _left_out(catalogue: CatalogueWriter) -> tuple[LeftOutSource, ...]:
    return tuple(
        LeftOutSource(source=source, reason=reason, copy_of=first)
        for source, reason, first in catalogue.left_out()
    )


def _nothing_read(corpus: Path, left_out: tuple[LeftOutSource, ...]) -> str:
    why = "; ".join(f"{one.source}: {one.reason}" for one in left_out[:3])
    return f"no release could be read from {corpus}{': ' + why if why else ''}: add .txt or .jsonl"


def _refuse_left_out(left_out: tuple[LeftOutSource, ...], strict: bool) -> None:
    lost = [one for one in left_out if not one.copy_of]
    if strict and lost:
        first = lost[0]
        raise CorpusError(
            f"{len(lost)} left out, the first: {first.source}: {first.reason}; "
            "nothing is published because of --strict"
        )


def _new_id(recipe: Recipe, index: Path) -> str:
    """``g``, the time in UTC and 8 digits of the recipe's digest: ids sort by age."""
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:8]
    while (index / (name := f"g{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest}")).exists():
        continue
    return name
