"""Question sets and qrels to recall@k, nDCG@k and MRR@k, with intervals.

nDCG uses the linear gain of Järvelin and Kekäläinen 2002 as trec_eval does: the sum of
``relevance / log2(rank + 1)`` over that of the ideal ranking.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from qa_service.errors import CorpusError
from qa_service.search import Published, search
from qa_service.types import Filters, Ranking
from qa_service.understanding import Reading, understand

Qrels = Mapping[str, Mapping[str, int]]
"""Query id → release id → relevance, greater than 0."""

MEASURES = ("recall@1", "recall@5", "recall@10", "recall@100", "nDCG@10", "MRR@10")
STAGES = ("lexical", "dense", "fused")
DEPTH = 100
MAX_CHARS = 10_000
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % bootstrap interval (percentiles of 1,000 resamples)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One query at one stage: its ranking of releases with scores, its measures, and the search's times."""

    query_id: str
    ranked: list[tuple[str, float]]
    measures: dict[str, float]
    took_ms: dict[str, float] = field(default_factory=dict)


def evaluate(
    published: Published,
    queries: Mapping[str, str],
    qrels: Qrels,
    advance: Callable[[int], object],
) -> dict[str, list[Judged]]:
    """Every judged query through every stage: stage → one :class:`Judged` a query.

    A release ranks where its best passage does; 100 passages are asked for.

    Raises:
        CorpusError: a judged query is not among ``queries``.
    """
    if unknown := [query_id for query_id in qrels if query_id not in queries]:
        raise CorpusError(f"the qrels judge {unknown[0]!r}, which queries.jsonl does not have")
    names = (*STAGES, "reranked") if published.reranker else STAGES
    stages: dict[str, list[Judged]] = {stage: [] for stage in names}
    for query_id, relevant in qrels.items():
        query = understand(published, queries[query_id], Filters(), Reading(MAX_CHARS))
        found = search(published, query, DEPTH)
        for stage in names:
            ranked = release_ranking(getattr(found, stage))
            measures = measure([release_id for release_id, _ in ranked], relevant)
            stages[stage].append(Judged(query_id, ranked, measures, found.took_ms))
        advance(1)
    return stages


def read_queries(folder: Path) -> dict[str, str]:
    """``queries.jsonl`` of a BEIR folder: query id → text.

    Raises:
        CorpusError: missing, or a line that is not an object with ``_id`` and ``text``.
    """
    path = folder / "queries.jsonl"
    try:
        return {str(row["_id"]): str(row["text"]) for row in _json_lines(path)}
    except (KeyError, TypeError) as error:
        raise CorpusError(f"{path} has a line that is not an object with _id and text") from error


def find_qrels(folder: Path, name: str | None) -> Path:
    """The qrels file of that name, or the only one.

    Raises:
        CorpusError: there is none, or several to choose from.
    """
    files = sorted((folder / "qrels").glob("*.tsv"))
    wanted = [path for path in files if name in (None, path.stem, path.name)]
    if len(wanted) == 1:
        return wanted[0]
    known = ", ".join(path.stem for path in files) or "none"
    raise CorpusError(f"{folder / 'qrels'} has: {known}; choose one with --qrels")


def read_qrels(path: Path) -> Qrels:
    """A BEIR ``qrels/*.tsv`` file with its header line.

    Raises:
        CorpusError: missing, or a line that is not ``query-id corpus-id score``.
    """
    qrels: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if (score := int(row["score"])) > 0:
                    qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = score
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path} is not a qrels file with query-id, corpus-id, score") from error
    return qrels


def release_ranking(ranking: Ranking) -> list[tuple[str, float]]:
    """Releases with the scores of their best passages: one counts where it is first met."""
    best: dict[str, float] = {}
    for hit in ranking.hits:
        best.setdefault(hit.passage_id.rpartition(":")[0], hit.score)
    return list(best.items())


def measure(ranked: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Every measure of one query; ``relevant`` is not empty."""
    gains = [relevant.get(release_id, 0) for release_id in ranked[:10]]
    ideal = sorted(relevant.values(), reverse=True)[:10]
    first = next((rank for rank, gain in enumerate(gains, 1) if gain), None)
    values = {
        f"recall@{k}": sum(one in relevant for one in ranked[:k]) / len(relevant)
        for k in (1, 5, 10, 100)
    }
    values["nDCG@10"] = _discounted(gains) / _discounted(ideal)
    values["MRR@10"] = 1 / first if first else 0.0
    return values


def summarise(rows: Sequence[Mapping[str, float]]) -> dict[str, Estimate]:
    """The mean of every measure over queries, with its interval; the resampling is seeded."""
    if not rows:
        return {name: Estimate(0.0, 0.0, 0.0) for name in MEASURES}
    values = np.array([[row[name] for name in MEASURES] for row in rows])
    chosen = np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))
    means = np.stack([values[sample].mean(axis=0) for sample in chosen])
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return {
        name: Estimate(float(values[:, i].mean()), float(low[i]), float(high[i]))
        for i, name in enumerate(MEASURES)
    }


def table(summaries: Mapping[str, Mapping[str, Estimate]], queries: int) -> Iterable[str]:
    """Lines of a table, in percent: a row a stage, each cell the mean and its interval."""
    yield f"{queries:,} queries".ljust(15) + "".join(f"{name:>22}" for name in MEASURES)
    for stage, summary in summaries.items():
        cells = (summary[name] for name in MEASURES)
        yield f"{stage:15}" + "".join(
            f"{100 * e.mean:.1f} [{100 * e.low:.1f}–{100 * e.high:.1f}]".rjust(22) for e in cells
        )


def explain(
    stages: Mapping[str, Sequence[Judged]], summaries: Mapping[str, Mapping[str, Estimate]]
) -> Iterable[str]:
    """What each step takes, and what fusion and reranking gain over what they are made of."""
    rows = next(iter(stages.values()), [])
    if rows:
        steps = (
            f"{name} {median(row.took_ms[name] for row in rows):.1f}" for name in rows[0].took_ms
        )
        yield f"p50 of a search in ms: {', '.join(steps)}"
    means = {stage: 100 * summary["nDCG@10"].mean for stage, summary in summaries.items()}
    better = max(("lexical", "dense"), key=lambda stage: means[stage])
    yield f"nDCG@10 of fused over {better}: {means['fused'] - means[better]:+.1f}"
    if "reranked" in means:
        yield f"nDCG@10 of reranked over fused: {means['reranked'] - means['fused']:+.1f}"


def write_runs(path: Path, stages: Mapping[str, Sequence[Judged]]) -> None:
    """A TREC run file a stage, ``path`` with the stage's name behind a dot."""
    for stage, rows in stages.items():
        with path.with_name(f"{path.name}.{stage}").open("w", encoding="utf-8") as file:
            for row in rows:
                file.writelines(trec_lines(row.query_id, row.ranked, stage))


def trec_lines(query_id: str, ranked: Iterable[tuple[str, float]], tag: str) -> Iterable[str]:
    """Lines of a TREC run file: query, Q0, document, rank, score, tag."""
    for rank, (release_id, score) in enumerate(ranked, 1):
        yield f"{query_id} Q0 {release_id} {rank} {score:.6f} {tag}\n"


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _json_lines(path: Path) -> Iterable[dict[str, object]]:
    try:
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
