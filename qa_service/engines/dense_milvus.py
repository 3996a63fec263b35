"""Dense search on a Milvus server (Wang et al. 2021, doi:10.1145/3448016.3457550).

A generation is a collection, which a small file in its folder names; so what is published, and the way
back, are decided as for every other engine. The server may be restarted: the collection is then loaded
again by the next search.
"""

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from qa_service.engines import Allowed
from qa_service.errors import EngineError, EngineTimeout, GenerationCorrupt
from qa_service.types import Numbers, Scores, Vectors

FILE = "collection.json"
AT_ONCE = 2000
"""Vectors sent, or numbers named in a filter, at once."""

MOST = 16_384
"""Hits that the server gives at most."""

EXACT = 100_000
"""Vectors from which on there is a graph (HNSW); fewer are all compared."""

FILTERED_EF = 4
"""A filter hides neighbours that a search of the graph goes by: it looks at so many times as many."""

RETRIES = 2
FIRST_WAIT_S = 0.2

T = TypeVar("T")


class MilvusDense:
    """One collection: numbers and their vectors."""

    uri: ClassVar[str] = ""
    timeout_s: ClassVar[float] = 20.0

    def __init__(self, folder: Path, collection: str, dim: int) -> None:
        self._folder = folder
        self._name = collection
        self._dim = dim
        self._client: Any = None
        self._ready = False

    @classmethod
    def create(cls, folder: Path, dim: int) -> Self:
        """Start an empty collection; its name is noted first, so that it can be dropped in any case."""
        generation = re.sub(r"\W", "_", folder.absolute().parent.name)
        made = cls(folder, f"qa_{generation[-60:]}_{secrets.token_hex(4)}", dim)
        folder.mkdir(parents=True, exist_ok=True)
        named = {"collection": made._name, "dim": dim, "uri": cls.uri}
        (folder / FILE).write_text(json.dumps(named))
        made._call(made._make)
        return made

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Connect to the collection that is named in ``folder``.

        Raises:
            GenerationCorrupt: none is named, or the server does not have it.
            EngineError: the server cannot be reached.
        """
        try:
            named = json.loads((folder / FILE).read_text())
            opened = cls(folder, str(named["collection"]), int(named["dim"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GenerationCorrupt(
                f"{folder / FILE} names no collection: rebuild with `qa build`"
            ) from error
        if not opened._call(lambda client: client.has_collection(opened._name)):
            raise GenerationCorrupt(
                f"{cls.uri} has no collection {opened._name}, which {folder / FILE} names: "
                "rebuild with `qa build --full`"
            )
        return opened

    @classmethod
    def revise(cls, source: Path, folder: Path) -> Self:
        """A copy of the collection of ``source``, to be changed."""
        old = cls.open(source)
        made = cls.create(folder, old._dim)
        for numbers, vectors in old._everything():
            made.add(numbers, vectors)
        return made

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Remove the collection that is named in ``folder``, if there is one."""
        with contextlib.suppress(GenerationCorrupt):
            opened = cls.open(folder)
            opened._call(lambda client: client.drop_collection(opened._name))

    @property
    def kind(self) -> str:
        """How vectors are found, in a word for the manifest."""
        return "exact" if self._size() < EXACT else "graph (HNSW)"

    def check(self) -> None:
        """Ask the server whether it is there.

        Raises:
            EngineError: it is not.
        """
        self._call(lambda client: client.get_server_version(timeout=self.timeout_s), retries=0)

    def add(self, numbers: Numbers, vectors: Vectors) -> None:
        """Add vectors under their numbers."""
        for start in range(0, len(numbers), AT_ONCE):
            rows = [
                {"number": number, "vector": vector}
                for number, vector in zip(
                    numbers[start : start + AT_ONCE].tolist(),
                    vectors[start : start + AT_ONCE],
                    strict=True,
                )
            ]
            self._call(partial(_upsert, self._name, rows))
        self._ready = False

    def remove(self, numbers: Numbers) -> None:
        """Remove vectors by number."""
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE].tolist()
            self._call(partial(_delete, self._name, some))
        self._ready = False

    def save(self) -> None:
        """Make it durable on the server, indexed by its size."""
        self._prepare()

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` greatest inner products with ``vector``."""
        self._prepare()
        k = min(k, self._size() if allowed is None else len(allowed.passages), MOST)
        found = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        if k:
            for filtered in _filters(allowed):
                numbers, scores = self._best(vector, k, filtered)
                found[0].append(numbers)
                found[1].append(scores)
        numbers, scores = np.concatenate(found[0]), np.concatenate(found[1])
        order = np.lexsort((numbers, -scores))[:k]
        return numbers[order], scores[order]

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The inner products of the vectors under ``numbers`` with ``vector``."""
        self._prepare()
        scores = np.empty(len(numbers), np.float32)
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE].tolist()
            rows = self._loaded(partial(_vectors, self._name, some, self.timeout_s))
            of = {row["number"]: np.asarray(row["vector"], np.float32) @ vector for row in rows}
            scores[start : start + len(some)] = [of[number] for number in some]
        return scores

    def _best(self, vector: Vectors, k: int, filtered: str) -> tuple[Numbers, Scores]:
        """All hits of at least the ``k``-th score: the server cuts ties as it likes."""
        wanted = min(MOST, k + 1)
        while True:
            ef = wanted * 2 * (FILTERED_EF if filtered else 1)
            params = {"ef": min(32_768, max(256, ef))}
            asked = {
                "data": [vector],
                "limit": wanted,
                "filter": filtered,
                "search_params": {"metric_type": "IP", "params": params},
                "consistency_level": "Strong",
                "timeout": self.timeout_s,
            }
            hits = self._loaded(partial(_search, self._name, asked))
            numbers = np.array([hit["id"] for hit in hits], np.int64)
            scores = np.array([hit["distance"] for hit in hits], np.float32)
            all_tied = len(hits) == wanted and scores[-1] == scores[min(k, len(hits)) - 1]
            if not all_tied or wanted == MOST:
                return numbers, scores
            wanted = min(MOST, wanted * 4)

    def _everything(self) -> Iterator[tuple[Numbers, Vectors]]:
        """All there is, in parts."""
        self._prepare()
        pages = self._loaded(
            lambda client: client.query_iterator(
                self._name, batch_size=AT_ONCE, output_fields=["number", "vector"]
            )
        )
        while rows := self._call(lambda _client: pages.next()):
            yield (
                np.array([row["number"] for row in rows], np.int64),
                np.array([row["vector"] for row in rows], np.float32),
            )

    def _make(self, client: Any) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False)
        schema.add_field("number", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dim)
        client.create_collection(self._name, schema=schema, timeout=self.timeout_s)

    def _prepare(self) -> None:
        """Flush, index and load what was changed."""
        if self._ready:
            return
        self._call(lambda client: client.flush(self._name))
        graph = self._size() >= EXACT
        kind = {"index_type": "HNSW", "params": {"M": 16, "efConstruction": 200}}
        given = kind if graph else {"index_type": "FLAT", "params": {}}

        def index(client: Any) -> None:
            if not client.list_indexes(self._name):
                params = client.prepare_index_params()
                params.add_index("vector", metric_type="IP", **given)
                client.create_index(self._name, params)
            client.load_collection(self._name)

        self._call(index)
        self._ready = True

    def _size(self) -> int:
        rows = self._call(lambda client: client.get_collection_stats(self._name))
        return int(rows["row_count"])

    def _loaded(self, act: Callable[[Any], T]) -> T:
        """Do it; where the server has nothing loaded, as after a restart, load it and do it again."""
        try:
            return self._call(act)
        except EngineError as error:
            if "not loaded" not in str(error):
                raise
        self._call(lambda client: client.load_collection(self._name))
        return self._call(act)

    def _call(self, act: Callable[[Any], T], retries: int = RETRIES) -> T:
        """Do it, again after a pause if the server does not answer.

        Raises:
            EngineTimeout: it does not answer in time.
            EngineError: it cannot be reached, or refuses.
        """
        from pymilvus import MilvusClient, MilvusException

        for attempt in range(retries + 1):
            try:
                if self._client is None:
                    self._client = MilvusClient(self.uri, timeout=self.timeout_s)
                return act(self._client)
            except MilvusException as error:
                said = f"Milvus at {self.uri}: {error.message}"
                if not _passes(error) or attempt == retries:
                    late = "deadline" in said.lower() or "timeout" in said.lower()
                    raise (EngineTimeout if late else EngineError)(said) from error
                self._client = None
                time.sleep(FIRST_WAIT_S * 2**attempt)
        raise AssertionError


def _upsert(name: str, rows: list[dict[str, Any]], client: Any) -> Any:
    return client.upsert(name, rows)


def _delete(name: str, numbers: list[int], client: Any) -> Any:
    return client.delete(name, ids=numbers)


def _search(name: str, asked: dict[str, Any], client: Any) -> Any:
    return client.search(name, **asked)[0]


def _vectors(name: str, numbers: list[int], timeout_s: float, client: Any) -> Any:
    return client.query(
        name,
        filter=f"number in {numbers}",
        output_fields=["number", "vector"],
        consistency_level="Strong",
        timeout=timeout_s,
    )


def _passes(error: Any) -> bool:
    """Whether it may be otherwise soon: the server starts, or the way to it is cut."""
    said = str(error).lower()
    return any(one in said for one in ("connect", "unavailable", "not ready", "recovering"))


def _filters(allowed: Allowed | None) -> Iterator[str]:
    """Filters that each name no more numbers than the server takes; nothing: all."""
    if allowed is None:
        yield ""
        return
    for start in range(0, len(allowed.passages), AT_ONCE * 8):
        yield f"number in {allowed.passages[start : start + AT_ONCE * 8].tolist()}"
