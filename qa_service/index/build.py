"""From a corpus to a published generation."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from qa_service.corpus import Limits, ReadingOptions, corpus_digest, read_corpus
from qa_service.duplicates import near_duplicates, same_passages
from qa_service.engines import DenseIndex, Embedder, Entry
from qa_service.errors import CorpusError, GenerationError
from qa_service.index.catalogue_writing import write_catalogue
from qa_service.index.embedding_cache import EmbeddingCache
from qa_service.index.generation import (
    DENSE,
    LEXICAL,
    RELEASES,
    SENTENCES,
    Engines,
    Generation,
)
from qa_service.index.manifest import (
    EmbedderSpec,
    LeftOutSource,
    Manifest,
    Recipe,
    check_sizes,
    seal,
)
from qa_service.index.publishing import (
    CACHE,
    building,
    complete,
    current_id,
    manifest_of,
    publish,
    stage,
)
from qa_service.index.sentence_vectors import write_sentence_vectors
from qa_service.passages import (
    PassageSettings,
    in_context,
    in_words,
    is_quotable,
    sentence_texts,
    split_release,
)
from qa_service.types import Passage, Release, Vectors, Withdrawn


class Bar(Protocol):
    """Progress of one step."""

    def update(self, n: int) -> object:
        """``n`` more are done."""


Progress = Callable[[str, int | None], AbstractContextManager[Bar]]
"""Starts a bar: what is counted, and how many there will be (``None``: not known)."""


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What to build a generation from and with."""

    corpus: Path
    index: Path
    embedder_name: str
    query_prefix: str | None
    passage_prefix: str | None
    dense: str
    lexical: str
    passages: PassageSettings
    index_titles: bool
    reading: ReadingOptions
    limits: Limits


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``embedded`` counts the passages whose vectors were not in the cache."""

    manifest: Manifest
    unchanged: bool
    embedded: int


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

    ``full`` builds in any case and embeds everything anew; ``strict`` publishes nothing if
    anything had to be left out.

    Raises:
        CorpusError: no corpus folder, no readable release in it, or ``strict`` and something bad.
        GenerationLocked: another build is at work.
        EngineError: the model failed.
    """
    engines.dense(plan.dense)  # an unknown name is refused before anything is embedded
    engines.lexical(plan.lexical)
    with building(plan.index, wait_s):
        embedder, spec = _embedder(plan, engines)
        recipe = _recipe(plan, spec)
        current = _current(plan.index)
        if not full and current is not None and current.recipe == recipe:
            _refuse_left_out(current.left_out, strict)
            return BuildReport(current, unchanged=True, embedded=0)
        content = _read(plan, progress)
        _refuse_left_out(content.left_out, strict)
        staged = stage(plan.index, _new_id(recipe, plan.index))
        twins = _twins(content, progress)
        write_catalogue(staged, content.releases, content.passages, twins, content.withdrawn)
        texts = _texts(content, plan.index_titles)
        sentences = [sentence_texts(passage.text) for passage in content.passages]
        with EmbeddingCache(plan.index / CACHE) as cache:
            embed = _Embed(embedder, cache, progress, full)
            quotable = content.quotable()
            embedded = _write_dense(engines.dense(plan.dense), embed, texts, quotable, staged)
            _write_sentences(embed, sentences, staged)
        _write_lexical(plan, engines, content, texts, staged, progress)
        manifest = _manifest(staged, recipe, spec, content, embedder.dim)
        folder = complete(plan.index, staged, manifest)
        Generation(folder, engines).close()
        publish(plan.index, manifest.generation_id)
        return BuildReport(manifest, unchanged=False, embedded=embedded)


@dataclass(frozen=True, slots=True)
class _Content:
    """Releases in the order of reading, passages in the order of their ids."""

    releases: list[Release]
    passages: list[Passage]
    left_out: tuple[LeftOutSource, ...]
    withdrawn: tuple[Withdrawn, ...]

    def release_numbers(self) -> dict[str, int]:
        return {release.release_id: number for number, release in enumerate(self.releases)}

    def quotable(self) -> list[int]:
        """Numbers of the passages that are searched and answered from."""
        of = {release.release_id: release for release in self.releases}
        return [
            number
            for number, passage in enumerate(self.passages)
            if is_quotable(of[passage.release_id], passage)
        ]


def _embedder(plan: BuildPlan, engines: Engines) -> tuple[Embedder, EmbedderSpec]:
    asked = EmbedderSpec(
        name=plan.embedder_name,
        fingerprint="",
        dim=0,
        query_prefix=plan.query_prefix,
        passage_prefix=plan.passage_prefix,
    )
    embedder = engines.embedder(asked)
    return embedder, asked.model_copy(update={"fingerprint": embedder.fingerprint})


def _recipe(plan: BuildPlan, spec: EmbedderSpec) -> Recipe:
    return Recipe(
        corpus_digest=corpus_digest(plan.corpus),
        fingerprint=spec.fingerprint,
        dense=plan.dense,
        lexical=plan.lexical,
        passage_max_chars=plan.passages.max_chars,
        passage_min_chars=plan.passages.min_chars,
        reading=plan.reading,
        index_titles=plan.index_titles,
    )


def _current(index: Path) -> Manifest | None:
    """The manifest of what is served; ``None`` where that is nothing, or nothing usable."""
    try:
        manifest = manifest_of(index, current_id(index))
        check_sizes(index / manifest.generation_id, manifest)
    except GenerationError:
        return None
    return manifest


