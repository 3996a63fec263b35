"""How does a whole search (dense, words, fusion) grow from 10,000 to 1,000,000 passages?

    .venv/bin/python benchmarks/bench_scale.py 10000 100000 1000000 --sentences /path/to/corpus.jsonl

Generations are made by ``large.py``. Questions are words of a passage, with the name that its release alone
has in every other one; their vectors lie near that of the passage. The model is left out (a question's
embedding takes the same time at every size; the last line measures it). Each size is opened in a process
of its own. Beside the whole search stand raw FAISS (a flat index of the same vectors in memory) and a raw
search of tantivy over the passages, in the same run. Where other work shares the processors, the time that
they worked for a search says more than the time by the clock.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from clustered import DIM, unit
from large import Invented, sentences_of, write_generation

from qa_service.engines import Embedder
from qa_service.engines.dense_faiss import FILE
from qa_service.index import EmbedderSpec, Engines, Generation, open_current
from qa_service.index.generation import DENSE
from qa_service.index.plan import Clock
from qa_service.search import CANDIDATES, Stages, search
from qa_service.settings import read_settings
from qa_service.types import Filters, Vectors
from qa_service.understanding import Reading, understand
from qa_service.wiring import DENSE as DENSE_KINDS
from qa_service.wiring import LEXICAL, make_engines

QUESTIONS = 200
WORDS = 8


class Given:
    """Instead of a model: the vector of a question is looked up; its other wordings have it too."""

    fingerprint = "none@1"
    dim = DIM

    def __init__(self, model: Embedder | None = None) -> None:
        """``model`` embeds, too, for the time that it takes."""
        self.vector: Vectors = np.zeros(DIM, np.float32)
        self._model = model

    def reads(self, _text: str) -> bool:
        """Every language."""
        return True

    def knows(self, _word: str) -> bool:
        """Every word but a name."""
        return True

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """The one vector."""
        if self._model:
            self._model.embed_queries(texts)
        return np.repeat(self.vector[None], len(texts), axis=0)

    embed_passages = embed_queries


def packaged() -> Embedder:
    """The model of the settings."""
    settings = read_settings()
    spec = EmbedderSpec(
        name=settings.embedder, fingerprint="", dim=0, query_prefix=None, passage_prefix=None
    )
    return make_engines(settings).embedder(spec)


def main() -> None:
    """Make and measure each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--sentences", type=Path)
    parser.add_argument("--dense", default="faiss")
    parser.add_argument("--at", type=Path, help="measure the generation that is there")
    parser.add_argument("--model", action="store_true", help="embed the questions, too")
    given = parser.parse_args()
    if given.at:
        print(json.dumps(measured(given.at, packaged() if given.model else None)))
        return
    sentences = sentences_of(given.sentences)
    first: dict[str, float] = {}
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as name:
            began, clock = time.process_time(), Clock()
            invented, vectors = write_generation(Path(name), size, sentences, given.dense, clock)
            built = time.process_time() - began
            ask_about(Path(name), invented, vectors)
            del vectors
            sizes = sizes_of(Path(name) / f"g{size}", size)
            command = [sys.executable, __file__, "--at", name, *["--model"] * given.model]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        first = first or told
        report(size, told, first, sizes, f"{built:.0f} s of a processor: {clock.took_s}")
    print(f"embedding a question: {embedding_ms():.2f} ms")


def ask_about(folder: Path, invented: Invented, vectors: Vectors) -> None:
    """Note questions beside the generation, with their vectors and the best by comparing everything."""
    draw = random.Random(3)
    numbers = np.load(folder / f"g{len(vectors)}" / "columns" / "numbers.npy")
    place = {int(number): at for at, number in enumerate(numbers)}
    texts, rows = [], []
    for n in range(QUESTIONS):
        at = draw.randrange(invented.count)
        chosen = draw.randrange(len(invented.texts(at)))
        words = invented.texts(at)[chosen].split()
        start = draw.randrange(max(1, len(words) - WORDS))
        said = " ".join(words[start : start + WORDS])
        texts.append(f"What did {invented.name(at)} say about {said}?" if n % 2 else said)
        rows.append(vectors[place[invented.spans(at)[chosen][0]]])
    noise = np.random.default_rng(4).standard_normal((QUESTIONS, DIM), np.float32) / np.sqrt(DIM)
    asked = unit(np.array(rows) * 0.7 + noise * 0.7)
    best = [numbers[np.argsort(-(vectors @ one))[:10]].tolist() for one in asked]
    (folder / "questions.json").write_text(json.dumps([texts, asked.tolist(), best]))


