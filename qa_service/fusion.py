"""What is known of each candidate passage, fused into one score.

The words and the meaning of a passage count, those of its nearest sentence, and those of the release
that it stands in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa_service.types import Numbers, Order

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each kind of evidence weighs in the fused score; the words of the passage weigh 1.

    Measured on the development sets: see README, "Measured".
    """

    meaning: float = 1.0
    sentence: float = 1.0
    nameless: float = 0.5
    release_words: float = 3.0
    release_meaning: float = 0.5
    release_sentence: float = 2.5
    lead: float = 0.35
    context: float = 0.5
    order: float = 1.0


USUAL = Weights()
SUBJECT = Weights(sentence=0.5, nameless=0.0, release_meaning=2.0, release_sentence=1.0)
"""For a subject or a headline: a release is about it as a whole, not in one sentence."""
ACROSS = Weights(sentence=0.5, lead=1.0)
"""For a question over several releases: what each is about stands in its first paragraph."""

OF_ONE = 8
"""Passages of one release among the best, for a question over several."""

NEAR_BEST = 1.2
"""Of 2: how well a release must match for its date to count when the newest or oldest is asked for."""

NEAREST = 3
"""A release means what its passages nearest to the query mean: the mean of this many."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of ``n`` candidate passages. All shape ``(n,)``.

    ``words``: BM25, 0 without a shared word; ``meaning``: cosine; ``sentence`` and ``nameless``: cosine
    of the nearest sentence, with the question and with the question without its names;
    ``release_words``: BM25 of the whole release; ``lead``: 1 for the first paragraph of a body;
    ``release``: the release's number. ``context_words`` and ``context_meaning``: those of the question
    together with what was said before; the same as ``words`` and ``meaning`` where there is nothing.
    """

    words: Floats
    meaning: Floats
    sentence: Floats
    nameless: Floats
    release_words: Floats
    lead: Floats
    release: Numbers
    context_words: Floats
    context_meaning: Floats


def fuse(evidence: Evidence, weights: Weights, dates: Floats | None = None) -> Floats:
    """Shape ``(n,)``, 0 to 1: the weighted mean of the scaled evidence for each candidate.

    Each kind of evidence is scaled to 0–1 over the candidates, so that only differences count.
    ``dates`` puts releases in an order of time, for those of them that are likely to be meant.
    """
    of = evidence.release
    release_meaning = mean_of_best(evidence.context_meaning, of, NEAREST)
    release_sentence = mean_of_best(evidence.sentence, of, NEAREST)
    parts = [
        (1.0, evidence.words),
        (weights.meaning, evidence.meaning),
        (weights.sentence, evidence.sentence),
        (weights.nameless, evidence.nameless),
        (weights.release_words, evidence.release_words),
        (weights.release_meaning, release_meaning),
        (weights.release_sentence, release_sentence),
        (weights.lead, evidence.lead),
    ]
    if evidence.context_words is not evidence.words:
        parts.append((weights.context, evidence.context_words))
        parts.append((weights.context, evidence.context_meaning))
    if dates is not None:
        near = scale(evidence.release_words) + scale(release_sentence) >= NEAR_BEST
        parts.append((weights.order, near * dates))
    each = np.array([weight for weight, _ in parts])
    return np.asarray(each @ np.stack([scale(part) for _, part in parts]) / each.sum())


def scale(values: Floats) -> Floats:
    """From the least to the greatest as 0 to 1; all 0 where they are equal but for rounding."""
    span = np.ptp(values) if len(values) else 0.0
    if span <= 1e-9 * np.abs(values).max(initial=0.0):
        return np.zeros(len(values))
    return np.asarray((values - values.min()) / span)


def mean_of_best(values: Floats, groups: Numbers, count: int) -> Floats:
    """For each value the mean of the ``count`` greatest (or of all, if fewer) of its group."""
    _, group = np.unique(groups, return_inverse=True)
    kept = np.where(place_in_group(values, groups) < count, values, 0.0)
    means = np.bincount(group, kept) / np.minimum(np.bincount(group), count)
    return np.asarray(means[group])


def place_in_group(values: Floats, groups: Numbers) -> Numbers:
    """For each value how many of its group come before it, the greatest first."""
    order = np.lexsort((-values, groups))
    _, first, group = np.unique(groups[order], return_index=True, return_inverse=True)
    places = np.empty(len(values), np.int64)
    places[order] = np.arange(len(values)) - first[group]
    return places


def spread(scores: Floats, of: Numbers) -> Floats:
    """The scores, halved for what would be more than :data:`OF_ONE` passages of one release."""
    return np.where(place_in_group(scores, of) < OF_ONE, scores, scores / 2)


def by_date(days: Numbers, order: Order) -> Floats | None:
    """1 for the newest (or oldest) to 0; undated releases 0."""
    if not order:
        return None
    dated = days > 1
    oldest = days[dated].min() if dated.any() else 1
    known = np.where(dated, days, oldest).astype(np.float64)
    placed = scale(known) if order == "newest" else scale(-known)
    return np.where(dated, placed, 0.0)
