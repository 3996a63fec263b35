"""LlamaIndex: a flat FAISS index and its BM25 retriever, fused by reciprocal ranks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import measuring
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore

DIM = 384


class LlamaIndex:
    """A ``VectorStoreIndex`` and a ``BM25Retriever`` under a ``QueryFusionRetriever``."""

    def __init__(self, home: Path, model: Path) -> None:
        self._folder, self._words_folder = str(home / "index"), str(home / "words")
        self._model = HuggingFaceEmbedding(model_name=str(model))
        self._index: Any = None
        self._words: Any = None
        self._both: Any = None

    def embed(self, texts: Sequence[str]) -> Any:
        """Through its own embedding."""
        return self._model.get_text_embedding_batch(list(texts))

    def build(self, passages: Sequence[dict[str, Any]]) -> None:
        """Both, kept in two folders."""
        nodes = [
            TextNode(id_=one["id"], text=one["text"], embedding=one["vector"].tolist())
            for one in passages
        ]
        store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(DIM))
        context = StorageContext.from_defaults(vector_store=store)
        index = VectorStoreIndex(nodes, storage_context=context, embed_model=self._model)
        index.storage_context.persist(self._folder)
        for node in nodes:
            node.embedding = None
        self._by_words(nodes).persist(self._words_folder)

    def open(self) -> None:
        """Both, from their folders."""
        store = FaissVectorStore.from_persist_dir(self._folder)
        context = StorageContext.from_defaults(vector_store=store, persist_dir=self._folder)
        self._index = load_index_from_storage(context, embed_model=self._model)
        self._words = BM25Retriever.from_persist_dir(self._words_folder)
        self._fuse()

    def search(self, query: str) -> list[str]:
        """The fused retriever."""
        return [one.node.node_id for one in self._both.retrieve(query)]

    def add(self, passages: Sequence[dict[str, Any]]) -> None:
        """FAISS takes more; BM25 is made anew, because it cannot."""
        added = [TextNode(id_=one["id"], text=one["text"]) for one in passages]
        self._index.insert_nodes(added)
        self._index.storage_context.persist(self._folder)
        self._words = self._by_words(list(self._index.docstore.docs.values()))
        self._words.persist(self._words_folder)
        self._fuse()

    def _by_words(self, nodes: Sequence[TextNode]) -> BM25Retriever:
        return BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=measuring.STAGE_K)

    def _fuse(self) -> None:
        meaning = self._index.as_retriever(similarity_top_k=measuring.STAGE_K)
        self._both = QueryFusionRetriever(
            [meaning, self._words],
            similarity_top_k=measuring.K,
            num_queries=1,
            mode="reciprocal_rerank",
            use_async=False,
            llm=MockLLM(),
        )


if __name__ == "__main__":
    measuring.main(LlamaIndex)
