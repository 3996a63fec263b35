"""A question that takes for granted what a release denies gets the quote that denies it."""

import math
from collections.abc import Sequence

import pytest

from qa_service.answer import ask
from qa_service.contradiction import SAY_OTHERWISE, find_contradiction
from qa_service.engines import Tools
from qa_service.index import Generation
from qa_service.settings import read_settings
from qa_service.types import Draft, Filters, Found, Passage, Query, Release
from qa_service.understanding import Reading
from qa_service.wiring import make_answerer


def stems(text: str) -> list[str]:
    return [word.strip(".,?’'s").lower() for word in text.split()]


def denial(question: str, text: str) -> str:
    release = Release("a", "A", text, body_end=len(text))
    found = [Found(Passage(f"a:0-{len(text)}", "a", 0, len(text), text), release, 1, 1.0)]
    denied = find_contradiction(question, found, stems)
    return denied[0].text if denied else ""


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What sentence did Eva Dahl get after she was convicted?", "Eva Dahl was acquitted."),
        ("How many months in prison did Eva Dahl get?", "Dahl was given three years of probation."),
        ("What did Eva Dahl get for her guilty plea?", "Dahl proceeded to trial."),
        ("When did Norway agree to host a base?", "Norway does not permit a foreign base."),
        ("Which law is Lund violating?", "There is no evidence that Lund broke a law."),
    ],
)
def test_what_a_release_denies_is_found(question: str, text: str) -> None:
    assert denial(question, f"It rained. {text} It went on.") == text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What sentence did Eva Dahl get after she was convicted?", "Ann Berg was acquitted."),
        ("Why was Eva Dahl acquitted, not convicted?", "Eva Dahl was acquitted."),
        ("How many months in prison did Eva Dahl get?", "Dahl got probation after a month in prison."),
        ("When did Norway agree to pay a fine?", "Norway does not permit foreign bases."),
        ("When was Eva Dahl sentenced?", "Eva Dahl was acquitted."),
        ("Compare what Eva Dahl and Ann Berg, both convicted, got.", "Eva Dahl was acquitted."),
        ("Was Eva Dahl convicted?", "Eva Dahl was acquitted."),
        ("What did Eva Dahl of Berg get for her guilty plea?", "Ann Berg pleaded not guilty."),
        ("what was he convicted of?", "He was acquitted."),
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_a_denial(question: str, text: str) -> None:
    assert denial(question, f"It rained. {text}") == ""


def test_the_seed_release_denies_that_a_base_was_agreed_to(seed_generation: Generation) -> None:
    settings = read_settings()
    question = "When did Cambodia agree to host a US base?"
    reading = Reading(settings.question_max_chars)
    answerer = make_answerer(settings)
    asked = ask(seed_generation, answerer, question, [], Filters(), 10, reading, 0.18)
    answer = asked.answer
    assert answer.status == "contradicted"
    assert answer.text.startswith(SAY_OTHERWISE)
    [cited] = answer.citations
    assert "does not permit foreign military base" in cited.quote
    [release] = {one.release.release_id: one.release for one in asked.found}.values()
    assert release.text[cited.start : cited.end] == cited.quote
    assert answer.direct is None


class Unsure:
    def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
        return Draft((), math.nan)


def test_a_denial_is_quoted_whatever_the_answerer_thinks(seed_generation: Generation) -> None:
    question = "When did Cambodia agree to host a US base?"
    asked = ask(seed_generation, Unsure(), question, [], Filters(), 10, Reading(1000), 0.18)
    assert asked.answer.status == "contradicted"
    assert len(asked.answer.citations) == 1