def measured(index: Path, embedder: Embedder | None = None) -> dict[str, float]:
    """Of the generation in ``index``: seconds to open it, milliseconds, memory, recall."""
    texts, vectors, best = json.loads((index / "questions.json").read_text())
    asked = np.array(vectors, np.float32)
    model = Given(embedder)
    engines = Engines(lambda _spec: model, DENSE_KINDS.__getitem__, LEXICAL.__getitem__)
    warm_up(index, engines, model, texts[0], asked[0])
    before = resident_bytes()
    began = time.perf_counter()
    opened = open_current(index, engines)
    open_s = time.perf_counter() - began
    took: dict[str, list[float]] = {}
    hits = 0
    with closing(opened) as generation:
        for run in range(2):
            for text, vector, nearest in zip(texts, asked, best, strict=True):
                model.vector = vector
                began, worked = time.perf_counter(), time.process_time()
                stages = one_search(generation, text)
                whole, worked = time.perf_counter() - began, time.process_time() - worked
                if run:
                    note(took, "whole", whole * 1000)
                    note(took, "worked", worked * 1000)
                    for stage, ms in stages.took_ms.items():
                        note(took, stage, ms)
                    numbers, _ = generation.dense.search(vector, CANDIDATES, None)
                    hits += len(np.intersect1d(numbers[:10], nearest))
        own, mapped = (now - then for now, then in zip(resident_bytes(), before, strict=True))
        raw(generation, index, texts, asked, took)
    told = {name: float(np.median(values)) for name, values in took.items()}
    p99 = float(np.percentile(took["whole"], 99))
    recall = hits / (10 * len(texts))
    return told | {"p99": p99, "open_s": open_s, "own": own, "mapped": mapped, "recall": recall}


def warm_up(index: Path, engines: Engines, model: Given, text: str, vector: Vectors) -> None:
    """Load what a first search loads, whatever its size."""
    model.vector = vector
    with closing(open_current(index, engines)) as generation:
        one_search(generation, text)


def one_search(generation: Generation, text: str) -> Stages:
    """As the service searches."""
    return search(generation, understand(generation, text, Filters(), Reading(1000)), 10)


def raw(
    generation: Generation, index: Path, texts: list[str], asked: Vectors, took: dict[str, Any]
) -> None:
    """FAISS and tantivy by themselves."""
    import faiss

    flat = faiss.read_index(str(index / generation.generation_id / DENSE / FILE))
    faiss.omp_set_num_threads(1)
    for text, vector in zip(texts, asked, strict=True):
        for name, step in (
            ("raw FAISS", lambda v=vector: flat.search(v[None], CANDIDATES)),
            ("raw tantivy", lambda t=text: generation.lexical.search(t, CANDIDATES, None)),
        ):
            began = time.perf_counter()
            step()
            note(took, name, (time.perf_counter() - began) * 1000)


def note(took: dict[str, list[float]], name: str, ms: float) -> None:
    """One more measurement."""
    took.setdefault(name, []).append(ms)


def report(
    size: int, told: dict[str, float], first: dict[str, float], sizes: dict[str, float], built: str
) -> None:
    """Print what was measured of one size."""
    stored = (sizes["dense"] + sizes["sentences"]) * size
    parts = ", ".join(f"{name} {value:,.0f}" for name, value in sizes.items())
    names = ("lexical", "dense", "fuse", "raw FAISS", "raw tantivy")
    stages = ", ".join(f"{name} {told[name]:.2f}" for name in names)
    print(
        f"\n{size:,} passages; built in {built}\n"
        f"  whole search p50 {told['whole']:.2f} ms, p99 {told['p99']:.2f}, "
        f"{told['whole'] / first['whole']:.2f} x the first size; of a processor p50 "
        f"{told['worked']:.2f} ms, {told['worked'] / first['worked']:.2f} x\n"
        f"  by stage {stages}\n"
        f"  recall@10 of dense {told['recall']:.3f}; open {told['open_s']:.3f} s; "
        f"memory {told['own'] / stored:.2f} x the vectors as stored, of mapped files touched "
        f"{told['mapped'] / stored:.2f}\n"
        f"  bytes a passage: {sum(sizes.values()):,.0f} ({parts})",
        flush=True,
    )


def sizes_of(folder: Path, size: int) -> dict[str, float]:
    """Bytes a passage by part."""
    found: dict[str, float] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            part = path.relative_to(folder).parts[0]
            found[part] = found.get(part, 0) + path.stat().st_size / size
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def resident_bytes() -> tuple[int, int]:
    """Memory that only this process has, and pages of mapped files that it touched."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    own, mapped = (int(lines[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))
    return own, mapped


def embedding_ms() -> float:
    """A question of the usual length by the packaged model."""
    embedder = packaged()
    took = []
    for n in range(60):
        began = time.perf_counter()
        embedder.embed_queries([f"What did Norvik say about the harbour in the year {n}?"])
        took.append((time.perf_counter() - began) * 1000)
    return float(np.median(took[10:]))


if __name__ == "__main__":
    main()
