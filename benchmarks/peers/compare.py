"""How does a search here stand beside txtai, Chroma, LlamaIndex and Haystack, over the same passages?

    .venv/bin/python benchmarks/peers/compare.py [FOLDER] [--work DIR] [--only ours,txtai] [--write]

FOLDER (default ../shared/data) has ``doj/corpus.jsonl`` (releases) and ``prqa-dev/questions.jsonl``
(questions with their quotes); without it there is nothing to compare over. Each peer runs in a venv of its
own, which ``install.sh`` makes from PyPI. ``--work`` keeps the passages and their vectors for the next run,
``--write`` writes the table
of PEERS.md.

Everybody has the same passages, each with its release's title, the same model, and vectors that are known:
embedding 30,000 passages takes everybody as long as the model does, and is measured on a sample. Engines
run in their own process, one after the other: one to build, one to search.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))

from loading import quantile_ms

from qa_service.engines.dense_faiss import FILE, NUMBERS
from qa_service.engines.embedder_sentence_transformers import packaged_folder
from qa_service.evidence import Question, measure, read_questions
from qa_service.index import Generation, open_current
from qa_service.index.generation import DENSE
from qa_service.passages import in_context
from qa_service.settings import read_settings
from qa_service.types import Filters, Hit
from qa_service.wiring import make_engines

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENGINES = ("ours", "txtai", "chroma", "llamaindex", "haystack")
SEARCHED = (
    "processor ms a search",
    "p50 ms, 1 client",
    "p99 ms, 1 client",
    "p50 ms, 16 clients",
    "p99 ms, 16 clients",
    "searches/s, 16 clients",
)
QUERIES = 100
SAMPLE = 300


def main() -> int:
    """Prepare, run each engine, print the table."""
    given = arguments()
    corpus, questions = given.folder / "doj" / "corpus.jsonl", given.folder / "prqa-dev"
    if not corpus.is_file() or not (questions / "questions.jsonl").is_file():
        print(
            f"{given.folder} has no doj/corpus.jsonl and prqa-dev/questions.jsonl: name the folder that has"
        )
        return 2
    names = [name for name in ENGINES if name in given.only.split(",")]
    peers = [name for name in names if name != "ours"]
    subprocess.run([HERE / "install.sh", *peers], check=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        asked = [one for one in read_questions(questions) if not one.history]
        if not (work / "given.json").is_file():
            prepare(work, corpus, asked)
        results = {name: run(name, work) for name in names}
        text = "\n".join(report(results, work, asked))
    print(text)
    if given.write:
        page = HERE.parent / "PEERS.md"
        prose = page.read_text().partition("\n| |")[0]
        page.write_text(f"{prose}\n{text}\n")
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", default=",".join(ENGINES))
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def prepare(work: Path, corpus: Path, asked: Sequence[Question]) -> None:
    """Cut and embed the releases once; the one with most quotes is held back, to be added later."""
    held = Counter(one[0] for q in asked for quote in q.quotes for one in quote).most_common(1)[0][
        0
    ]
    whole, ours = work / "whole", work / "ours"
    lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    (whole / "corpus").mkdir(parents=True, exist_ok=True)
    shutil.copy(corpus, whole / "corpus")
    shutil.rmtree(ours, ignore_errors=True)
    (ours / "corpus").mkdir(parents=True)
    kept = [line for line in lines if json.loads(line)["_id"] != held]
    (ours / "corpus" / "releases.jsonl").write_text("".join(kept), encoding="utf-8")
    (work / "added-release.jsonl").write_text("".join(set(lines) - set(kept)), encoding="utf-8")
    own = {"QA_CORPUS_DIR": str(whole / "corpus"), "QA_INDEX_DIR": str(whole / "index")}
    subprocess.run([sys.executable, "-m", "qa_service", "build"], env=os.environ | own, check=True)
    with closing(open_current(whole / "index", make_engines(read_settings()))) as generation:
        known = stored(whole / "index" / generation.generation_id, generation)
        passages = [one for one in cut(generation) if one["id"] in known]  # no "About us"
        quotes = {one for q in asked for alternatives in q.quotes for one in alternatives}
        spans = {f"{r}\n{quote}": span(generation, r, quote) for r, quote in quotes}
    kept_passages = [one for one in passages if one["release"] != held]
    write(work / "passages.jsonl", kept_passages)
    np.save(work / "passages.npy", np.stack([known[one["id"]] for one in kept_passages]))
    write(work / "added.jsonl", [one for one in passages if one["release"] == held])
    facts = {
        "model": str(packaged_folder()),
        "sample": SAMPLE,
        "queries": [one.text for one in asked[:QUERIES]],
        "questions": [one.text for one in asked],
        "held": held,
        "spans": spans,
    }
    (work / "given.json").write_text(json.dumps(facts))


def cut(generation: Generation) -> Any:
    """Every passage with the text that is indexed of it."""
    catalogue = generation.catalogue
    for summary in catalogue.releases(Filters(), 10**9, 0):
        release = generation.release(summary.release_id)
        for passage in generation.passages_of(release.release_id):
            text = in_context(passage, release, with_title=True)
            yield {"id": passage.passage_id, "release": release.release_id, "text": text}


def span(generation: Generation, release_id: str, quote: str) -> tuple[str, int, int]:
    """Where the quote stands."""
    start = generation.release(release_id).text.index(quote)
    return release_id, start, start + len(quote)


def stored(folder: Path, generation: Generation) -> dict[str, Any]:
    """The vectors of a generation by passage id."""
    import faiss

    numbers = np.load(folder / DENSE / NUMBERS)
    index = faiss.read_index(str(folder / DENSE / FILE))
    vectors = index.reconstruct_n(0, index.ntotal)
    return dict(zip(generation.passage_ids(numbers), vectors, strict=True))


def write(path: Path, passages: Sequence[Mapping[str, Any]]) -> None:
    """A passage a line."""
    path.write_text("".join(json.dumps(one) + "\n" for one in passages))


def run(name: str, work: Path) -> dict[str, Any]:
    """Both phases of one engine."""
    venv = ROOT / ".venv" if name == "ours" else ROOT / ".venv" / "peers" / name
    index = work / name / "index"
    shutil.rmtree(index, ignore_errors=True)
    if name == "ours":
        shutil.copytree(work / "whole" / "index" / ".cache", index / ".cache")
        (work / name / "corpus" / "added-release.jsonl").unlink(missing_ok=True)
    facts: dict[str, Any] = {}
    for phase in ("build", "serve", *(("parts",) if name == "ours" else ())):
        command = [venv / "bin" / "python", HERE / f"with_{name}.py", phase, work]
        own = {
            "OMP_NUM_THREADS": str(os.cpu_count()),
            "HF_HUB_OFFLINE": "1",
            "ANONYMIZED_TELEMETRY": "False",
        }
        print(f"{name}: {phase}", file=sys.stderr, flush=True)
        done = subprocess.run(
            command, env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True
        )
        facts |= json.loads(done.stdout.splitlines()[-1])
    return facts


def report(results: Mapping[str, Any], work: Path, asked: Sequence[Question]) -> Iterator[str]:
    """A table, an engine a column: the figure and, in brackets, how many times ours that is."""
    given = json.loads((work / "given.json").read_text())
    rows = {name: figures(facts, given, asked) for name, facts in results.items()}
    own = rows.get("ours", {})
    yield f"| | {' | '.join(rows)} |"
    yield "|---" * (len(rows) + 1) + "|"
    for what in next(iter(rows.values())):
        cells = [
            cell(row[what], own.get(what) if name != "ours" else None) for name, row in rows.items()
        ]
        yield f"| {what} | {' | '.join(cells)} |"
    if "ours" in results:
        yield from left_out(results["ours"], given, asked)


def left_out(
    facts: Mapping[str, Any], given: Mapping[str, Any], asked: Sequence[Question]
) -> Iterator[str]:
    """Ours with parts left out, measured in the same run."""
    yield "\n| ours | " + " | ".join((*SEARCHED, "recall@10")) + " |"
    yield "|---" * (len(SEARCHED) + 2) + "|"
    whole: dict[str, float] = {}
    for what, part in facts["parts"].items():
        found = [
            recall(hits, q, given["spans"]) for hits, q in zip(part["found"], asked, strict=True)
        ]
        row = searching(part) | {"recall@10": mean(found)}
        cells = [cell(value, whole.get(name)) for name, value in row.items()]
        whole = whole or row
        yield f"| {what} | {' | '.join(cells)} |"
    less = cell(facts["index_less_s"], facts["index_s"])
    yield f"\nIndexing vectors and words alone, as the others do: {less} s."
    yield f"Steps of ours in seconds, indexing: {steps(facts['index_steps'])};"
    yield f"adding: {steps(facts['add_steps'])}."


def steps(took_s: Mapping[str, float]) -> str:
    """What each took."""
    return ", ".join(f"{step} {took:.2f}" for step, took in took_s.items())


def cell(value: float, own: float | None) -> str:
    """A figure, and beside ours."""
    text = f"{value:,.{places(value)}f}"
    return f"{text} ({value / own:.2f})" if own else text


def places(value: float) -> int:
    """Digits behind the point: three that count."""
    return 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0


def figures(
    facts: Mapping[str, Any], given: Mapping[str, Any], asked: Sequence[Question]
) -> dict[str, float]:
    """What the table has of one engine."""
    about = [any(one[0] == given["held"] for quote in q.quotes for one in quote) for q in asked]
    after = [recall(hits, q, given["spans"]) for hits, q in zip(facts["after"], asked, strict=True)]
    return {
        "texts embedded/s": facts["embedded_per_s"],
        "index, vectors known, s": facts["index_s"],
        "of a processor, s": facts["index_worked_s"],
        "open, s": facts["open_s"],
        **searching(facts),
        "memory MB": facts["memory_mb"],
        "without mapped files MB": facts["own_mb"],
        "of these the libraries alone MB": facts["libraries_mb"],
        "recall@10": mean(after),
        "adding a release, s": facts["add_s"],
        "recall@10 on that release": mean(
            [value for value, own in zip(after, about, strict=True) if own]
        ),
    }


def searching(facts: Mapping[str, Any]) -> dict[str, float]:
    """The figures of :data:`SEARCHED`."""
    alone, together = facts["alone_s"], facts["together_s"]
    times = [quantile_ms(took_s, share) for took_s in (alone, together) for share in (0.5, 0.99)]
    worked_ms = facts["worked_s"] * 1000
    return dict(zip(SEARCHED, (worked_ms, *times, facts["together_per_s"]), strict=True))


def recall(found: Sequence[str], question: Question, spans: Mapping[str, Any]) -> float:
    """The share of a question's quotes among the passages found."""
    wanted = [[tuple(spans[f"{r}\n{quote}"]) for r, quote in quotes] for quotes in question.quotes]
    hits = [Hit(one, 1 / rank) for rank, one in enumerate(found, 1)]
    return measure(hits, wanted)["recall@10"]  # type: ignore[arg-type]


def mean(values: Sequence[float]) -> float:
    """Of none: 0."""
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    sys.exit(main())