def _read(plan: BuildPlan, progress: Progress) -> _Content:
    releases: list[Release] = []
    withdrawn: list[Withdrawn] = []
    left_out: list[LeftOutSource] = []
    with progress("reading releases", None) as bar:
        for outcome in read_corpus(plan.corpus, plan.reading, plan.limits):
            bar.update(1)
            if isinstance(outcome, Release):
                releases.append(outcome)
            elif isinstance(outcome, Withdrawn):
                withdrawn.append(outcome)
            else:
                left_out.append(
                    LeftOutSource(source=_printable(outcome.source), reason=outcome.reason)
                )
    if not releases:
        raise CorpusError(_nothing_read(plan.corpus, left_out))
    passages = [p for release in releases for p in split_release(release, plan.passages)]
    passages.sort(key=lambda passage: passage.passage_id)
    return _Content(releases, passages, tuple(left_out), tuple(withdrawn))


def _printable(name: str) -> str:
    """A file's name may hold bytes that are no text; a manifest may not."""
    return name.encode(errors="backslashreplace").decode()


def _nothing_read(corpus: Path, left_out: list[LeftOutSource]) -> str:
    why = "; ".join(f"{one.source}: {one.reason}" for one in left_out[:3])
    return f"no release could be read from {corpus}{': ' + why if why else ''}: add .txt or .jsonl"


def _refuse_left_out(left_out: tuple[LeftOutSource, ...], strict: bool) -> None:
    if strict and left_out:
        first = left_out[0]
        raise CorpusError(
            f"{len(left_out)} left out, the first: {first.source}: {first.reason}; "
            "nothing is published because of --strict"
        )


def _new_id(recipe: Recipe, index: Path) -> str:
    """``g``, the time in UTC and 8 digits of the recipe's digest: ids sort by age."""
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:8]
    while (index / (name := f"g{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest}")).exists():
        continue
    return name


def _twins(content: _Content, progress: Progress) -> list[list[int]]:
    """Numbers of passages that say the same in near-duplicate releases, by class."""
    with progress("comparing releases", len(content.releases)) as bar:
        groups = near_duplicates([release.text for release in content.releases], bar.update)
    of: dict[str, list[int]] = {}
    for number, passage in enumerate(content.passages):
        of.setdefault(passage.release_id, []).append(number)
    twins = []
    for group in groups:
        numbers = [of[content.releases[member].release_id] for member in group]
        texts = [[content.passages[number].text for number in own] for own in numbers]
        twins += [[numbers[i][j] for i, j in places] for places in same_passages(texts)]
    return twins


@dataclass(frozen=True, slots=True)
class _Embed:
    """Embeds with a bar, from the cache where it can."""

    embedder: Embedder
    cache: EmbeddingCache
    progress: Progress
    afresh: bool

    def __call__(self, what: str, texts: Sequence[str]) -> tuple[Vectors, int]:
        with self.progress(f"embedding {what}", len(texts)) as bar:
            return self.cache.embed(self.embedder, texts, bar.update, afresh=self.afresh)


def _write_dense(
    engine: type[DenseIndex],
    embed: _Embed,
    texts: Sequence[str],
    quotable: Sequence[int],
    staged: Path,
) -> int:
    vectors, embedded = embed("passages", [texts[number] for number in quotable])
    dense = engine.create(staged / DENSE, embed.embedder.dim)
    dense.add(np.asarray(quotable, dtype=np.int64), vectors)
    dense.save()
    return embedded


def _write_sentences(embed: _Embed, sentences: Sequence[Sequence[str]], staged: Path) -> None:
    vectors, _ = embed("sentences", [text for texts in sentences for text in texts])
    write_sentence_vectors(staged / SENTENCES, vectors, [len(texts) for texts in sentences])


def _texts(content: _Content, index_titles: bool) -> list[str]:
    of = {release.release_id: release for release in content.releases}
    return [
        in_context(passage, of[passage.release_id], index_titles) for passage in content.passages
    ]


def _write_lexical(
    plan: BuildPlan,
    engines: Engines,
    content: _Content,
    texts: Sequence[str],
    staged: Path,
    progress: Progress,
) -> None:
    """Two indexes of words: one of passages, one of whole releases."""
    of = content.release_numbers()
    passages = (
        Entry(number, of[content.passages[number].release_id], texts[number])
        for number in content.quotable()
    )
    releases = (
        Entry(number, number, in_words(release, plan.index_titles))
        for number, release in enumerate(content.releases)
    )
    with progress("indexing words", len(texts) + len(content.releases)) as bar:
        for name, entries in ((LEXICAL, passages), (RELEASES, releases)):
            lexical = engines.lexical(plan.lexical).create(staged / name)
            for entry in entries:
                lexical.add([entry])
                bar.update(1)
            lexical.save()


def _manifest(
    staged: Path, recipe: Recipe, spec: EmbedderSpec, content: _Content, dim: int
) -> Manifest:
    return Manifest(
        generation_id=staged.name[1:],
        built_at=datetime.now(UTC),
        recipe=recipe,
        embedder=spec.model_copy(update={"dim": dim}),
        releases=len(content.releases),
        passages=len(content.passages),
        left_out=content.left_out,
        files=seal(staged),
    )
