"""Every answerer: it may propose nothing, but what it proposes it quotes exactly."""

from collections.abc import Callable, Sequence

import pytest
from conftest import CORPUS, SEED
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_service.answer import check_claim
from qa_service.corpus import ReadingOptions, read_corpus
from qa_service.engines import Tools
from qa_service.engines.answerer_extractive import MEANINGS, models
from qa_service.index import Generation
from qa_service.passages import PassageSettings, sentence_texts, split_release
from qa_service.sentences import FEATURES
from qa_service.settings import read_settings
from qa_service.types import Draft, Found, Passage, Query, Release, Vectors
from qa_service.wiring import ANSWERERS

RELEASES = [
    r
    for folder in (CORPUS, SEED)
    for r in read_corpus(folder, ReadingOptions())
    if isinstance(r, Release)
]
PASSAGES = [(p, r) for r in RELEASES for p in split_release(r, PassageSettings())]
FOUND = tuple(
    Found(passage, release, rank, 1 / (60 + rank), lexical=9.0 / rank, dense=0.9 / rank)
    for rank, (passage, release) in enumerate(PASSAGES, 1)
)
QUESTIONS = [
    "How many turbines stand at Stormvik?",
    "Who is the chief executive of Nordfjell Energy?",
    "What did Captain Reyes ask the Ministry to reconsider?",
    "កំពង់ផែថ្មីនឹងបើកដំណើរការនៅឆ្នាំណា?",
    "What is the capital of Mongolia?",
]
ODD = st.text(
    st.sampled_from("wind farm?!.,“”…\n\t👍🏽🇰🇭\u200d\u0301éß\u1780\u17d2២ \x00'’_-\"\\%{}[]()")
)


Asks = Callable[[str, Sequence[Found]], Draft]


@pytest.fixture(params=sorted(ANSWERERS), scope="module")
def ask(request: pytest.FixtureRequest, generation: Generation) -> Asks:
    """Asks a new answerer each time, with the words and vectors of the small corpus."""

    def sentence_vectors(passage: Passage) -> Vectors:
        return generation.embedder.embed_passages(sentence_texts(passage.text))

    # Nothing answers at port 9 (discard): the language model's answerer falls back.
    settings = read_settings(llm_url="http://127.0.0.1:9/v1", llm_model="none")
    answerer = ANSWERERS[request.param](settings)
    embedder = generation.embedder
    tools = Tools(generation.lexical, embedder, sentence_vectors, embedder.embed_queries)
    return lambda question, found: answerer.answer(Query(question), found, tools)


def assert_sound(draft: Draft, found: tuple[Found, ...]) -> None:
    by_id = {one.passage.passage_id: one for one in found}
    assert 0 <= draft.confidence <= 1
    assert all(check_claim(claim, by_id.get(claim.passage_id)) for claim in draft.claims)
    assert len(set(draft.claims)) == len(draft.claims)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("first", range(0, len(FOUND), 3))
def test_every_claim_quotes_its_release_exactly(ask: Asks, question: str, first: int) -> None:
    found = FOUND[first : first + 10]
    assert_sound(ask(question, found), found)


@pytest.mark.parametrize("question", QUESTIONS)
def test_without_passages_nothing_is_claimed(ask: Asks, question: str) -> None:
    draft = ask(question, ())
    assert (draft.claims, draft.confidence) == ((), 0)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_question_gets_the_same_draft(ask: Asks, question: str) -> None:
    assert ask(question, FOUND) == ask(question, FOUND)


@pytest.mark.parametrize("question", QUESTIONS)
def test_one_passage_is_enough(ask: Asks, question: str) -> None:
    for one in FOUND:
        assert_sound(ask(question, (one,)), (one,))


TURBINES = sorted(FOUND, key=lambda one: "24 turbines" not in one.passage.text)


def test_a_question_in_the_words_of_a_passage_is_answered_from_it(
    ask: Asks,
) -> None:
    draft = ask("How many turbines did Nordfjell Energy open at Stormvik?", TURBINES)
    assert "24 turbines" in draft.claims[0].quote


def test_what_the_passages_say_gives_more_confidence_than_what_they_do_not(
    ask: Asks,
) -> None:
    said, unsaid = (ask(q, TURBINES).confidence for q in (QUESTIONS[0], QUESTIONS[-1]))
    assert said > unsaid


@settings(max_examples=40, deadline=None)
@given(question=ODD, text=ODD, title=ODD)
def test_no_question_and_no_release_is_an_error(
    ask: Asks, question: str, text: str, title: str
) -> None:
    release = Release("odd", title, text, body_end=len(text))
    odd = tuple(
        Found(passage, release, rank, 0.1)
        for rank, passage in enumerate(split_release(release, PassageSettings(40, 5)), 1)
    )
    for found in (odd, FOUND[:4], odd + FOUND[:2]):
        assert_sound(ask(question, found), found)


def test_the_packaged_models_have_a_weight_for_every_feature() -> None:
    trained = models()
    columns = len(FEATURES)
    assert trained.sentence.weights.shape == (columns + MEANINGS,)
