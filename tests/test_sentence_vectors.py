"""The vectors of sentences against brute force."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.errors import GenerationCorrupt
from qa_service.index import Generation
from qa_service.index.sentence_vectors import (
    SPANS,
    VECTORS,
    SentenceVectors,
    revised,
    write_sentence_vectors,
)
from qa_service.passages import sentence_texts
from qa_service.types import Filters

COUNTS = [3, 1, 4, 1, 5]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, SentenceVectors]:
    vectors = np.random.default_rng(2).standard_normal((sum(COUNTS), 8)).astype(np.float32)
    folder = tmp_path_factory.mktemp("vectors") / "sentences"
    write_sentence_vectors(folder, vectors, COUNTS)
    return vectors, SentenceVectors(folder)


@given(st.lists(st.integers(0, len(COUNTS) - 1), unique=True, max_size=5), st.integers(1, 3))
def test_the_best_sentence_is_that_of_comparing_each(
    stored: tuple[np.ndarray, SentenceVectors], numbers: list[int], asked: int
) -> None:
    vectors, opened = stored
    ends = np.cumsum(COUNTS)
    questions = np.random.default_rng(asked).standard_normal((asked, 8)).astype(np.float32)
    expected = np.array([
        [max(vectors[ends[n] - COUNTS[n] : ends[n]] @ one) for n in numbers] for one in questions
    ]).reshape(asked, len(numbers))  # fmt: skip
    np.testing.assert_allclose(
        opened.best(questions, np.array(numbers, np.int64)), expected, atol=2e-2
    )


def test_a_passage_has_a_vector_for_each_sentence(generation: Generation) -> None:
    for release in generation.catalogue.releases(Filters(), 9, 0):
        for passage in generation.passages_of(release.release_id):
            own = generation.sentence_vectors(passage.passage_id)
            expected = generation.embedder.embed_passages(sentence_texts(passage.text))
            np.testing.assert_allclose((own * expected).sum(axis=1), 1, atol=5e-3)


@pytest.mark.parametrize("name", [VECTORS, SPANS])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    write_sentence_vectors(tmp_path / "s", np.ones((2, 4), np.float32), [1, 1])
    (tmp_path / "s" / name).write_bytes(b"nothing")
    with pytest.raises(GenerationCorrupt, match=r"s: .*qa build"):
        SentenceVectors(tmp_path / "s")


def test_changes_leave_the_large_file_as_it_is_until_they_are_many(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    own = [random.standard_normal((n % 3 + 1, 8)).astype("<f2") for n in range(400)]
    write_sentence_vectors(tmp_path / "0", np.concatenate(own).astype(np.float32), [*map(len, own)])
    for step in range(1, 6):
        before = SentenceVectors(tmp_path / str(step - 1))
        places = np.insert(np.delete(np.arange(400), step), 200, -1)
        new = random.standard_normal((2, 8)).astype("<f2")
        own = [own[place] if place >= 0 else new for place in places]
        counts = np.array([*map(len, own)], np.int32)
        with revised(tmp_path / str(step), 8, counts, before, places) as writer:
            writer.put(np.array([200]), new.astype(np.float32))
        opened = SentenceVectors(tmp_path / str(step))
        for place, expected in enumerate(own):
            np.testing.assert_array_equal(opened.of(place), expected.astype(np.float32))
    shared = [
        (tmp_path / str(step) / VECTORS).samefile(tmp_path / "0" / VECTORS) for step in (1, 5)
    ]
    assert shared == [True, False]
