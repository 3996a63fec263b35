import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from conftest import CORPUS

from qa_service.answer import NO_EVIDENCE, Asked, ask, asking, check_claim, check_draft
from qa_service.corpus import ReadingOptions, read_corpus
from qa_service.engines import Answerer, Tools
from qa_service.errors import EngineError, QueryError
from qa_service.index import Generation
from qa_service.search import look_up, search
from qa_service.settings import read_settings
from qa_service.types import Claim, Draft, Filters, Found, Query, Release, Turn
from qa_service.understanding import Reading, make_query
from qa_service.wiring import make_answerer

SETTINGS = read_settings()
THRESHOLD = SETTINGS.evidence_threshold
READING = Reading(SETTINGS.question_max_chars)
RELEASES = {
    r.release_id: r for r in read_corpus(CORPUS, ReadingOptions()) if isinstance(r, Release)
}
ANSWERABLE = {
    "How many turbines does the wind farm at Stormvik have?": "24 turbines",
    "Who has been named chief executive of Nordfjell Energy?": "Helene Strand",
    "How many pupils does the school meals programme feed a day?": "410,000 pupils",
    "How much will the harbour lights cost a year?": "180,000 crowns",
}


class Fails:
    def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
        raise EngineError("the model is gone")


@pytest.fixture
def found(generation: Generation) -> list[Found]:
    stages = search(generation, make_query("harbour lights at night", Filters(), 2000), 5)
    best = look_up(generation, stages, 0, 5)
    return sorted(best, key=lambda one: len(one.passage.text) < 60)  # a heading is too short to cut


@pytest.fixture
def true(found: list[Found]) -> Claim:
    """Characters 2 to 42 of the best passage."""
    passage = found[0].passage
    return Claim(passage.passage_id, passage.start + 2, passage.start + 42, passage.text[2:42])


def bad_claims(true: Claim, found: list[Found]) -> dict[str, Claim]:
    """What must never reach a reader, by what is wrong with it."""
    first, second = found[0], found[1]
    text, end = first.release.text, first.passage.end
    return {
        "one to the left": replace(true, start=true.start - 1, end=true.end - 1),
        "one to the right": replace(true, start=true.start + 1, end=true.end + 1),
        "one too long": replace(true, end=true.end + 1),
        "one too short": replace(true, start=true.start + 1),
        "another letter": replace(true, quote="X" + true.quote[1:]),
        "another case": replace(true, quote=true.quote.swapcase()),
        "with white space around it": replace(true, quote=f" {true.quote}"),
        "a paraphrase": replace(true, quote="The lights stay on."),
        "another passage's": replace(true, passage_id=second.passage.passage_id),
        "a passage not retrieved": replace(true, passage_id="wire-2:0-99999"),
        "no passage": replace(true, passage_id=""),
        "of no length": replace(true, end=true.start, quote=""),
        "of blank text": Claim(true.passage_id, *_blank_in(first), " "),
        "backwards": replace(true, start=true.end, end=true.start),
        "from the end": replace(true, start=-len(true.quote), end=len(text)),
        "behind the end": replace(true, start=len(text), end=len(text) + 40),
        "beyond the passage": Claim(true.passage_id, end - 5, end + 1, text[end - 5 : end + 1]),
        "the whole release": Claim(true.passage_id, 0, len(text), text),
    }  # fmt: skip


def _blank_in(one: Found) -> tuple[int, int]:
    start = one.passage.start + one.passage.text.index(" ")
    return start, start + 1


BAD = [
    "one to the left", "one to the right", "one too long", "one too short", "another letter",
    "another case", "with white space around it", "a paraphrase", "another passage's",
    "a passage not retrieved", "no passage", "of no length", "of blank text", "backwards",
    "from the end", "behind the end", "beyond the passage", "the whole release",
]  # fmt: skip


def test_a_claim_that_quotes_its_passage_exactly_stands(true: Claim, found: list[Found]) -> None:
    assert check_claim(true, found[0])
    passage = found[0].passage
    assert check_claim(
        Claim(passage.passage_id, passage.start, passage.end, passage.text), found[0]
    )


def test_every_way_to_be_wrong_is_listed(true: Claim, found: list[Found]) -> None:
    assert list(bad_claims(true, found)) == BAD


