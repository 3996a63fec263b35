"""Vectors by the text they were made from, kept between builds so that nothing is embedded twice.

An interrupted build goes on where it stopped; a rebuild embeds only what is new.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from qa_service.engines import Embedder
from qa_service.errors import GenerationCorrupt
from qa_service.types import Vectors

FILE = "embeddings.sqlite"
CHUNK = 256
"""Texts embedded between two commits: a few seconds of work on two cores."""


class EmbeddingCache:
    """A key-value file: SHA-256 of fingerprint and text → float32 vector."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._database = sqlite3.connect(self._path)
        with self._named():
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS vectors "
                "(key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
            )

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise GenerationCorrupt(
                f"{self._path}: {error}; if it is damaged, delete it and run `qa build`"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def embed(
        self,
        embedder: Embedder,
        texts: Sequence[str],
        advance: Callable[[int], object],
        *,
        afresh: bool = False,
    ) -> tuple[Vectors, int]:
        """Vectors of ``texts``, shape ``(n, dim)``, and how many had to be embedded.

        ``advance`` is told the number of texts done since the last call; ``afresh`` embeds all.
        """
        keys = [_key(embedder.fingerprint, text) for text in texts]
        with self._named():
            known = {} if afresh else dict(self._read(set(keys)))
        by_key = dict(zip(keys, texts, strict=True))
        missing = [(key, text) for key, text in by_key.items() if key not in known]
        missing.sort(key=lambda item: len(item[1]))
        advance(len(texts) - len(missing))
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            vectors = embedder.embed_passages([text for _, text in chunk])
            rows = [(k, v.tobytes()) for (k, _), v in zip(chunk, vectors, strict=True)]
            known.update(rows)
            with self._named(), self._database:
                self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            advance(len(chunk))
        if not texts:
            return np.empty((0, embedder.dim), np.float32), 0
        joined = np.frombuffer(b"".join(known[key] for key in keys), np.float32)
        return joined.reshape(len(texts), -1), len(missing)

    def _read(self, keys: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        ordered = sorted(keys)
        for start in range(0, len(ordered), CHUNK):
            part = ordered[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            yield from self._database.execute(
                f"SELECT key, vector FROM vectors WHERE key IN ({marks})",  # noqa: S608
                part,
            )


def _key(fingerprint: str, text: str) -> bytes:
    return hashlib.sha256(f"{fingerprint}\0{text}".encode()).digest()
