"""How fast, how large and how right is dense search at 10,000, 100,000, 1,000,000 vectors?

    .venv/bin/python benchmarks/bench_dense.py 1000000 --kinds faiss,faiss-flat,faiss-rabitq
    .venv/bin/python benchmarks/bench_dense.py 100000 --kinds faiss,milvus
    .venv/bin/python benchmarks/bench_dense.py --real index/g2026…

Vectors are clustered ones (``clustered.py``) of 384 dimensions or, with ``--real``, those of a published
generation: of its passages, and of its passages and sentences together. There the queries are sentences,
which are then not in the index. Beside every kind of index stands raw
FAISS in the same run: a flat index in memory, searched with one thread. Recall is that of the ten best
beside comparing every vector. A search asks for 100, as the service does.

Kind ``milvus`` runs on the server that ``--milvus`` names or, without it, on Milvus 2.3.5 with its own
settings, which the package ``milvus`` starts here; what a filter finds is then told by how far the graph is
searched (``ef``), too. Its memory and disk are the server's and not measured.
"""

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from clustered import DIM, passages, queries

from qa_service.engines import Allowed, DenseIndex
from qa_service.engines.dense_faiss import FILE
from qa_service.engines.milvus import MilvusDense, Server
from qa_service.engines.milvus import dense as milvus_dense
from qa_service.index.generation import DENSE as GENERATION_DENSE
from qa_service.index.generation import SENTENCES
from qa_service.index.sentence_vectors import VECTORS
from qa_service.types import Vectors
from qa_service.wiring import DENSE

QUERIES = 300
K = 100


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--kinds", default="faiss,faiss-flat,faiss-sq8,faiss-rabitq")
    parser.add_argument("--real", type=Path, help="the folder of a generation")
    parser.add_argument("--milvus", default="", help="such as http://localhost:19530")
    given = parser.parse_args()
    engines = dict(DENSE)
    with contextlib.ExitStack() as stack:
        if "milvus" in given.kinds:
            uri = given.milvus or stack.enter_context(started())
            engines["milvus"] = MilvusDense.at(Server(uri, 60), lambda: "bench", str.split)
        kinds = {kind: engines[kind] for kind in given.kinds.split(",")}
        if given.real:
            measure_real(given.real, kinds)
        for size in given.sizes if not given.real else []:
            measure(passages(size), None, kinds)


def measure_real(folder: Path, kinds: dict[str, type[DenseIndex]]) -> None:
    """Two tables of the vectors of real texts."""
    own, sentences = real(folder)
    chosen = np.zeros(len(sentences), np.bool_)
    chosen[np.random.default_rng(6).choice(len(sentences), QUERIES, replace=False)] = True
    measure([own], sentences[chosen], kinds)
    measure([own, sentences[~chosen]], sentences[chosen], kinds)


def real(folder: Path) -> tuple[Vectors, Vectors]:
    """The vectors of passages and of sentences, equal ones once."""
    import faiss

    index = faiss.read_index(str(folder / GENERATION_DENSE / FILE))
    own = index.reconstruct_n(0, index.ntotal)
    sentences = np.load(folder / SENTENCES / VECTORS).astype(np.float32)
    sentences /= np.linalg.norm(sentences, axis=1, keepdims=True)
    return np.unique(own, axis=0), np.unique(sentences, axis=0)


@contextlib.contextmanager
def started() -> Iterator[str]:
    """The address of a server that is started here, with its own settings."""
    from milvus import MilvusServer

    with tempfile.TemporaryDirectory() as folder:
        server = MilvusServer()
        server.set_base_dir(folder)
        server.listen_port = 29530
        server.start()
        yield "http://127.0.0.1:29530"
        server.stop()


def measure(
    parts: Iterable[Vectors], asked: Vectors | None, kinds: dict[str, type[DenseIndex]]
) -> None:
    """One table."""
    import faiss

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(DIM)
    for part in parts:
        flat.add(np.ascontiguousarray(part))
    size = flat.ntotal
    rows = faiss.rev_swig_ptr(flat.get_xb(), size * DIM).reshape(size, DIM)
    asked = queries(rows, QUERIES) if asked is None else asked
    truth, raw = [], []
    for query in asked:
        began = time.perf_counter()
        _, found = flat.search(query[None], K)
        raw.append(time.perf_counter() - began)
        truth.append(found[0][:10])
    base = float(np.median(raw)) * 1000
    vectors_mb = size * DIM * 4 / 1e6
    print(f"\n{size:,} vectors of {DIM}, {vectors_mb:,.0f} MB; raw flat FAISS p50 {base:.2f} ms")
    print(f"{'':14}{'p50 ms':>8}{'p99':>8}{'x raw':>7}{'@10':>7}{'10 % @10':>10}", end="")
    print(f"{'build s':>9}{'+1 s':>7}{'open s':>8}{'x disk':>8}{'x mem':>7}")
    faiss.omp_set_num_threads(2)
    for kind, engine in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            row((kind, engine), Path(folder), rows, asked, truth, base)


