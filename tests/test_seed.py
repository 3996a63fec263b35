"""The release in ``corpus/`` and what a reader would ask about it."""

from collections.abc import Callable
from functools import cache

import pytest
from conftest import SEED

from qa_service.answer import NO_EVIDENCE, Asked, ask
from qa_service.index import Generation
from qa_service.settings import read_settings
from qa_service.types import Filters
from qa_service.understanding import Reading
from qa_service.wiring import make_answerer

[RELEASE] = SEED.glob("*.txt")
TEXT = RELEASE.read_text(encoding="utf-8")
K = 10

ANSWERABLE = {
    "Who met Prak Sokhonn?": "Blinken",
    "Who did Secretary of State Blinken meet?": "Prak Sokhonn",
    "When did Prak Sokhonn and Blinken meet?": "13 May 2022",
    "Where did the two ministers meet?": "Washington D.C.",
    "What did the meeting aim to promote?": "Cambodia-U.S. relations",
    "Where was the press release issued?": "Phnom Penh",
    "When was the press release issued?": "16 May 2022",
    "Which ministry issued the press release?": "MINISTER OF FOREIGN AFFAIRS",
    "In which areas do Cambodia and the United States cooperate?": "mine clearance",
    "What is the best example of positive cooperation between the two countries?": "trade is the best",
    "What did Prak Sokhonn hope for about the GSP scheme?": "soon renewed",
    "Why does the GSP matter to women workers?": "the majority of which are women",
    "What did Prak Sokhonn say about elections in Cambodia?": "multi-party elections",
    "How did Cambodia respond to the U.S. concern about human rights?": "freedom of expression",
    "What is said about trade unions?": "operation of trade unions",
    "What did Cambodia ask the United States to reconsider?": "visa restriction",
    "What is the visa restriction related to?": "repatriation issue",
    "What did Blinken thank Cambodia for?": "convening of the ASEAN-US Special Summit",
    "What are the three urgent priorities in Myanmar?": "ending violence",
    "Which conflict in Europe did the ministers discuss?": "Ukraine-Russia conflict",
    "Does Cambodia's Constitution permit a foreign military base?": "does not permit foreign",
    "Why is Ream naval base being renovated?": "protect its maritime integrity",
}
UNANSWERABLE = [
    "How much money did the United States give Cambodia for vaccines?",
    "What is the population of Cambodia?",
    "Who won the football match between Cambodia and Vietnam?",
    "What will the weather be like in Phnom Penh tomorrow?",
    "How do I cook fish amok?",
    "What did Sergey Lavrov say to Prak Sokhonn?",
]


Ask = Callable[[str], Asked]


@pytest.fixture(scope="module")
def ask_once(seed_generation: Generation) -> Ask:
    """Ask with the settings that a user has at first; an answer is kept."""
    settings = read_settings()
    reading, threshold = Reading(settings.question_max_chars), settings.evidence_threshold
    answerer = make_answerer(settings)

    @cache
    def asked(question: str) -> Asked:
        return ask(seed_generation, answerer, question, [], Filters(), K, reading, threshold)

    return asked


@pytest.mark.parametrize(("question", "expected"), ANSWERABLE.items(), ids=ANSWERABLE)
def test_a_quote_answers_the_question(ask_once: Ask, question: str, expected: str) -> None:
    answer = ask_once(question).answer
    quotes = [" ".join(citation.quote.split()).lower() for citation in answer.citations]
    assert answer.status == "answered", f"confidence {answer.confidence:.2f}"
    assert any(expected.lower() in quote for quote in quotes), quotes


@pytest.mark.parametrize("question", UNANSWERABLE)
def test_the_release_does_not_say(ask_once: Ask, question: str) -> None:
    answer = ask_once(question).answer
    quotes = [citation.quote for citation in answer.citations]
    assert answer.status == "no_evidence", f"confidence {answer.confidence:.2f}: {quotes}"
    assert (answer.text, quotes) == (NO_EVIDENCE, [])


def test_a_name_that_is_in_no_release_is_named(ask_once: Ask) -> None:
    answer = ask_once("What did Minister Wolfenstein thank Cambodia for?").answer
    assert answer.status == "no_evidence"
    assert answer.notes[0] == "No release has the name “Wolfenstein”."


def test_a_misprinted_name_is_not_taken_for_one_that_is_in_no_release(ask_once: Ask) -> None:
    answer = ask_once("What did Secretary Blinkenn thank Cambodia for?").answer
    assert answer.status == "answered"
    assert answer.notes == ()


def test_every_quote_stands_in_the_release_where_its_citation_says(ask_once: Ask) -> None:
    citations = []
    for question in [*ANSWERABLE, *UNANSWERABLE]:
        answer = ask_once(question).answer
        assert answer.dropped == 0
        assert [c.n for c in answer.citations] == [*range(1, len(answer.citations) + 1)]
        citations += answer.citations
    assert citations
    for citation in citations:
        assert citation.release_id == RELEASE.stem
        assert citation.quote == citation.quote.strip() != ""
        assert citation.quote == TEXT[citation.start : citation.end]
