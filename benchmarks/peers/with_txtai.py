"""txtai: vectors in FAISS and BM25, hybrid, as its settings are by default."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from txtai import Embeddings


class Txtai:
    """One ``Embeddings``."""

    def __init__(self, home: Path, model: Path) -> None:
        self._folder = str(home / "index")
        self._own = {"method": "sentence-transformers", "path": str(model)}
        self._embeddings: Any = None

    def embed(self, texts: Sequence[str]) -> Any:
        """Through its own vectors."""
        self._embeddings = self._embeddings or Embeddings(self._own)
        return self._embeddings.batchtransform(list(texts))

    def build(self, passages: Sequence[dict[str, Any]]) -> None:
        """Vectors are looked up by their text."""
        known = {one["text"]: one["vector"] for one in passages}

        def look_up(texts: Sequence[str]) -> Any:
            return np.stack([known[text] for text in texts])

        made = Embeddings({"method": "external", "transform": look_up, "hybrid": True})
        made.index((one["id"], one["text"], None) for one in passages)
        made.config.pop("transform")
        made.save(self._folder)

    def open(self) -> None:
        """With its own model for queries."""
        self._embeddings = Embeddings()
        self._embeddings.load(self._folder, config=self._own)

    def search(self, query: str) -> list[str]:
        """The hybrid search."""
        return [found for found, _ in self._embeddings.search(query, measuring.K)]

    def add(self, passages: Sequence[dict[str, Any]]) -> None:
        """Upsert, then save."""
        self._embeddings.upsert((one["id"], one["text"], None) for one in passages)
        self._embeddings.save(self._folder)


if __name__ == "__main__":
    measuring.main(Txtai)
