"""Haystack: its store in memory, vectors and BM25, joined by reciprocal ranks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measuring
from haystack import Document
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)


class Haystack:
    """Two retrievers of one store, and what joins them."""

    def __init__(self, home: Path, model: Path) -> None:
        self._file = home / "index" / "store.json"
        self._texts = SentenceTransformersDocumentEmbedder(model=str(model), progress_bar=False)
        self._queries = SentenceTransformersTextEmbedder(model=str(model), progress_bar=False)
        self._store: Any = None

    def embed(self, texts: Sequence[str]) -> Any:
        """Through its own component."""
        self._texts.warm_up()
        return self._texts.run(documents=[Document(content=text) for text in texts])["documents"]

    def build(self, passages: Sequence[dict[str, Any]]) -> None:
        """In memory, then as a file."""
        self._store = InMemoryDocumentStore()
        self._store.write_documents(
            [
                Document(id=one["id"], content=one["text"], embedding=one["vector"].tolist())
                for one in passages
            ]
        )
        self._keep()

    def open(self) -> None:
        """From the file."""
        self._store = InMemoryDocumentStore.load_from_disk(str(self._file))
        self._queries.warm_up()
        self._words = InMemoryBM25Retriever(self._store, top_k=measuring.STAGE_K)
        self._meaning = InMemoryEmbeddingRetriever(self._store, top_k=measuring.STAGE_K)
        self._joiner = DocumentJoiner("reciprocal_rank_fusion", top_k=measuring.K)

    def search(self, query: str) -> list[str]:
        """Both, joined."""
        vector = self._queries.run(text=query)["embedding"]
        meant = self._meaning.run(query_embedding=vector)["documents"]
        said = self._words.run(query=query)["documents"]
        return [one.id for one in self._joiner.run([meant, said])["documents"]]

    def add(self, passages: Sequence[dict[str, Any]]) -> None:
        """More, and the file anew."""
        added = [Document(id=one["id"], content=one["text"]) for one in passages]
        self._texts.warm_up()
        self._store.write_documents(self._texts.run(documents=added)["documents"])
        self._keep()

    def _keep(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._store.save_to_disk(str(self._file))


if __name__ == "__main__":
    measuring.main(Haystack)
