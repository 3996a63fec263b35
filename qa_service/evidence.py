"""Questions with the quotes that answer them: how many of the quotes are among the passages found.

A passage hits a quote if it is of the same release and overlaps at least half of its characters; a
quote in ``also_evidence`` counts for the one that it stands for.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa_service.conversation import stand_alone
from qa_service.errors import CorpusError, NotFound
from qa_service.search import Published, search
from qa_service.types import Filters, Hit, Turn
from qa_service.understanding import Reading, understand

FILE = "questions.jsonl"
MEASURES = ("recall@5", "recall@10", "MRR@10")
DEPTH = 10
MAX_CHARS = 10_000
CONTEXT_CHARS = 2000

Span = tuple[str, int, int]
"""Release id, start, end."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its alternatives for each quote that it takes: any one of them counts."""

    text: str
    kind: str
    history: tuple[Turn, ...]
    quotes: tuple[tuple[tuple[str, str], ...], ...]


def read_questions(folder: Path) -> list[Question]:
    """The answerable questions of ``questions.jsonl``.

    Raises:
        CorpusError: missing, or a line without ``question`` or ``evidence``.
    """
    path = folder / FILE
    try:
        with path.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        return [_question(row) for row in rows if row["answerable"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is not a set of questions with evidence: {error!r}") from error


def measure_evidence(
    published: Published, questions: Sequence[Question], advance: Callable[[int], object]
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Stage → kind of question → the measures of each question; the kind ``all`` has every one.

    Raises:
        CorpusError: a quote is not in the release that it is said to be in.
    """
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for question in questions:
        alone = stand_alone(question.text, question.history, CONTEXT_CHARS)
        reading = Reading(MAX_CHARS)
        query = understand(published, alone.question, Filters(), reading, alone.context)
        stages = search(published, query, DEPTH)
        wanted = [[_span(published, *one) for one in quotes] for quotes in question.quotes]
        for name in ("lexical", "dense", "fused", "reranked"):
            ranking = getattr(stages, name)
            measures = measure(ranking.hits[:DEPTH], wanted)
            for kind in (question.kind, "all"):
                found.setdefault(name, {}).setdefault(kind, []).append(measures)
        advance(1)
    if published.reranker is None:
        found.pop("reranked", None)
    return found


def measure(hits: Sequence[Hit], wanted: Sequence[Sequence[Span]]) -> dict[str, float]:
    """Recall of the quotes among the first 5 and 10 hits, and the reciprocal rank of the first."""
    places = [_place(hits, spans) for spans in wanted]
    first = min(places, default=DEPTH)
    return {
        "recall@5": sum(place < 5 for place in places) / len(places),
        "recall@10": sum(place < 10 for place in places) / len(places),
        "MRR@10": 1 / (first + 1) if first < DEPTH else 0.0,
    }


def table(found: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> Iterable[str]:
    """Lines of a table, in percent: all questions by stage, then the last stage by kind."""
    yield f"{'':22}{'questions':>10}" + "".join(f"{name:>11}" for name in MEASURES)
    for stage, kinds in found.items():
        yield _row(stage, kinds["all"])
    for kind, rows in sorted(list(found.values())[-1].items()):
        if kind != "all":
            yield _row(f"  {kind}", rows)


def _row(name: str, rows: Sequence[Mapping[str, float]]) -> str:
    means = (100 * sum(row[name] for row in rows) / len(rows) for name in MEASURES)
    return f"{name:22}{len(rows):10}" + "".join(f"{mean:11.1f}" for mean in means)


def _place(hits: Sequence[Hit], spans: Sequence[Span]) -> int:
    """How many hits come before the first that has one of the spans; :data:`DEPTH` if none has."""
    has = (any(_overlaps(hit.passage_id, span) for span in spans) for hit in hits)
    return next((place for place, hit in enumerate(has) if hit), DEPTH)


def _overlaps(passage_id: str, span: Span) -> bool:
    release_id, _, edges = passage_id.rpartition(":")
    start, _, end = edges.partition("-")
    both = min(int(end), span[2]) - max(int(start), span[1])
    return release_id == span[0] and 2 * both >= span[2] - span[1]


def _span(published: Published, release_id: str, quote: str) -> Span:
    try:
        start = published.release(release_id).text.find(quote)
    except NotFound:
        start = -1
    if start < 0:
        raise CorpusError(f"{release_id} of the corpus does not have the quote {quote[:60]!r}")
    return release_id, start, start + len(quote)


def quotes_of(row: Any) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Of each quote in ``evidence`` of a row the alternatives, as release id and text."""
    also = row.get("also_evidence", [])
    return tuple(
        tuple(
            (str(one["release_id"]), str(one["quote"]))
            for one in [quote, *(other for other in also if other["for"] == n)]
        )
        for n, quote in enumerate(row["evidence"])
    )


def _question(row: Any) -> Question:
    turns = tuple(Turn(turn["role"], turn["text"]) for turn in row.get("history", []))
    return Question(str(row["question"]), str(row.get("type", "")), turns, quotes_of(row))
