"""What is measured of one engine, in a process of its own; the standard library alone, for every venv.

    PYTHON with_NAME.py build|serve|parts WORK

``build`` makes the index in ``WORK/NAME`` from passages whose vectors are known, and embeds a sample as the
engine itself does. ``serve`` opens it, searches, adds a release. ``parts``, of ours
alone, searches with less. Each prints one line of JSON.
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

K = 10
STAGE_K = 30
"""Hits that each stage of a hybrid search gives to its fusion."""
CLIENTS = 16
ROUNDS = 2
"""How often the queries are asked in all by so many clients."""
WARM = 5


class Engine(Protocol):
    """What is compared. Passages are objects with ``id``, ``text`` and ``vector``."""

    def embed(self, texts: Sequence[str]) -> Any:
        """Embed as a build would."""

    def build(self, passages: Sequence[dict[str, Any]]) -> None:
        """Index them and keep it in the folder."""

    def open(self) -> None:
        """Ready to search what was built."""

    def search(self, query: str) -> list[str]:
        """The ids of the best :data:`K` passages."""

    def add(self, passages: Sequence[dict[str, Any]]) -> None:
        """Index more, which have no vectors yet, and keep it in the folder."""


def main(make: Callable[[Path, Path], Engine]) -> None:
    """Run one phase; ``make`` takes the engine's folder and the folder of the model."""
    phase, work = sys.argv[1], Path(sys.argv[2])
    given = json.loads((work / "given.json").read_text())
    home = work / Path(sys.argv[0]).stem.removeprefix("with_")
    home.mkdir(exist_ok=True)
    engine = make(home, Path(given["model"]))
    phases: dict[str, Callable[[Any, Path, dict[str, Any]], dict[str, Any]]] = {
        "build": build,
        "serve": serve,
        "parts": parts,
    }
    print(json.dumps(phases[phase](engine, work, given)))


def build(engine: Engine, work: Path, given: dict[str, Any]) -> dict[str, Any]:
    """The seconds of indexing, and the texts embedded a second."""
    passages = read(work / "passages.jsonl")
    sample = [one["text"] for one in passages[:: max(1, len(passages) // given["sample"])]]
    engine.embed(sample[:32])
    began = time.perf_counter()
    engine.embed(sample)
    embedding = time.perf_counter() - began
    began, worked = time.perf_counter(), worked_s()
    engine.build(passages)
    index_s, worked = time.perf_counter() - began, worked_s() - worked
    return less(engine, passages) | {
        "index_s": index_s,
        "index_worked_s": worked,
        "embedded_per_s": len(sample) / embedding,
        "peak_mb": memory_mb("VmHWM"),
    }


def less(engine: Any, passages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The seconds of the steps of ours, and of indexing no more than the others do."""
    if not hasattr(engine, "build_less"):
        return {}
    began = time.perf_counter()
    engine.build_less(passages)
    return {"index_less_s": time.perf_counter() - began, "index_steps": engine.took_s}


def parts(engine: Any, _work: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Times and rankings of each search of ``engine.parts()``, over the same index."""
    engine.open()
    facts: dict[str, Any] = {}
    for what, search in engine.parts().items():
        only = SimpleNamespace(search=search)
        for query in given["queries"][:WARM]:
            search(query)
        facts[what] = searched(only, given)
        facts[what]["found"] = [search(question) for question in given["questions"]]
    return {"parts": facts}


def serve(engine: Engine, work: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Times of searches, memory, rankings; then the same after one release was added."""
    facts: dict[str, Any] = {"libraries_mb": memory_mb("RssAnon")}
    began = time.perf_counter()
    engine.open()
    engine.search(given["queries"][0])
    facts["open_s"] = time.perf_counter() - began
    for query in given["queries"][:WARM]:
        engine.search(query)
    facts |= searched(engine, given)
    facts["memory_mb"] = memory_mb("VmRSS")
    facts["own_mb"] = memory_mb("RssAnon")
    facts["before"] = [engine.search(question) for question in given["questions"]]
    began = time.perf_counter()
    engine.add(read(work / "added.jsonl"))
    facts["add_s"] = time.perf_counter() - began
    facts["add_steps"] = getattr(engine, "took_s", {})
    facts["after"] = [engine.search(question) for question in given["questions"]]
    return facts


def searched(engine: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Seconds of each search by one client and by several, and searches a second by several."""
    worked = worked_s()
    alone = asked(engine, given["queries"], 1)
    worked = worked_s() - worked
    began = time.perf_counter()
    together = asked(engine, given["queries"] * ROUNDS, CLIENTS)
    per_s = len(together) / (time.perf_counter() - began)
    return {
        "alone_s": alone,
        "together_s": together,
        "together_per_s": per_s,
        "worked_s": worked / len(alone),
    }


def asked(engine: Engine, queries: Sequence[str], clients: int) -> list[float]:
    """Seconds of each search by so many threads, which share the queries."""
    waiting = list(queries)
    took: list[float] = []

    def client() -> None:
        while True:
            try:
                query = waiting.pop()
            except IndexError:
                return
            began = time.perf_counter()
            engine.search(query)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != len(queries):
        raise SystemExit(f"only {len(took)} of {len(queries)} searches came back")
    return took


def worked_s() -> float:
    """Seconds of processors, those of ended children too: what else runs beside it changes them little."""
    ours, theirs = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return ours.ru_utime + ours.ru_stime + theirs.ru_utime + theirs.ru_stime


def memory_mb(name: str) -> float:
    """A line of ``/proc/self/status``, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def read(path: Path) -> list[dict[str, Any]]:
    """Passages, a line each; vectors are beside them, as JSON cannot hold them well."""
    with path.open(encoding="utf-8") as lines:
        passages = [json.loads(line) for line in lines]
    beside = path.with_suffix(".npy")
    if beside.exists():
        import numpy as np

        for passage, vector in zip(passages, np.load(beside), strict=True):
            passage["vector"] = vector
    return passages
