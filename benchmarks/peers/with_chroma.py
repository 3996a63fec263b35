"""Chroma: vectors in HNSW, kept on the disk; its local form has no search by words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
import measuring
from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

BATCH = 5000


class Chroma:
    """One collection of a ``PersistentClient``."""

    def __init__(self, home: Path, model: Path) -> None:
        self.embed = SentenceTransformerEmbeddingFunction(model_name=str(model))
        self._client = chromadb.PersistentClient(path=str(home / "index"))
        self._collection: Any = None

    def build(self, passages: Sequence[dict[str, Any]]) -> None:
        """In its batches."""
        self.open()
        for first in range(0, len(passages), BATCH):
            part = passages[first : first + BATCH]
            self._collection.add(
                ids=[one["id"] for one in part],
                embeddings=[one["vector"] for one in part],
                documents=[one["text"] for one in part],
            )

    def open(self) -> None:
        """The collection."""
        self._collection = self._client.get_or_create_collection(
            "passages",
            embedding_function=self.embed,
            configuration={"hnsw": {"space": "cosine"}},
        )

    def search(self, query: str) -> list[str]:
        """By meaning."""
        found = self._collection.query(query_texts=[query], n_results=measuring.K, include=[])
        return list(found["ids"][0])

    def add(self, passages: Sequence[dict[str, Any]]) -> None:
        """Kept when it returns."""
        texts = [one["text"] for one in passages]
        self._collection.add(ids=[one["id"] for one in passages], documents=texts)


if __name__ == "__main__":
    measuring.main(Chroma)
