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
        (
            "What deal did ex-Bergen officer Eva Dahl get for her guilty plea?",
            "Dahl proceeded to trial.",
        ),
        (
            "How long did the jury deliberate before finding Eva Dahl guilty?",
            "Eva Dahl pleaded guilty.",
        ),
        (
            "Why did Eva Dahl get a shorter term than before?",
            "Dahl's term is identical to the first.",
        ),
        ("Where was Eva Dahl buried?", "Dahl survived the shooting."),
        ("Why was Eva Dahl acquitted?", "A jury found Eva Dahl guilty."),
        (
            "Which tax law did Lund Lines violate?",
            "The filing does not say Lund Lines did violate a tax law.",
        ),
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
        ("How much tax did Lund Lines pay?", "Lund Lines did not file a tax return and did not sail."),
        ("Which tax law did Lund Lines violate?",
         "Lund Lines violated the tax law of 2012. It is not said that Lund Lines violated a law."),
        ("When was Eva Dahl convicted?", "Eva Dahl was convicted in May, and in June on appeal not guilty."
         " Eva Dahl was convicted in May of bribery."),
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_a_denial(question: str, text: str) -> None:
    assert denial(question, f"It rained. {text}") == ""


def test_a_list_is_read_with_what_announces_it() -> None:
    text = (
        "There is no evidence that the following broke the law:\n\nLund County; and\n\nBerg County."
    )
    assert denial("Why was Lund County violating the law?", text) == text
    assert denial("Why was Vik County violating the law?", text) == ""


def test_what_may_happen_affirms_nothing() -> None:
    text = "If convicted, Eva Dahl faces two years. Eva Dahl was acquitted."
    asked = "What sentence did Eva Dahl get after her conviction?"
    assert denial(asked, text) == "Eva Dahl was acquitted."


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
