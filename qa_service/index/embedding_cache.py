"""Vectors by the text they were made from, kept between builds so that nothing is embedded twice.

An interrupted build goes on where it stopped; a rebuild embeds only what is new.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
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
STEPS = 256
"""Vectors are taken over in so many steps, by the first byte of their keys."""


class EmbeddingCache:
    """A key-value file: SHA-256 of fingerprint and text → float32 vector, and the day of its last use."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._today = datetime.now(UTC).toordinal()
        self._database = sqlite3.connect(self._path.absolute().as_uri(), uri=True)
        with self._named():
            self._database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS used_vectors "
                "(key BLOB PRIMARY KEY, vector BLOB, used INTEGER) WITHOUT ROWID"
            )
            self._database.execute(
                "CREATE INDEX IF NOT EXISTS vectors_by_use ON used_vectors (used)"
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
                self._database.executemany(
                    "INSERT OR REPLACE INTO used_vectors VALUES (?, ?, ?)",
                    ((key, vector, self._today) for key, vector in rows),
                )
            advance(len(chunk))
        if not texts:
            return np.empty((0, embedder.dim), np.float32), 0
        joined = np.frombuffer(b"".join(known[key] for key in keys), np.float32)
        return joined.reshape(len(texts), -1), len(missing)

    def take(self, other: Path, advance: Callable[[int], object]) -> int:
        """Take over what the cache in the folder ``other`` has and this one has not; gives how many.

        ``advance`` is told how many of :data:`STEPS` are done; what was taken before an interruption stays.

        Raises:
            GenerationCorrupt: there is no cache in it, or it is damaged.
        """
        path = other / FILE
        if not path.is_file():
            raise GenerationCorrupt(f"{path} is not there: `qa embed --part 1/2` makes such a file")
        # A file that nobody writes may lie on a medium that cannot be written either.
        way = "mode=ro" if path.with_name(f"{FILE}-wal").exists() else "immutable=1"
        count = "SELECT count(*) FROM used_vectors"
        try:
            self._database.execute("ATTACH ? AS other", (f"{path.absolute().as_uri()}?{way}",))
            [[before]] = self._database.execute(count)
            for first in range(STEPS):
                with self._database:
                    self._database.execute(
                        "INSERT OR IGNORE INTO used_vectors SELECT key, vector, ? "
                        "FROM other.used_vectors WHERE key >= ? AND key < ?",
                        (self._today, bytes([first]), bytes([first]) + b"\xff" * 32),
                    )
                advance(1)
            [[after]] = self._database.execute(count)
            self._database.execute("DETACH other")
        except sqlite3.Error as error:
            raise GenerationCorrupt(f"{path}: {error}; make it again with `qa embed`") from error
        return int(after - before)

    def trim(self, max_bytes: int) -> int:
        """Remove what was not used for longest, until the file has that size; gives how many vectors."""
        with self._named():
            size = self._pragma("page_count") * self._pragma("page_size")
            if size <= max_bytes:
                return 0
            [[count]] = self._database.execute("SELECT count(*) FROM used_vectors")
            surplus = -int(-count * (1 - max_bytes / size) // 1)
            with self._database:
                self._database.execute(
                    "DELETE FROM used_vectors WHERE key IN "
                    "(SELECT key FROM used_vectors ORDER BY used LIMIT ?)",
                    (surplus,),
                )
            self._database.executescript("PRAGMA incremental_vacuum")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return surplus

    def _pragma(self, name: str) -> int:
        return int(self._database.execute(f"PRAGMA {name}").fetchone()[0])

    def _read(self, keys: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        ordered = sorted(keys)
        for start in range(0, len(ordered), CHUNK):
            part = ordered[start : start + CHUNK]
            marks = ", ".join("?" * len(part))
            found = self._database.execute(
                f"SELECT key, vector, used FROM used_vectors WHERE key IN ({marks})",  # noqa: S608
                part,
            ).fetchall()
            yield from ((key, vector) for key, vector, _ in found)
            stale = [(self._today, key) for key, _, used in found if used != self._today]
            if stale:
                with self._database:
                    self._database.executemany(
                        "UPDATE used_vectors SET used = ? WHERE key = ?", stale
                    )


def trim_cache(folder: Path, max_bytes: int) -> int:
    """Cut the cache in ``folder`` to a size, if there is one; gives how many vectors were removed."""
    if not (folder / FILE).exists():
        return 0
    with EmbeddingCache(folder) as cache:
        return cache.trim(max_bytes)


def _key(fingerprint: str, text: str) -> bytes:
    return hashlib.sha256(f"{fingerprint}\0{text}".encode()).digest()
