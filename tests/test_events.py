"""Time told by an event: which words tell it, and which release dates it."""

from datetime import date

import pytest

from qa_service.events import find_told, newest_naming, when_told
from qa_service.types import Release

SUMMITS = [
    Release("old", "Minister leaves for the Oslo Summit", "", date(2019, 4, 2)),
    Release("oslo", "Chair's statement of the Oslo summit", "", date(2021, 6, 8)),
    Release("bonn", "Leaders meet at U.S.-Nordic Summit in Bonn", "", date(2022, 5, 13)),
    Release("later", "After the Bonn summit: a speech", "", date(2024, 1, 1)),
    Release("undated", "The Oslo summit remembered", ""),
]


@pytest.mark.parametrize(
    ("question", "word", "event"),
    [
        ("What has been said on grain since the summit?", "since", "the summit"),
        ("Since the Oslo Summit, what did she say?", "since", "the Oslo Summit"),
        (
            "What did he sign after the U.S.-Nordic Summit in Washington, D.C.?",
            "after",
            "the U.S.-Nordic Summit in Washington, D.C.",
        ),
        ("Who spoke prior to the 2018 elections?", "prior to", "the 2018 elections"),
        ("What was agreed until that meeting with Ms. Dahl", "until", "that meeting with Ms. Dahl"),
    ],
)
def test_an_event_that_tells_time_is_found(question: str, word: str, event: str) -> None:
    told = find_told(question)
    assert told is not None
    assert (told.word, told.event) == (word, event)
    assert question[told.start : told.end].lower() == f"{word} {event}".lower()


@pytest.mark.parametrize(
    "question",
    [
        "What was said at the summit?",
        "Who was arrested after the attack on the school?",
        "What did the judge say after the sentencing?",
        "What did he do since the day that he left the meeting room?",
        "Who went home before meeting anyone?",
    ],
)
def test_other_words_do_not_tell_time_by_an_event(question: str) -> None:
    assert find_told(question) is None


@pytest.mark.parametrize(
    ("event", "as_of", "expected"),
    [
        ("the summit", date(2023, 1, 1), "bonn"),
        ("the summit", date(2022, 1, 1), "oslo"),
        ("the Oslo summits", date(2023, 1, 1), "oslo"),
        ("the US-Nordic summit", date(2030, 1, 1), "bonn"),
        ("the Paris summit", date(2030, 1, 1), None),
        ("the summit", date(2018, 1, 1), None),
    ],
)
def test_an_event_is_dated_by_the_newest_release_whose_title_names_it(
    event: str, as_of: date, expected: str | None
) -> None:
    found = newest_naming(event, SUMMITS, as_of)
    assert (found and found.release_id) == expected


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("since the summit", date(2021, 6, 8), None),
        ("after the summit", date(2021, 6, 9), None),
        ("before the summit", None, date(2021, 6, 7)),
        ("prior to the summit", None, date(2021, 6, 7)),
        ("until the summit", None, date(2021, 6, 8)),
        ("up to the summit", None, date(2021, 6, 8)),
    ],
)
def test_the_day_of_an_event_opens_or_closes_a_period(
    question: str, first: date | None, last: date | None
) -> None:
    told = find_told(question)
    assert told is not None
    when = when_told(told, SUMMITS[1], date(2023, 1, 1))
    assert [(one.first, one.last) for one in when.periods] == [(first, last)]
    assert when.words == (question,)
    assert when.event is not None
    assert (when.event.release_id, when.event.published) == ("oslo", date(2021, 6, 8))
