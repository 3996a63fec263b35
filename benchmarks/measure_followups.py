"""Follow-ups as asked, as made to stand alone, and as people rewrote them: `measure_followups.py DATA`.

`cast2019` has no passages: its human rewrites are the releases, and the one of the turn is sought; what
share of the rewrite's telling words the question has is counted too. `mtrag` and `prqa-dev` have
evidence and no rewrites.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from types import SimpleNamespace

from qa_service.conversation import stand_alone
from qa_service.index import Generation, open_current
from qa_service.index.build import build
from qa_service.search import search
from qa_service.sentences import COMMON
from qa_service.settings import read_settings
from qa_service.types import Filters, Turn
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_engines, make_plan

READING = Reading(max_chars=2000)
DEPTH = 30
WAYS = ("as asked", "made to stand alone", "rewritten by people")


@dataclass(frozen=True)
class FollowUp:
    """A turn, those before it, its rewrite (or nothing) and the releases that answer it."""

    text: str
    history: Sequence[Turn]
    rewrite: str
    wanted: frozenset[str]


def main(data: Path) -> None:
    """Print recall among the first release and the first five, by set."""
    print(f"{'':22}{'':22}{'turns':>6}{'recall@1':>10}{'recall@5':>10}")
    for name, corpus, turns in sets(data):
        with tempfile.TemporaryDirectory() as folder:
            measure(name, corpus, turns, Path(folder))
    asked = [one for name, _, turns in sets(data) if name == "cast2019" for one in turns]
    for way in WAYS:
        shares = [share_of_rewrite(one, way) for one in asked]
        print(f"{'cast2019, words of the rewrite':44}{way:22}{sum(shares) / len(shares):8.1%}")


def sets(data: Path) -> Iterator[tuple[str, Path, list[FollowUp]]]:
    """The name, the corpus and the follow-ups of each set."""
    rewrites = Path(tempfile.mkdtemp()) / "rewrites.jsonl"
    yield "cast2019", rewrites, cast(data / "cast2019", rewrites)
    for name in ("mtrag/cloud", "mtrag/fiqa"):
        yield name, data / name / "corpus.jsonl", mtrag(data / name)
    yield "prqa-dev", data / "doj" / "corpus.jsonl", prqa(data / "prqa-dev")


def cast(folder: Path, corpus: Path) -> list[FollowUp]:
    """The turns after the first; their rewrites are written to ``corpus``."""
    queries = rows(folder / "queries.jsonl")
    ids = {}
    for query in queries:
        ids.setdefault(query["metadata"]["rewrite"], query["_id"])
    lines = (json.dumps({"_id": key, "title": "", "text": text}) for text, key in ids.items())
    corpus.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [
        FollowUp(q["text"], turns(q), q["metadata"]["rewrite"],
                 frozenset([ids[q["metadata"]["rewrite"]]]))
        for q in queries if q["metadata"]["history"]
    ]  # fmt: skip


def mtrag(folder: Path) -> list[FollowUp]:
    """The last turns that have qrels and a turn before them."""
    wanted: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, release, _ = line.split("\t")
        wanted.setdefault(query, set()).add(release)
    return [
        FollowUp(query["text"], turns(query), "", frozenset(wanted[query["_id"]]))
        for query in rows(folder / "queries.jsonl")
        if query["_id"] in wanted and query["metadata"]["history"]
    ]


def prqa(folder: Path) -> list[FollowUp]:
    """The answerable follow-ups."""
    return [
        FollowUp(row["question"], turns({"metadata": row}), "",
                 frozenset(one["release_id"] for one in row["evidence"] + row.get("also_evidence", [])))
        for row in rows(folder / "questions.jsonl") if row["type"] == "followup" and row["answerable"]
    ]  # fmt: skip


def turns(query: Mapping) -> list[Turn]:
    """The turns before a query."""
    given = query["metadata"]["history"]
    who = [turn.get("role") or turn["speaker"] for turn in given]
    return [
        Turn("user" if one == "user" else "assistant", turn["text"])
        for one, turn in zip(who, given, strict=True)
    ]


def measure(name: str, corpus: Path, asked: Sequence[FollowUp], index: Path) -> None:
    """Build an index of ``corpus`` and print each way's recall."""
    settings = read_settings()
    engines = make_engines(settings)
    plan = replace(make_plan(settings, corpus), index=index)
    build(plan, engines, lambda *_: nullcontext(SimpleNamespace(update=lambda n: None)))
    with closing(open_current(index, engines)) as generation:
        for way in WAYS[: 3 if asked[0].rewrite else 2]:
            found = [ranked(generation, *in_words(one, way)) for one in asked]
            at = [
                mean(recall(found[n][:k], one.wanted, k) for n, one in enumerate(asked))
                for k in (1, 5)
            ]
            print(f"{name:22}{way:22}{len(asked):6}{at[0]:10.1%}{at[1]:10.1%}", flush=True)


def in_words(one: FollowUp, way: str) -> tuple[str, str]:
    """The question in this way, and the context that goes with it."""
    alone = stand_alone(one.text, one.history, READING.max_chars)
    ours = (alone.question, alone.context)
    return dict(zip(WAYS, ((one.text, ""), ours, (one.rewrite, "")), strict=True))[way]


def ranked(generation: Generation, text: str, context: str) -> list[str]:
    """The releases, the best first."""
    query = understand(generation, text, Filters(), READING, context)
    hits = search(generation, query, DEPTH).fused.hits
    return list(dict.fromkeys(generation.passage(hit.passage_id).release_id for hit in hits))


def recall(found: Sequence[str], wanted: frozenset[str], k: int) -> float:
    """The share of ``wanted``, or of the ``k`` that could be, that was found."""
    return len(wanted & set(found)) / min(len(wanted), k)


def share_of_rewrite(one: FollowUp, way: str) -> float:
    """How many of the rewrite's telling words the question has."""
    wanted, got = telling(one.rewrite), telling(" ".join(in_words(one, way)))
    return len(wanted & got) / len(wanted) if wanted else 1.0


def telling(text: str) -> set[str]:
    """Words that are not common, plurals as one thing."""
    words = re.findall(r"\w+", re.sub(r"['’]s\b", "", text.lower()))
    return {word.removesuffix("s") for word in words} - {
        w.removesuffix("s") for w in COMMON.split()
    }


def rows(path: Path) -> list[dict]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.open(encoding="utf-8")]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
