"""Ours, as a server has it: every passage with its sentences and its release, questions understood.

``parts`` searches the same generation with less, to tell what each part costs and brings. Its corpus and
its cache of vectors are in the folder already: passages and sentences are its own to cut.
"""

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import measuring
import numpy as np
import sentence_transformers  # noqa: F401 - the others have it before their clock starts, too

from qa_service.api.searching import find
from qa_service.bodies import SearchBody
from qa_service.engines import Entry
from qa_service.index import EmbedderSpec, Engines, Serving, build
from qa_service.settings import read_settings
from qa_service.types import Numbers
from qa_service.wiring import canary, make_engines, make_plan

RRF = 60


class Ours:
    """A corpus and its index."""

    def __init__(self, home: Path, _model: Path) -> None:
        self._home = home
        self._settings = read_settings(corpus_dir=home / "corpus", index_dir=home / "index")
        self._engines: Engines | None = None
        self._serving: Any = None
        # as the service does: more questions than processors wait for their turn, the first come first
        self._places = ThreadPoolExecutor(os.cpu_count() or 1)
        self.took_s: dict[str, float] = {}

    def embed(self, texts: Sequence[str]) -> Any:
        """As a build does: with all processors."""
        self._engines = self._engines or make_engines(self._settings)
        name = self._settings.embedder
        spec = EmbedderSpec(
            name=name, fingerprint="", dim=0, query_prefix=None, passage_prefix=None
        )
        return self._engines.embedder(spec).embed_passages(texts)

    def build(self, _passages: Sequence[dict[str, Any]]) -> None:
        """From the releases, which are read and cut too."""
        assert self._engines
        report = build(make_plan(self._settings), self._engines, silent)
        assert report.embedded == 0, "the cache of vectors was not filled"
        self.took_s = report.took_s

    def build_less(self, passages: Sequence[dict[str, Any]]) -> None:
        """What the others make: an index of the vectors, and one of the words."""
        assert self._engines
        folder = self._home / "less"
        shutil.rmtree(folder, ignore_errors=True)
        numbers = np.arange(len(passages))
        dense = self._engines.dense("faiss").create(folder / "dense", len(passages[0]["vector"]))
        dense.add(numbers, np.stack([one["vector"] for one in passages]))
        dense.save()
        words = self._engines.lexical("tantivy").create(folder / "lexical")
        words.add(Entry(n, n, one["text"]) for n, one in enumerate(passages))
        words.save()

    def open(self) -> None:
        """As a server does: a thread for each question."""
        self._engines = make_engines(self._settings, threads=1)
        self._serving = Serving(self._settings.index_dir, self._engines, canary)
        self._serving.refresh()

    def search(self, query: str) -> list[str]:
        """As `GET /api/search` does."""
        return self._places.submit(self._find, query).result()

    def parts(self) -> dict[str, Callable[[str], list[str]]]:
        """Searches of the same generation, from all that is done to the least."""
        searches: dict[str, Callable[[str], list[str]]] = {
            "as it is": self._find,
            "dates and spelling left as they are": self._as_written,
            "words and meaning of passages, by reciprocal ranks": self._by_ranks,
            "words alone": self._by_words,
            "the vector of the question, and no search": self._vector,
        }
        return {
            what: lambda query, search=search: self._places.submit(search, query).result()  # type: ignore[misc]
            for what, search in searches.items()
        }

    def _find(self, query: str, **reading: Any) -> list[str]:
        with self._serving.generation() as generation:
            body = SearchBody(q=query, k=measuring.K, **reading)
            return [hit.passage_id for hit in find(body, generation, self._settings).hits]

    def _as_written(self, query: str) -> list[str]:
        return self._find(query, dates=False, spelling=False)

    def _by_ranks(self, query: str) -> list[str]:
        with self._serving.generation() as generation:
            [vector] = generation.embedder.embed_queries([query])
            found = (
                generation.dense.search(vector, measuring.STAGE_K, None),
                generation.lexical.search(query, measuring.STAGE_K, None),
            )
            best = fused(numbers for numbers, _ in found)
            return list(generation.passage_ids(np.array(best, np.int64)))

    def _by_words(self, query: str) -> list[str]:
        with self._serving.generation() as generation:
            return list(
                generation.passage_ids(generation.lexical.search(query, measuring.K, None)[0])
            )

    def _vector(self, query: str) -> list[str]:
        with self._serving.generation() as generation:
            generation.embedder.embed_queries([query])
            return []

    def add(self, _passages: Sequence[dict[str, Any]]) -> None:
        """A file more, a build, and the server's exchange of generations."""
        shutil.copy(self._home.parent / "added-release.jsonl", self._settings.corpus_dir)
        assert self._engines
        self.took_s = build(make_plan(self._settings), self._engines, silent).took_s
        self._serving.refresh()


def fused(rankings: Iterable[Numbers]) -> list[int]:
    """The best by the sum of their reciprocal ranks."""
    scores: Counter[int] = Counter()
    for numbers in rankings:
        for rank, number in enumerate(numbers.tolist(), 1):
            scores[number] += 1 / (RRF + rank)  # type: ignore[assignment]
    return [number for number, _ in scores.most_common(measuring.K)]


def silent(_what: str, _total: int | None) -> Any:
    """No bar: the times are what is printed."""
    return contextlib.nullcontext(SimpleNamespace(update=lambda _n: None))


if __name__ == "__main__":
    measuring.main(Ours)
