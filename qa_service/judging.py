"""Answers judged on a question set: correct, cited, declined where the releases do not say.

Two forms of sets: ``questions.jsonl`` with ``question``, ``answerable``, ``answers`` and ``evidence``
quotes, or BEIR's ``queries.jsonl`` whose ``metadata`` has ``answerable``, ``gold_answers`` and, for the
place of each in the release ``context_id``, ``answer_starts``, or ``selected_sentences``.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa_service.answer import Asked
from qa_service.errors import CorpusError
from qa_service.evidence import quotes_of
from qa_service.types import Citation, Turn

WORDS_READ = 80
WORDS_READ_OF = {"list": 160, "aggregate": 160, "exact_quote": 120, "temporal": 120}
"""Words of an answer in which the gold answer must stand, for some kinds of question more: a long
answer has anything in it."""

K = 10
MAX_CHARS = 10_000
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_SPELT = {word: str(number) for number, word in enumerate(_NUMBERS.split(), 1)}
_MONTHS = (
    "january february march april june july august september october november december sept".split()
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A question of a set. ``gold``: alternatives, or, with ``every``, all of them are wanted.

    ``evidence``: for each quote that the answer takes its alternatives, as release id and text.
    """

    text: str
    kind: str
    history: tuple[Turn, ...]
    answerable: bool
    gold: tuple[str, ...]
    every: bool
    evidence: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one question was answered. ``recall`` and ``precision`` are those of the citations."""

    kind: str
    answerable: bool
    answered: bool
    correct: bool
    recall: float
    precision: float
    citations: int
    exact: int
    confidence: float


def read_judged(folder: Path) -> list[Judged]:
    """The questions of a folder, in the order of its file.

    Raises:
        CorpusError: there is neither file, or a line lacks what is needed.
    """
    forms = (("questions.jsonl", _with_quotes), ("queries.jsonl", _of_beir))
    for name, form in forms:
        path = folder / name
        if path.is_file():
            try:
                with path.open(encoding="utf-8") as lines:
                    return [form(json.loads(line)) for line in lines if line.strip()]
            except (ValueError, KeyError, TypeError) as error:
                raise CorpusError(
                    f"{path} is not a set of questions with answers: {error!r}"
                ) from error
    raise CorpusError(
        f"{folder} has neither questions.jsonl nor queries.jsonl: name the folder of a set"
    )


def judge(
    questions: Sequence[Judged],
    ask: Callable[[str, Sequence[Turn]], Asked],
    advance: Callable[[int], object],
) -> Iterator[Verdict]:
    """Ask every question and compare."""
    for question in questions:
        yield verdict(question, ask(question.text, question.history))
        advance(1)


def verdict(question: Judged, asked: Asked) -> Verdict:
    """Compare an answer with what the set says."""
    answer = asked.answer
    releases = {one.release.release_id: one.release.text for one in asked.found}
    exact = sum(releases[c.release_id][c.start : c.end] == c.quote for c in answer.citations)
    hits = [
        [_supports(cited, quotes) for cited in answer.citations] for quotes in question.evidence
    ]
    answered = answer.status == "answered"
    of_each = np.array(hits, bool).reshape(len(hits), len(answer.citations))
    return Verdict(
        question.kind,
        question.answerable,
        answered,
        answered and is_correct(question, answer.text),
        float(of_each.any(axis=1).mean()) if hits else 0.0,
        float(of_each.any(axis=0).mean()) if answer.citations and hits else 0.0,
        len(answer.citations),
        exact,
        answer.confidence,
    )


def is_correct(question: Judged, text: str) -> bool:
    """Whether the gold answer stands in the words of the answer that are read, as whole words."""
    read = WORDS_READ_OF.get(question.kind, WORDS_READ)
    words = f" {' '.join(plain(text).split()[:read])} "
    return (all if question.every else any)(f" {plain(gold)} " in words for gold in question.gold)


def plain(text: str) -> str:
    """Lower case without punctuation; months by three letters, numbers to twenty in digits."""
    words = re.sub(r"[^\w\s]", "", re.sub(r"[-/‐-―]", " ", text.lower())).split()
    return " ".join(word[:3] if word in _MONTHS else _SPELT.get(word, word) for word in words)


def auroc(verdicts: Sequence[Verdict]) -> float:
    """How often an answerable question has a higher confidence than an unanswerable one; ties half."""
    yes = np.array([v.confidence for v in verdicts if v.answerable])
    no = np.array([v.confidence for v in verdicts if not v.answerable])
    if not len(yes) or not len(no):
        return float("nan")
    return float((yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean())


def table(verdicts: Sequence[Verdict]) -> Iterable[str]:
    """Lines: by kind of question, in all, then declined, AUROC, risk and coverage."""
    yield f"{'':28}{'questions':>10}{'correct':>9}{'cited':>8}{'precise':>9}{'declined':>10}"
    kinds = sorted({v.kind for v in verdicts})
    for kind in kinds if len(kinds) > 1 else []:
        yield _row(kind, [v for v in verdicts if v.kind == kind])
    yield _row("all", verdicts)
    citations, exact = sum(v.citations for v in verdicts), sum(v.exact for v in verdicts)
    yield f"citations that quote their release exactly: {exact:,} of {citations:,}"
    groups = {word: [v for v in verdicts if v.answerable is can] for word, can in
              (("unanswerable", False), ("answerable", True))}  # fmt: skip
    for word, group in groups.items():
        if group:
            yield f"declined of {len(group):,} {word}: {_percent(not v.answered for v in group)} %"
    given = [v for v in groups["answerable"] if v.answered]
    yield f"correct of {len(given):,} answerable that were answered: {_percent(v.correct for v in given)} %"
    if all(groups.values()):
        yield f"AUROC of the confidence, answerable or not: {auroc(verdicts):.3f}"
    yield "risk and coverage, the surest first: " + ", ".join(
        f"{100 * wrong:.0f} % wrong at {100 * share:.0f} %" for share, wrong in risk(verdicts)
    )


def risk(verdicts: Sequence[Verdict]) -> Iterator[tuple[float, float]]:
    """For each share of all questions, the surest, how many of them would be answered wrongly."""
    ranked = sorted(verdicts, key=lambda v: -v.confidence)
    for share in COVERAGES:
        kept = ranked[: max(1, round(share * len(ranked)))]
        yield share, sum(not v.correct for v in kept) / len(kept)


def _row(name: str, group: Sequence[Verdict]) -> str:
    able = [v for v in group if v.answerable]
    figures = (
        _percent(v.correct for v in able),
        _percent(v.recall for v in able),
        _percent(v.precision for v in able if v.answered),
        _percent(not v.answered for v in group),
    )
    return f"{name:28}{len(group):10,}" + "".join(
        f"{figure:>{width}}" for figure, width in zip(figures, (9, 8, 9, 10), strict=True)
    )


def _percent(values: Iterable[float]) -> str:
    numbers = list(values)
    return f"{100 * sum(numbers) / len(numbers):.1f}" if numbers else "-"


def _supports(cited: Citation, quotes: Sequence[tuple[str, str]]) -> bool:
    """Whether one of the quotes and what is cited share at least half of the shorter."""
    return any(
        release == cited.release_id and _shares(cited.quote, quote) for release, quote in quotes
    )


def _shares(one: str, other: str) -> bool:
    short, long = sorted((plain(one).split(), plain(other).split()), key=len)
    if not short:
        return False
    half = (len(short) + 1) // 2
    joined = f" {' '.join(long)} "
    runs = (short[at : at + half] for at in range(len(short) - half + 1))
    return any(f" {' '.join(run)} " in joined for run in runs)


def _with_quotes(row: Any) -> Judged:
    turns = tuple(Turn(turn["role"], turn["text"]) for turn in row.get("history", []))
    every = row.get("answers_mode") == "all"
    return Judged(row["question"], row.get("type", ""), turns, row["answerable"],
                  tuple(row["answers"]), every, quotes_of(row))  # fmt: skip


def _of_beir(row: Any) -> Judged:
    meta = row["metadata"]
    selected = [one for group in meta.get("selected_sentences", []) for one in group]
    gold = tuple(meta.get("gold_answers", []))
    known = (
        [(str(meta["context_id"]), quote) for quote in selected or gold]
        if meta["answerable"]
        else []
    )
    kind = "answerable" if meta["answerable"] else "unanswerable"
    turns = tuple(map(_turn, meta.get("history", [])))
    return Judged(row["text"], kind, turns, bool(meta["answerable"]), tuple(selected) or gold, False,
                  (tuple(known),) if known else ())  # fmt: skip


def _turn(turn: Any) -> Turn:
    role: Any = turn.get("role") or turn.get("speaker")
    return Turn("user" if role == "user" else "assistant", turn["text"])