@pytest.mark.parametrize("wrong", BAD)
def test_a_claim_that_is_not_exact_is_dropped_and_counted(
    true: Claim, found: list[Found], wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = bad_claims(true, found)[wrong]
    by_id = {one.passage.passage_id: one for one in found}
    assert not check_claim(bad, by_id.get(bad.passage_id))
    with caplog.at_level(logging.WARNING):
        answer = check_draft(Draft((bad, true, bad), 1.0), found, "g1", 0.5)
    assert (answer.status, answer.dropped) == ("answered", 2)
    assert [(c.n, c.start, c.end, c.quote) for c in answer.citations] == [
        (1, true.start, true.end, true.quote)
    ]
    assert "dropped 2 of 3" in caplog.text


@pytest.mark.parametrize("wrong", BAD)
def test_where_no_claim_stands_the_releases_do_not_say(
    true: Claim, found: list[Found], wrong: str
) -> None:
    bad = bad_claims(true, found)[wrong]
    answer = check_draft(Draft((bad,), 1.0), found, "g1", 0.0)
    assert (answer.status, answer.text, answer.citations) == ("no_evidence", NO_EVIDENCE, ())
    assert answer.dropped == 1


def test_an_answerer_that_claims_nothing_is_no_evidence(found: list[Found]) -> None:
    answer = check_draft(Draft((), 1.0), found, "g1", 0.0)
    assert (answer.status, answer.citations, answer.dropped) == ("no_evidence", (), 0)


@pytest.mark.parametrize(
    ("confidence", "status"),
    [(0.5, "answered"), (0.4999, "no_evidence"), (float("nan"), "no_evidence")],
)
def test_below_the_threshold_nothing_is_said_and_nothing_cited(
    true: Claim, found: list[Found], confidence: float, status: str
) -> None:
    answer = check_draft(Draft((true,), confidence), found, "g1", 0.5)
    assert answer.status == status
    assert bool(answer.citations) == (status == "answered")


@pytest.mark.parametrize(
    ("few", "asked_for", "status"),
    [
        (1000, None, "answered"),
        (5, None, "no_evidence"),
        (5, 0.2, "answered"),
        (200, 0.3, "no_evidence"),
    ],
)
def test_of_a_large_corpus_more_confidence_is_asked_unless_it_is_set(
    generation: Generation,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    asked_for: float | None,
    status: str,
) -> None:
    class Unsure:
        def warm_up(self) -> None: ...

        def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
            best = found[0].passage
            return Draft((Claim(best.passage_id, best.start, best.end, best.text),), 0.25)

    monkeypatch.setattr(asking, "FEW", few)
    question = "How many turbines does the wind farm at Stormvik have?"
    asked = ask(generation, Unsure(), question, [], Filters(), 10, READING, asked_for)
    assert asked.answer.status == status


def test_the_text_is_the_quotes_with_their_numbers(true: Claim, found: list[Found]) -> None:
    second = found[1].passage
    other = Claim(second.passage_id, second.start, second.end, second.text)
    answer = check_draft(Draft((other, true), 1.0), found, "g1", 0.5)
    assert [c.n for c in answer.citations] == [1, 2]
    assert answer.text == f"“{second.text}” [1]\n\n“{true.quote}” [2]"
    assert answer.generation_id == "g1"


def test_an_answerer_that_fails_is_an_error_and_not_an_answer(generation: Generation) -> None:
    with pytest.raises(EngineError, match="the model is gone"):
        ask(generation, Fails(), "Who runs the harbour?", [], Filters(), 10, READING, THRESHOLD)


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    return make_answerer(SETTINGS)


@pytest.mark.parametrize("question", ANSWERABLE)
def test_what_the_releases_say_is_answered_from_them(
    generation: Generation, answerer: Answerer, question: str
) -> None:
    asked = ask(generation, answerer, question, [], Filters(), 10, READING, THRESHOLD)
    assert asked.answer.status == "answered"
    assert ANSWERABLE[question] in asked.answer.text
    assert asked.answer.dropped == 0


@pytest.mark.parametrize(
    "question",
    [*ANSWERABLE, "night ferry", "What is the capital of Mongolia?", "កំពង់ផែថ្មី?", "?", "the 👍"],
)
def test_every_citation_quotes_its_release_and_lies_in_a_retrieved_passage(
    generation: Generation, answerer: Answerer, question: str
) -> None:
    for threshold in (0.0, THRESHOLD):
        asked = ask(generation, answerer, question, [], Filters(), 10, READING, threshold)
        passages = {one.passage.passage_id: one.passage for one in asked.found}
        assert bool(asked.answer.citations) == (asked.answer.status == "answered")
        for cited in asked.answer.citations:
            passage = passages[cited.passage_id]
            assert RELEASES[cited.release_id].text[cited.start : cited.end] == cited.quote
            assert passage.start <= cited.start < cited.end <= passage.end
            assert passage.release_id == cited.release_id
            assert f"“{cited.quote}” [{cited.n}]" in asked.answer.text


@pytest.mark.parametrize(
    "question", ["What is the capital of Mongolia?", "Who won the chess olympiad in 1972?"]
)
def test_what_the_releases_do_not_say_is_not_answered(
    generation: Generation, answerer: Answerer, question: str
) -> None:
    answer = ask(generation, answerer, question, [], Filters(), 10, READING, THRESHOLD).answer
    assert (answer.status, answer.text, answer.citations) == ("no_evidence", NO_EVIDENCE, ())


def test_a_filter_that_allows_nothing_is_no_evidence(
    generation: Generation, answerer: Answerer
) -> None:
    nothing = Filters(issuers=("Nobody",))
    asked = ask(generation, answerer, next(iter(ANSWERABLE)), [], nothing, 10, READING, THRESHOLD)
    assert (asked.answer.status, asked.found) == ("no_evidence", [])


def test_a_follow_up_is_answered_with_what_was_said_before_it(
    generation: Generation, answerer: Answerer
) -> None:
    earlier = [Turn("user", "Who has been named chief executive of Nordfjell Energy?")]
    asked = ask(
        generation, answerer, "From which date?", earlier, Filters(), 10, READING, THRESHOLD
    )
    assert "Nordfjell Energy" in asked.standalone
    assert "From which date?" in asked.standalone
    assert asked.found[0].release.release_id == "wire-2"


@pytest.mark.parametrize("question", ["", " \n", "x" * (READING.max_chars + 1)])
def test_an_unusable_question_is_refused_even_with_earlier_turns(
    generation: Generation, answerer: Answerer, question: str
) -> None:
    with pytest.raises(QueryError):
        ask(generation, answerer, question, [Turn("user", "x")], Filters(), 10, READING, THRESHOLD)


def test_an_answer_is_logged_in_one_line(
    generation: Generation, answerer: Answerer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="qa_service"):
        ask(generation, answerer, next(iter(ANSWERABLE)), [], Filters(), 10, READING, THRESHOLD)
    [line] = [record.getMessage() for record in caplog.records if "answer " in record.getMessage()]
    for part in (
        f"generation={generation.generation_id}",
        "status=answered",
        "dropped=0",
        "took_ms=",
    ):
        assert part in line


def test_the_number_asked_for_comes_first_and_stands_in_the_first_quote(
    generation: Generation,
) -> None:
    asked = ask_with(generation, "How many turbines does the wind farm at Stormvik have?")
    answer = asked.answer
    assert answer.direct is not None
    first = answer.citations[0]
    assert answer.direct.text.startswith("24")
    assert RELEASES[first.release_id].text[answer.direct.start : answer.direct.end] == "24"
    assert first.start <= answer.direct.start < answer.direct.end <= first.end
    assert answer.text.startswith(f"24 [{first.n}]\n\n“")


def test_a_question_that_asks_for_no_fact_has_no_direct_answer(generation: Generation) -> None:
    asked = ask_with(generation, "Why is the harbour lit at night?")
    assert asked.answer.direct is None


def test_whom_he_means_stands_beside_the_quote_and_not_in_it(seed_generation: Generation) -> None:
    asked = ask_with(seed_generation, "What did he reiterate gratitude to the U.S. for?")
    [cited] = [c for c in asked.answer.citations if c.quote.startswith("He also reiterated")]
    assert cited.person == "Prak Sokhonn"
    assert f"[Prak Sokhonn] “{cited.quote}” [{cited.n}]" in asked.answer.text


def ask_with(generation: Generation, question: str) -> Asked:
    return ask(generation, make_answerer(SETTINGS), question, [], Filters(), 10, READING, THRESHOLD)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("How many turbines did the wind farm at Stormvik have in 1990?", True),
        ("How many turbines did the wind farm at Stormvik have in 2025?", True),
        ("How many turbines will the wind farm at Stormvik have in 2031?", False),
        ("How many turbines does the wind farm at Stormvik have?", False),
    ],
)
def test_a_time_that_is_not_that_of_the_releases_is_pointed_out(
    generation: Generation, question: str, told: bool
) -> None:
    days = sorted(one.published for one in RELEASES.values() if one.published)
    first, last = (f"{day.day} {day:%B %Y}" for day in (days[0], days[-1]))
    reading = Reading(SETTINGS.question_max_chars, as_of=date(2026, 11, 1))
    asked = ask(generation, make_answerer(SETTINGS), question, [], Filters(), 10, reading, 0.0)
    assert (f"The releases are of {first} to {last}." in asked.answer.notes) == told
