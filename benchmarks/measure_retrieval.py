"""Measure retrieval on every question set of a folder, and write the table to benchmarks/RETRIEVAL.md.

    .venv/bin/python benchmarks/measure_retrieval.py DATA [SET …]

DATA has a folder for each of :data:`SETS`; those that it lacks are passed over. The index of a set is
kept under ``QA_INDEX_DIR``/.eval, so that a second run is quick.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("RETRIEVAL.md")
STAGES = ("lexical", "dense", "fused", "reranked")


@dataclass(frozen=True)
class QuestionSet:
    """A folder, how to measure it, and the measure by which it is judged."""

    folder: str
    options: tuple[str, ...]
    measure: str
    what: str


UNTITLED = ("--no-titles",)
XQUAD = ("--qrels", "mteb", "--no-titles", "--no-split")
SETS = (
    QuestionSet("xquad/en", XQUAD, "nDCG@10", "English questions on paragraphs"),
    QuestionSet("xquad/de", XQUAD, "nDCG@10", "the same in German"),
    QuestionSet("xquad/th", XQUAD, "nDCG@10", "the same in Thai"),
    QuestionSet("xquad/zh", XQUAD, "nDCG@10", "the same in Chinese"),
    QuestionSet("squad2", (), "nDCG@10", "answerable questions on paragraphs"),
    QuestionSet("scifact", (), "nDCG@10", "claims on abstracts"),
    QuestionSet("clapnq", (), "nDCG@10", "questions with long answers"),
    QuestionSet("mtrag/cloud", (), "nDCG@10", "last turns of conversations"),
    QuestionSet("mtrag/fiqa", (), "nDCG@10", "last turns of conversations"),
    QuestionSet("multihop", (), "nDCG@10", "questions on several news facts"),
    QuestionSet("doj", UNTITLED, "MRR@10", "headlines of justice releases, titles not indexed"),
    QuestionSet("newswire", UNTITLED, "nDCG@10", "headlines of company releases, likewise"),
)
EVIDENCE = QuestionSet("prqa-dev", ("--corpus", "doj/corpus.jsonl"), "", "questions with quotes")


def main() -> None:
    """Run, print, write."""
    data, *chosen = sys.argv[1:]
    lines = list(report(Path(data), chosen))
    print("\n".join(lines))
    if not chosen:
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(data: Path, chosen: Sequence[str]) -> Iterator[str]:
    """Lines of Markdown."""
    yield "# Retrieval, measured\n"
    yield "By `benchmarks/measure_retrieval.py DATA`. Percent, with 95 % bootstrap intervals.\n"
    yield "| set | measure | words (BM25) | meaning | both, fused |"
    yield "|---|---|---|---|---|"
    for one in SETS:
        if (data / one.folder).is_dir() and (not chosen or one.folder in chosen):
            yield row(one, run(data, one))
    if (data / EVIDENCE.folder).is_dir() and (not chosen or EVIDENCE.folder in chosen):
        yield f"\n`{EVIDENCE.folder}`, {EVIDENCE.what}: recall of the quotes, in percent.\n"
        yield "| | questions | recall@5 | recall@10 | MRR@10 |"
        yield "|---|---|---|---|---|"
        yield from kinds(run(data, EVIDENCE))


def run(data: Path, one: QuestionSet) -> Any:
    """What ``qa eval`` prints for programs."""
    options = [str(data / word) if word.endswith(".jsonl") else word for word in one.options]
    command = [
        sys.executable,
        "-m",
        "qa_service",
        "eval",
        str(data / one.folder),
        *options,
        "--json",
    ]
    print(" ".join(command[3:]), file=sys.stderr)
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def row(one: QuestionSet, found: Any) -> str:
    """One set; the greatest figure is bold."""
    estimates = [found[stage][one.measure] for stage in STAGES if stage in found]
    best = max(estimate["mean"] for estimate in estimates)
    cells = (cell(estimate, bold=estimate["mean"] == best) for estimate in estimates)
    return f"| {one.folder}: {one.what} | {one.measure} | {' | '.join(cells)} |"


def cell(estimate: dict[str, float], *, bold: bool) -> str:
    """A mean with its interval."""
    mean = f"{100 * estimate['mean']:.1f}"
    interval = f"[{100 * estimate['low']:.1f}–{100 * estimate['high']:.1f}]"
    return f"{f'**{mean}**' if bold else mean} {interval}"


def kinds(found: Any) -> Iterator[str]:
    """All questions by stage, then the last stage by kind of question."""
    last = [stage for stage in STAGES if stage in found][-1]
    rows = [(stage, found[stage]["all"]) for stage in STAGES if stage in found]
    rows += [(kind, each) for kind, each in sorted(found[last].items()) if kind != "all"]
    for name, each in rows:
        means = (
            100 * sum(q[m] for q in each) / len(each) for m in ("recall@5", "recall@10", "MRR@10")
        )
        yield f"| {name} | {len(each)} | {' | '.join(f'{mean:.1f}' for mean in means)} |"


if __name__ == "__main__":
    main()
