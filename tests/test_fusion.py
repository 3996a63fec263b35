"""The parts of the fused score against plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.fusion import (
    ACROSS,
    OF_ONE,
    SUBJECT,
    USUAL,
    Evidence,
    Floats,
    Weights,
    by_date,
    fuse,
    mean_of_best,
    place_in_group,
    scale,
    spread,
)

ROWS = st.lists(
    st.tuples(*[st.integers(0, 9)] * 5, st.integers(0, 1), st.integers(0, 3)),
    min_size=1,
    max_size=14,
).map(lambda rows: [list(column) for column in zip(*rows, strict=True)])
WEIGHTS = st.sampled_from([USUAL, SUBJECT, ACROSS])


def evidence(rows: list[list[int]]) -> Evidence:
    words, meaning, sentence, nameless, release_words, lead = (
        np.array(row, np.float64) for row in rows[:6]
    )
    of = np.array(rows[6], np.int64)
    return Evidence(words, meaning, sentence, nameless, release_words, lead, of, words, meaning)


def reversed_(one: Evidence) -> Evidence:
    words, meaning = one.words[::-1], one.meaning[::-1]
    return Evidence(
        words, meaning, one.sentence[::-1], one.nameless[::-1], one.release_words[::-1],
        one.lead[::-1], one.release[::-1], words, meaning,
    )  # fmt: skip


def scaled(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def best_of_release(values: list[float], of: list[int]) -> list[float]:
    best = {
        r: sorted((v for v, o in zip(values, of, strict=True) if o == r), reverse=True)[:3]
        for r in of
    }
    return [sum(best[release]) / len(best[release]) for release in of]


def test_scaled_values_reach_from_nothing_to_one() -> None:
    assert scale(np.array([2.0, 4.0, 3.0])).tolist() == [0, 1, 0.5]
    assert scale(np.array([7.0, 7.0])).tolist() == scale(np.zeros(2)).tolist() == [0, 0]
    assert scale(np.array([0.1 + 0.2, 0.3, 0.3])).tolist() == [0, 0, 0]
    assert scale(np.array([])).tolist() == []


@given(ROWS)
def test_a_group_means_what_its_best_mean(rows: list[list[int]]) -> None:
    values, of = [float(v) for v in rows[0]], rows[6]
    found = mean_of_best(np.array(values), np.array(of), 3)
    assert found == pytest.approx(best_of_release(values, of))


@given(ROWS)
def test_a_place_counts_the_better_of_the_group(rows: list[list[int]]) -> None:
    values, of = np.array(rows[0], np.float64), np.array(rows[6])
    places = place_in_group(values, of)
    for group in set(of.tolist()):
        own = np.flatnonzero(of == group)
        assert sorted(places[own].tolist()) == list(range(len(own)))
        assert (np.diff(values[own[np.argsort(places[own])]]) <= 0).all()


@given(ROWS, WEIGHTS)
def test_fusion_is_the_weighted_mean_of_scaled_evidence(
    rows: list[list[int]], weights: Weights
) -> None:
    words, meaning, sentence, nameless, release_words, lead, of = rows
    w = weights
    parts = [
        (1.0, words), (w.meaning, meaning), (w.sentence, sentence), (w.nameless, nameless),
        (w.release_words, release_words), (w.release_meaning, best_of_release(meaning, of)),
        (w.release_sentence, best_of_release(sentence, of)), (w.lead, lead),
    ]  # fmt: skip
    whole = sum(weight for weight, _ in parts)
    columns = [(weight, scaled([float(v) for v in values])) for weight, values in parts]
    expected = [sum(weight * c[i] for weight, c in columns) / whole for i in range(len(words))]
    assert fuse(evidence(rows), w) == pytest.approx(expected)


@given(ROWS, st.floats(1e-3, 1e3), st.floats(-1, 1))
def test_fusion_ignores_the_scale_of_scores(
    rows: list[list[int]], factor: float, shift: float
) -> None:
    one = evidence(rows)
    words, meaning = one.words * factor, one.meaning * factor + shift
    other = replace(one, words=words, meaning=meaning, context_words=words, context_meaning=meaning)
    np.testing.assert_allclose(fuse(other, USUAL), fuse(one, USUAL), atol=1e-6)


@given(ROWS, WEIGHTS)
def test_fusion_does_not_depend_on_the_order_of_candidates(
    rows: list[list[int]], weights: Weights
) -> None:
    one = evidence(rows)
    backwards = fuse(reversed_(one), weights)[::-1]
    np.testing.assert_allclose(backwards, fuse(one, weights), atol=1e-12)


def test_context_counts_beside_the_question_and_less() -> None:
    one = evidence([[0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 0], [0, 1]])
    spoken = replace(one, context_words=np.array([1.0, 0.0]), context_meaning=np.array([1.0, 0.0]))
    first, second = fuse(spoken, USUAL)
    assert 0 < first < second


def test_the_newest_is_lifted_only_if_its_release_matches() -> None:
    rows = [[9, 8, 0], [9, 8, 0], [9, 9, 0], [0, 0, 0], [9, 9, 0], [0, 0, 0], [0, 1, 2]]
    days = np.array([100, 200, 300])
    plain = fuse(evidence(rows), USUAL)
    newest = fuse(evidence(rows), USUAL, by_date(days, "newest"))
    assert plain[0] > plain[1] > plain[2]
    assert newest[1] > newest[0] > newest[2]


def test_dates_are_placed_from_nothing_to_one_and_unknown_ones_not_at_all() -> None:
    days = np.array([1, 100, 150, 200])
    assert by_date(days, "") is None
    placed: list[Floats | None] = [by_date(days, "newest"), by_date(days, "oldest")]
    assert [one.tolist() for one in placed if one is not None] == [[0, 0, 0.5, 1], [0, 1, 0.5, 0]]


def test_a_release_does_not_fill_the_best_places() -> None:
    scores = np.linspace(1, 0.6, OF_ONE + 4)
    of = np.array([0] * (OF_ONE + 3) + [1])
    best = np.argsort(-spread(scores, of), kind="stable")[: OF_ONE + 1]
    assert of[best].tolist() == [0] * OF_ONE + [1]
    alone = spread(scores[:-1], of[:-1])
    assert np.argsort(-alone, kind="stable").tolist() == list(range(OF_ONE + 3))
