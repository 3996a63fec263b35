"""What answers by itself: the fact asked for, where it is clear which one that is."""

from datetime import date

import pytest

from qa_service.direct import day_meant, find_direct, kind_asked
from qa_service.types import Release


def stems(text: str) -> list[str]:
    return [word.strip(".,?").lower().rstrip("s") for word in text.split()]


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("When did the ministers meet?", "The ministers met on 13 May 2022 in Oslo.", "13 May 2022"),
        ("How many ferries were built?", "In 2019, three yards built 12 ferries.", "12"),
        ("How much was the fine?", "The fine was $2.5 million, the ship cost more.", "$2.5 million"),
        ("How long was he sentenced for?", "He was sentenced to 18 months.", "18 months"),
        ("What share was paid?", "About 40 percent was paid.", "40 percent"),
        ("Where did they meet?", "They met in Washington, D.C. His hosts were glad.", "Washington, D.C."),
        ("Who opened the bridge?", "The bridge was opened by Ingrid Dahl.", "Ingrid Dahl"),
        ("How many ships sailed when the strike began?", "In May 2019, 7 ships sailed.", "7"),
    ],
)  # fmt: skip
def test_the_fact_asked_for_is_found(question: str, sentence: str, expected: str) -> None:
    span = find_direct(question, sentence, stems)
    assert span is not None
    assert sentence[slice(*span)] == expected


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why did they meet?", "They met on 13 May 2022."),
        ("When did they meet?", "They met in the harbour."),
        ("How many counts were brought?", "Martin, 52, of Oslo, was charged."),
        ("How many ferries were built?", "They were built in 2019."),
        ("Who met whom?", "Watt’s engine stood there."),
        ("When did they meet?", "They met on 13 May 2022 and they met on 14 May 2022."),
        ("What did she say when they met?", "They met on 13 May 2022."),
        ("Compare when the two sailed.", "One sailed on 13 May 2022."),
        ("Who sailed?", "It was between May and June."),
    ],
)
def test_where_no_fact_is_asked_there_or_clear_none_is_given(question: str, sentence: str) -> None:
    assert find_direct(question, sentence, stems) is None


def test_what_the_question_says_itself_is_no_answer() -> None:
    sentence = "On 13 May 2022 they met, and on 16 May 2022 it was told."
    span = find_direct("When was it told that they met on 13 May 2022?", sentence, stems)
    assert span is not None
    assert sentence[slice(*span)] == "16 May 2022"


def test_the_first_kind_in_a_question_counts() -> None:
    assert kind_asked("How many sailed, and when?") == "number"
    assert kind_asked("When did how many sail?") == "date"
    assert kind_asked("Why?") == ""


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("yesterday", "It was told on May 3, 2021.", "July 19, 2016"),
        ("yesterday", "It was told on 3 May 2021.", "19 July 2016"),
        ("today", "", "20 July 2016"),
        ("Friday", "", "15 July 2016"),
        ("13 May 2022", "", ""),
        ("May", "", ""),
    ],
)
def test_yesterday_is_the_day_before_the_release(words: str, text: str, expected: str) -> None:
    release = Release("a", "A", text, date(2016, 7, 20))
    assert day_meant(words, release) == expected
    assert day_meant(words, Release("a", "A", text)) == ""


def test_a_release_without_dates_has_them_written_as_the_others_do() -> None:
    release = Release("a", "A", "The clerk was convicted yesterday.", date(2016, 7, 20))
    others = [Release("b", "B", "They met."), Release("c", "C", "On Sept. 9 he was charged.")]
    assert day_meant("yesterday", release, others) == "July 19, 2016"
    assert day_meant("yesterday", release, others[:1]) == "19 July 2016"