def row(
    of: tuple[str, type[DenseIndex]],
    folder: Path,
    rows: Vectors,
    asked: Vectors,
    truth: list[Any],
    base: float,
) -> None:
    """Build, add one release, open, search without and with a filter of a tenth; print it."""
    size, (kind, engine) = len(rows), of
    numbers = np.arange(size, dtype=np.int64) << 20
    began = time.perf_counter()
    made = engine.create(folder / "a", DIM)
    made.add(numbers, rows)
    sent_s = time.perf_counter() - began
    made.save()
    build_s = time.perf_counter() - began
    del made
    began = time.perf_counter()
    revised = engine.revise(folder / "a", folder / "b")
    revised.remove(numbers[:4])
    revised.add(numbers[:4] + 1, rows[:4])
    revised.save()
    added_s = time.perf_counter() - began
    del revised
    engine.drop(folder / "b")
    shutil.rmtree(folder / "b")
    disk = sum(path.stat().st_size for path in (folder / "a").iterdir())
    before = resident_bytes()
    began = time.perf_counter()
    index = engine.open(folder / "a")
    open_s = time.perf_counter() - began
    took, recall = searched(index, asked, numbers, truth, None)
    memory = resident_bytes() - before
    tenth = np.sort(np.random.default_rng(3).choice(numbers, size // 10, replace=False))
    kept = tenth >> 20
    best = [kept[np.argsort(-(rows[kept] @ query), kind="stable")[:10]] for query in asked[:100]]
    allowed = Allowed(tenth[:0], tenth)
    _, filtered = searched(index, asked[:100], numbers, best, allowed)
    p50, p99 = np.percentile(took, [50, 99]) * 1000
    stored = size * DIM * 4
    print(
        f"{kind:14}{p50:8.2f}{p99:8.2f}{p50 / base:7.2f}{recall:7.3f}{filtered:10.3f}{build_s:9.1f}"
        f"{added_s:7.1f}{open_s:8.3f}{disk / stored:8.2f}{memory / stored:7.2f}   {index.kind}",
        flush=True,
    )
    if isinstance(index, MilvusDense):
        print(
            f"  {size / sent_s:,.0f} vectors a second sent, {build_s - sent_s:.0f} s to index and load"
        )
        by_ef(index, asked[:100], numbers, best, allowed)
    engine.drop(folder / "a")


def by_ef(
    index: MilvusDense, asked: Vectors, numbers: Any, best: list[Any], allowed: Allowed
) -> None:
    """What a filter of a tenth finds, by how far the graph is searched."""
    usual = (milvus_dense.LEAST_EF, milvus_dense.FILTERED_EF)
    for ef in (256, 512, 1024, 2048):
        milvus_dense.LEAST_EF, milvus_dense.FILTERED_EF = ef, 1
        took, recall = searched(index, asked, numbers, best, allowed)
        print(f"{f'  filter, ef {ef}':16}{np.median(took) * 1000:8.2f} ms, recall@10 {recall:.3f}")
    milvus_dense.LEAST_EF, milvus_dense.FILTERED_EF = usual


def searched(
    index: DenseIndex, asked: Vectors, numbers: Any, truth: list[Any], allowed: Allowed | None
) -> tuple[list[float], float]:
    """Seconds of each search, and recall@10."""
    took, hits = [], 0
    for query, best in zip(asked, truth, strict=True):
        began = time.perf_counter()
        found, _ = index.search(query, K, allowed)
        took.append(time.perf_counter() - began)
        hits += len(np.intersect1d(found[:10], numbers[best]))
    return took, hits / (10 * len(asked))


def resident_bytes() -> int:
    """Memory of this process, mapped files that were touched included."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096


if __name__ == "__main__":
    main()
