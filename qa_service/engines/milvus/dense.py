"""Dense search on a Milvus server: all vectors compared, or from :data:`EXACT` on with a graph (HNSW)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from qa_service.engines import Allowed, Facets, Progress, silent
from qa_service.engines.milvus.collection import AT_ONCE, MilvusCollection
from qa_service.engines.milvus.filters import add_fields, among, as_row, expressions
from qa_service.types import Numbers, Scores, Vectors

EXACT = 100_000
"""Vectors from which on there is a graph (HNSW); fewer are all compared."""

FILTERED_EF = 4
"""A filter hides neighbours that a search of the graph goes by: it looks at so many times as many."""

LEAST_EF = 256
MOST_EF = 32_768
FLAT = {"index_type": "FLAT", "metric_type": "IP", "params": {}}
GRAPH = {"index_type": "HNSW", "metric_type": "IP", "params": {"M": 16, "efConstruction": 200}}


class MilvusDense(MilvusCollection):
    """One collection: numbers, their vectors, and what they can be filtered by."""

    vector_field = "vector"

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._source: Path | None = None
        self._progress: Progress = silent

    @classmethod
    def create(cls, folder: Path, dim: int) -> Self:
        """Start an empty collection, or take up that of a build of the same that was killed."""
        return cls._begin(folder, dim, lambda: _schema(dim))

    @classmethod
    def revise(cls, source: Path, folder: Path, progress: Progress = silent) -> Self:
        """The same, into which that of ``source`` is copied before anything is added."""
        made = cls.create(folder, cls.open(source)._pointer.dim)
        made._source, made._progress = source, progress
        return made

    @property
    def kind(self) -> str:
        """How vectors are found, in a word for the manifest."""
        return "exact" if self._pointer.rows < EXACT else "graph (HNSW)"

    def add(self, numbers: Numbers, vectors: Vectors, facets: Sequence[Facets] = ()) -> None:
        """Add vectors under their numbers."""
        self._copy()
        if self._expected is not None:
            self._expected += len(numbers)
        self._ready = False
        missing = self._missing(numbers)
        for start in range(0, len(missing), AT_ONCE):
            self._send(
                [
                    as_row(int(numbers[at]), facets[at] if facets else Facets())
                    | {"vector": vectors[at]}
                    for at in missing[start : start + AT_ONCE].tolist()
                ]
            )

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number; what was not copied yet is not copied."""
        if self._source is not None:
            self._copy(numbers)
        else:
            self._delete(numbers)

    def save(self, progress: Progress = silent) -> None:
        """Make it durable on the server, indexed by its size."""
        self._copy()
        self._finish(lambda rows: FLAT if rows < EXACT else GRAPH, progress)

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        self.save()

        def ask(wanted: int, filtered: str) -> dict[str, Any]:
            ef = max(LEAST_EF, wanted * 2) * (FILTERED_EF if filtered else 1)
            params = {"metric_type": "IP", "params": {"ef": min(MOST_EF, ef)}}
            return {"data": [vector], "search_params": params}

        return self._best(k, expressions(allowed), ask)

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        self.save()
        of: dict[int, float] = {}
        for start in range(0, len(numbers), AT_ONCE):
            [wanted] = among("number", numbers[start : start + AT_ONCE])
            rows = self._ask("query", filter=wanted, output_fields=["number", "vector"])
            of |= {row["number"]: np.asarray(row["vector"], np.float32) @ vector for row in rows}
        return np.array([of[number] for number in numbers.tolist()], np.float32)

    def _provisional_index(self) -> dict[str, Any]:
        return FLAT

    def _copy(self, gone: Numbers | None = None) -> None:
        """Copy what the last generation has, once, without what is gone and what is there already."""
        if self._source is None:
            return
        old, self._source = type(self).open(self._source), None
        fields = ["release", "published", "issuer", "language", "fields", "vector"]
        with self._progress("copying vectors on Milvus", old._pointer.rows) as bar:
            for rows in old._pages("", fields):
                numbers = np.array([row["number"] for row in rows], np.int64)
                kept = ~np.isin(numbers, [] if gone is None else gone)
                if self._expected is not None:
                    self._expected += int(kept.sum())
                kept[kept] &= ~np.isin(numbers[kept], self._there)
                self._send([{**rows[at]} for at in np.flatnonzero(kept).tolist()])
                bar.update(len(rows))


def _schema(dim: int) -> Any:
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False)
    add_fields(schema)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    return schema
