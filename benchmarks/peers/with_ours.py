"""Ours, as a server has it: every passage with its sentences and its release, questions understood.

Its corpus and its cache of vectors are in the folder already: passages and sentences are its own to cut.
"""

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import measuring

from qa_service.api.searching import find
from qa_service.bodies import SearchBody
from qa_service.index import EmbedderSpec, Engines, Serving, build
from qa_service.settings import read_settings
from qa_service.wiring import canary, make_engines, make_plan


class Ours:
    """A corpus and its index."""

    def __init__(self, home: Path, _model: Path) -> None:
        self._home = home
        self._settings = read_settings(corpus_dir=home / "corpus", index_dir=home / "index")
        self._engines: Engines | None = None
        self._serving: Any = None
        # as the service does: more questions than processors wait for their turn
        self._places = threading.Semaphore(os.cpu_count() or 1)

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

    def open(self) -> None:
        """As a server does: a thread for each question."""
        self._engines = make_engines(self._settings, threads=1)
        self._serving = Serving(self._settings.index_dir, self._engines, canary)
        self._serving.refresh()

    def search(self, query: str) -> list[str]:
        """As `GET /api/search` does."""
        with self._places, self._serving.generation() as generation:
            body = SearchBody(q=query, k=measuring.K)
            return [hit.passage_id for hit in find(body, generation, self._settings).hits]

    def add(self, _passages: Sequence[dict[str, Any]]) -> None:
        """A file more, a build, and the server's exchange of generations."""
        shutil.copy(self._home.parent / "added-release.jsonl", self._settings.corpus_dir)
        assert self._engines
        build(make_plan(self._settings), self._engines, silent)
        self._serving.refresh()


def silent(_what: str, _total: int | None) -> Any:
    """No bar: the times are what is printed."""
    return contextlib.nullcontext(SimpleNamespace(update=lambda _n: None))


if __name__ == "__main__":
    measuring.main(Ours)
