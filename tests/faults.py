"""What a healthy machine does not do by itself: an embedder without a model, failing system calls,
a user without rights, bytes that flip."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qa_service.engines import dense_faiss, silent
from qa_service.engines.lexical_tantivy import segments
from qa_service.errors import EngineError
from qa_service.index import BuildPlan, BuildReport, Engines, Generation, build, sentence_vectors
from qa_service.search import search
from qa_service.settings import read_settings
from qa_service.types import Query, Vectors
from qa_service.wiring import DENSE, LEXICAL, make_plan

NOBODY = 65534
SEALED = ["releases.sqlite", "dense/vectors.faiss", "lexical/meta.json"]


class HashEmbedder:
    """Vectors from the SHA-256 of a text: quick, without a model, and it may fail on demand."""

    fingerprint = "hash@1"
    dim = 16

    def __init__(self, fails_after: int | None = None) -> None:
        self.embedded: list[str] = []
        self.fails_after = fails_after

    def reads(self, _text: str) -> bool:
        return True

    def knows(self, _word: str) -> bool:
        return False

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if self.fails_after is not None and len(self.embedded) + len(texts) > self.fails_after:
            raise EngineError("the model is gone")
        self.embedded += texts
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        seeds = [list(hashlib.sha256(text.encode()).digest()) for text in texts]
        rows = [np.random.default_rng(seed).standard_normal(self.dim) for seed in seeds]
        vectors = np.array(rows, np.float32).reshape(len(texts), self.dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def hash_engines(embedder: HashEmbedder | None = None) -> Engines:
    """The real indexes beside an embedder without a model."""
    chosen = embedder or HashEmbedder()
    return Engines(lambda _spec: chosen, DENSE.__getitem__, LEXICAL.__getitem__)


def quick_plan(corpus: Path, index: Path) -> BuildPlan:
    return make_plan(read_settings(corpus_dir=corpus, index_dir=index))


def quick_build(
    plan: BuildPlan, embedder: HashEmbedder | None = None, **options: Any
) -> BuildReport:
    """Build with the real indexes and without a model."""
    return build(plan, hash_engines(embedder), silent, **options)


@contextlib.contextmanager
def sharing(sparse: float = 0.7) -> Iterator[None]:
    """Let even a small generation link to most of what the last one has, as only large ones do.

    ``sparse``: buckets of words are the square root of the passages over this.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "SPARSE", sparse)
        patched.setattr(segments, "LATE", 1)
        patched.setattr(dense_faiss, "LATE", 1)
        patched.setattr(sentence_vectors, "TOO_MANY", 1)
        yield


@contextlib.contextmanager
def failing_call(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, nth: int
) -> Iterator[list[int]]:
    """Let the ``nth`` call of ``owner.name`` fail as a full disk does; yields the calls made."""

    def fail() -> None:
        raise OSError(28, f"No space left on device ({name}, call {nth})")

    with before_call(monkeypatch, owner, name, nth, fail) as calls:
        yield calls


@contextlib.contextmanager
def before_call(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, nth: int, act: Callable[[], object]
) -> Iterator[list[int]]:
    """Let something happen just before the ``nth`` call of ``owner.name``; yields the calls made."""
    real: Callable[..., object] = getattr(owner, name)
    calls: list[int] = []

    def counted(*args: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == nth:
            act()
        return real(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, counted)
        yield calls


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Without the superuser's right to read and write everything."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


def flip_byte(path: Path, position: int | None = None) -> None:
    """Change one byte, by default in the middle; the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if position is None else position] ^= 0xFF
    path.write_bytes(data)


def add_release(plan: BuildPlan, text: str = "A new quay was opened.") -> None:
    number = len(list(plan.corpus.glob("new-*.txt")))
    (plan.corpus / f"new-{number}.txt").write_text(text)


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What a write would change: size, time and inode of everything below ``folder``."""
    found = {str(p.relative_to(folder)): p.lstat() for p in [folder, *folder.rglob("*")]}
    return {name: (s.st_size, s.st_mtime_ns, s.st_ino) for name, s in found.items()}


def found(generation: Generation, text: str) -> list[str]:
    return [hit.passage_id for hit in search(generation, Query(text), 10).lexical.hits]
