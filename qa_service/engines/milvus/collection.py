"""A collection of a generation: made, filled, finished, opened, published under an alias, dropped.

A small file in the generation's folder names it, so what is published, and the way back, are decided as for
every other engine; a search asks the collection of its own generation. The alias is for others, who want
whatever is current. A collection is named by its index folder and by what is built, so that a build that
was killed is taken up by the next one; what none takes up, that build drops.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from qa_service.engines import Progress, silent
from qa_service.engines.milvus.filters import INDEXED
from qa_service.engines.milvus.naming import FILE, Pointer, dead_names, name_for, read_pointer
from qa_service.engines.milvus.server import PATIENCE_S, STALL_S, Server
from qa_service.errors import EngineError, GenerationCorrupt
from qa_service.types import Numbers, Scores

MOST = 16_384
"""Hits, or rows of a query, that the server gives at most."""

AT_ONCE = 2000
"""Rows sent or asked for at once."""


class MilvusCollection:
    """What dense and lexical search on a Milvus server have in common."""

    server: ClassVar[Server] = Server("")
    owner: ClassVar[Callable[[], str]]
    """Who the index folder is; asked by a build only."""

    words: ClassVar[Callable[[str], list[str]]]
    """The words of a text, folded and stemmed, in order."""

    vector_field: ClassVar[str]

    def __init__(self, folder: Path, pointer: Pointer, built: bool) -> None:
        self._folder = folder
        self._pointer = pointer
        self._name = pointer.collection
        self._ready = not built
        # What was written long ago is seen without waiting for the server's clock (0.2 s a search).
        self._consistency = "Strong" if built else "Bounded"
        # A build waits for a server that is away, a search does not.
        self._patience_s = PATIENCE_S if built else 0.0
        self._there: Numbers = np.empty(0, np.int64)
        self._expected: int | None = 0

    @classmethod
    def at(
        cls, server: Server, owner: Callable[[], str], words: Callable[[str], list[str]]
    ) -> type[Self]:
        """The engine on one server, for one index folder."""
        given = {"server": server, "owner": staticmethod(owner), "words": staticmethod(words)}
        return type(cls.__name__, (cls,), given)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Connect to the collection that is named in ``folder``.

        Raises:
            GenerationCorrupt: none is named, or the server does not have it.
            EngineError: the server cannot be reached.
        """
        pointer = read_pointer(folder)
        if not cls.server.call("has_collection", pointer.collection):
            raise GenerationCorrupt(
                f"{cls.server.uri} has no collection {pointer.collection}, which {folder / FILE} "
                "names: rebuild with `qa build --full`"
            )
        return cls(folder, pointer, built=False)

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Remove the collection that is named in ``folder``, if there is one, and what points to it."""
        with contextlib.suppress(GenerationCorrupt):
            _drop(cls.server, read_pointer(folder).collection)

    @classmethod
    def publish(cls, folder: Path) -> None:
        """Let the index folder's alias name this collection."""
        pointer = read_pointer(folder)
        call = cls.server.call
        known = call("list_aliases")["aliases"]
        if pointer.alias in known:
            call("alter_alias", pointer.collection, pointer.alias)
        else:
            call("create_alias", pointer.collection, pointer.alias)

    def check(self) -> None:
        """Ask the server whether it is there.

        Raises:
            EngineError: it is not.
        """
        self.server.call("get_server_version")

    @classmethod
    def _begin(cls, folder: Path, dim: int, make_schema: Callable[[], Any]) -> Self:
        """An empty collection, or that of a build of the same that was killed.

        Its name is noted first, so that it can be dropped in any case.
        """
        made = cls(folder, name_for(cls.owner(), folder, dim), built=True)
        folder.mkdir(parents=True, exist_ok=True)
        made._write()
        known = cls.server.call("list_collections", patience_s=PATIENCE_S)
        for dead in dead_names(cls.owner(), folder, known) - {made._name}:
            _drop(cls.server, dead)
        if made._name in known:
            made._take_up()
        else:
            made._call("create_collection", schema=make_schema())
        return made

    def _take_up(self) -> None:
        """Learn what a killed build has already sent."""
        self._index(self._provisional_index(), (), silent)
        self._load(silent)
        parts = [
            np.array([row["number"] for row in rows], np.int64) for rows in self._pages("", [])
        ]
        self._there = np.sort(np.concatenate([np.empty(0, np.int64), *parts]))
        self._call("release_collection")
        self._call("drop_index", self.vector_field)

    def _provisional_index(self) -> dict[str, Any]:
        """An index that costs nothing to make."""
        raise NotImplementedError

    def _missing(self, numbers: Numbers) -> Numbers:
        """Positions of those that are not on the server yet."""
        return np.flatnonzero(~np.isin(numbers, self._there))

    def _send(self, rows: list[dict[str, Any]]) -> None:
        """Put rows in; one that is sent twice is there once."""
        if rows:
            self._call("upsert", rows, timeout=max(60.0, self.server.timeout_s))
        self._ready = False

    def _delete(self, numbers: Numbers) -> None:
        for start in range(0, len(numbers), AT_ONCE):
            self._call("delete", ids=numbers[start : start + AT_ONCE].tolist())
        self._expected = None
        self._ready = False

    def _finish(self, index: Callable[[int], dict[str, Any]], progress: Progress = silent) -> None:
        """Make what was sent durable, indexed (by how many there are), loaded, and counted."""
        if self._ready:
            return
        self._call("flush", timeout=PATIENCE_S)
        rows = int(self._call("get_collection_stats")["row_count"])
        self._index(index(rows), INDEXED if self.server.has_inverted else (), progress)
        self._load(progress)
        self._pointer = Pointer(self._name, self._pointer.alias, self._pointer.dim, self._count())
        self._write()
        if self._expected not in (None, self._pointer.rows):
            _drop(self.server, self._name)
            raise EngineError(
                f"Milvus at {self.server.uri} has {self._pointer.rows} rows of the "
                f"{self._expected} sent to {self._name}, which was dropped: run `qa build` again"
            )
        self._ready = True

    def _count(self) -> int:
        asked = {"filter": "", "output_fields": ["count(*)"], "consistency_level": "Strong"}
        return int(self._call("query", **asked)[0]["count(*)"])

    def _index(self, vectors: dict[str, Any], scalars: Iterable[str], progress: Progress) -> None:
        from pymilvus import MilvusClient

        if self.vector_field not in self._call("list_indexes"):
            params = MilvusClient.prepare_index_params()
            own = {"params": json.dumps(vectors["params"])} if self.server.is_lite else {}
            params.add_index(self.vector_field, **vectors | {"params": vectors["params"] | own})
            for field in scalars:
                params.add_index(field, index_type="INVERTED")
            self._call("create_index", params, sync=False)

        def done() -> tuple[int, int]:
            told = self._call("describe_index", self.vector_field)
            if told["state"] == "Failed":
                raise EngineError(f"Milvus at {self.server.uri} cannot index {self._name}")
            total = int(told["total_rows"])
            return (total if told["state"] == "Finished" else int(told["indexed_rows"])), total

        self.server.wait(done, progress, f"indexing {self._folder.name} on Milvus")

    def _load(self, progress: Progress, stall_s: float = STALL_S) -> None:
        self._call("load_collection", _async=True)

        def done() -> tuple[int, int]:
            told = self._call("get_load_state")
            return (100, 100) if told["state"].name == "Loaded" else (told.get("progress", 0), 100)

        self.server.wait(done, progress, f"loading {self._folder.name} on Milvus", stall_s)

    def _ask(self, method: str, **named: Any) -> Any:
        """A search or query; where the server has nothing loaded, as after a restart, it loads first."""
        named.setdefault("consistency_level", self._consistency)
        try:
            return self.server.call(method, self._name, **named)
        except EngineError as error:
            if "not loaded" not in str(error) and "not fully loaded" not in str(error):
                raise
        self._load(silent, self.server.timeout_s)
        return self.server.call(method, self._name, **named)

    def _best(
        self, k: int, filters: Iterator[str], ask: Callable[[int, str], dict[str, Any]]
    ) -> tuple[Numbers, Scores]:
        """The ``k`` best under any of the filters; best first, ties by number."""
        numbers, scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for filtered in filters if k else ():
            found = self._best_of_one(min(k, MOST), filtered, ask)
            numbers.append(found[0])
            scores.append(found[1])
        all_numbers, all_scores = np.concatenate(numbers), np.concatenate(scores)
        order = np.lexsort((all_numbers, -all_scores))[:k]
        return all_numbers[order], all_scores[order]

    def _best_of_one(
        self, k: int, filtered: str, ask: Callable[[int, str], dict[str, Any]]
    ) -> tuple[Numbers, Scores]:
        """All hits of at least the ``k``-th score: the server cuts ties as it likes."""
        wanted = min(MOST, k + 1)
        while True:
            named = {"limit": wanted, "filter": filtered, "anns_field": self.vector_field}
            [hits] = self._ask("search", **named, **ask(wanted, filtered))
            numbers = np.array(hits.ids, np.int64)
            scores = self._as_scores(np.array(hits.distances, np.float32))
            all_tied = len(numbers) == wanted and scores[-1] == scores[k - 1]
            if not all_tied or wanted == MOST:
                return numbers, scores
            wanted = min(MOST, wanted * 4)

    def _as_scores(self, distances: Scores) -> Scores:
        """Higher is better."""
        return distances

    def _pages(self, filtered: str, fields: list[str]) -> Iterator[list[dict[str, Any]]]:
        """All rows under a filter, in parts."""
        asked = {"filter": filtered, "output_fields": ["number", *fields], "batch_size": AT_ONCE}
        pages = self._ask("query_iterator", **asked)
        while rows := self.server.run(lambda _client: pages.next()):
            yield list(rows)
        self.server.run(lambda _client: pages.close())

    def _call(self, method: str, *given: Any, **named: Any) -> Any:
        return self.server.call(method, self._name, *given, patience_s=self._patience_s, **named)

    def _write(self) -> None:
        (self._folder / FILE).write_text(json.dumps(asdict(self._pointer)))


def _drop(server: Server, name: str) -> None:
    if not server.call("has_collection", name):
        return
    for alias in server.call("list_aliases", name)["aliases"]:
        server.call("drop_alias", alias)
    server.call("drop_collection", name)
