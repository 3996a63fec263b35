"""All statements of a person, and the course of a matter over time: from the whole index, in order."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pages import asked, words
from test_filters import write

from qa_service.app import create_app
from qa_service.engines import silent
from qa_service.index import Engines, Generation, build, open_current
from qa_service.settings import Settings, read_settings
from qa_service.speakers import is_speaker, speakers_in
from qa_service.statements import find_statements, statements_asked
from qa_service.timelines import timeline_asked
from qa_service.types import Filters, Query
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_plan


def release(n: int, day: str, title: str, *paragraphs: str) -> dict[str, Any]:
    """A release with filler around what it is about."""
    filler = f"The office at pier {n} keeps its usual hours for visitors and for the press."
    meta = {"published": day, "issuer": "Port of Lindholm"}
    return {
        "_id": f"p{n}",
        "title": title,
        "metadata": meta,
        "text": "\n\n".join([*paragraphs, filler]),
    }


RELEASES = [
    release(1, "2021-03-02", "Night ferry banned",
            "“The night ferry is banned,” said Director Mira Okonkwo.",
            "Captain Jonas Reyes said that the ban on the night ferry is unjustified."),
    release(2, "2021-09-14", "Night ferry ban reviewed",
            "Okonkwo added that the night ferry ban is reviewed.",
            "The director spoke to the press in the harbour hall."),
    release(3, "2022-05-20", "Night ferry sails again", "“The night ferry may sail again,” said Okonkwo.",
            "“We are glad,” said Jonas Reyes."),
    release(4, "2022-06-01", "New cranes", "Mira Okonkwo said that four cranes were bought."),
    release(7, "2019-02-02", "Quay repaired",
            "“The quay is old. It is safe,” said Harald Brun. “We mend it."
            " We paint it.” The work took a year. Brun thanked the crew."),
    release(8, "2018-04-04", "Works promised", "The port promised the island council three works:",
            "mend the northern quay after the January storms;",
            "paint the lighthouse at Korsnes and its beacons; and", "light the path to the village."),
    release(5, "2020-01-09", "Fish market opens", "The fish market was opened by the mayor of Lindholm."),
    release(6, "2022-07-01", "Letters to Okonkwo", "Schoolchildren wrote letters to Mira Okonkwo in June."),
]  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Settings:
    folder = tmp_path_factory.mktemp("gathering")
    write(folder / "corpus", RELEASES)
    settings = read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    build(make_plan(settings), engines, silent)
    return settings


@pytest.fixture(scope="module")
def ports(port: Settings, engines: Engines) -> Iterator[Generation]:
    opened = open_current(port.index_dir, engines)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(port: Settings) -> Iterator[Any]:
    with TestClient(create_app(port), raise_server_exceptions=False) as opened:
        yield opened


def reply(service: Any, question: str) -> Any:
    answered = service.post("/api/answer", json={"question": question})
    assert answered.status_code == 200
    return answered.json()


def cited(service: Any, question: str) -> list[str]:
    return [one["release_id"] for one in reply(service, question)["citations"]]


@pytest.mark.parametrize(
    ("question", "who", "about"),
    [
        ("List all statements by Mira Okonkwo", "Mira Okonkwo", ""),
        ("Show me every quote from Okonkwo about the night ferry.", "Okonkwo", "night ferry"),
        ("What has Mira Okonkwo said about the night ferry?", "Mira Okonkwo", "night ferry"),
        ("Everything Okonkwo has said about cranes", "Okonkwo", "cranes"),
        ("All of Jonas Reyes's remarks on the ban", "Jonas Reyes", "ban"),
        ("What has Okonkwo said about the ferry in 2021?", "Okonkwo", "ferry"),
    ],
)
def test_all_statements_of_a_person_are_asked_for(question: str, who: str, about: str) -> None:
    from qa_service.temporal import read_when

    when = read_when(question, date(2026, 1, 1))
    assert statements_asked(Query(question, when=when)) == (who, about)


@pytest.mark.parametrize(
    "question",
    ["What did Okonkwo say about the ferry?", "What has the port said?", "Who is Mira Okonkwo?",
     "Give the dates of all statements", "What has changed since Okonkwo came?"],
)  # fmt: skip
def test_other_questions_are_not_for_all_statements(question: str) -> None:
    assert statements_asked(Query(question)) is None


def test_statements_are_those_that_reading_every_sentence_finds(ports: Generation) -> None:
    query = understand(ports, "List all statements by Mira Okonkwo", Filters(), Reading(1000))
    found = find_statements(ports, query, "Mira Okonkwo", "")
    assert found is not None
    spans = {
        (one.release.release_id, one.release.text[one.start : one.end]) for one in found.releases
    }
    read = {
        (row["_id"], paragraph)
        for row in RELEASES
        for paragraph in row["text"].split("\n\n")
        if any(is_speaker("Mira Okonkwo", who) for who in speakers_in(paragraph))
    }
    assert spans == read
    assert len(read) == 4


def test_the_newest_statement_comes_first_and_all_are_counted(service: Any) -> None:
    found = reply(service, "List all statements by Mira Okonkwo")
    assert [one["release_id"] for one in found["citations"]] == ["p4", "p3", "p2", "p1"]
    assert found["text"].startswith(
        "4 statements in 4 releases by Mira Okonkwo, the first of 2 March 2021"
    )
    assert found["mentions"]["total"] == 4
    assert found["mentions"]["kind"] == "statements"


def test_statements_about_something_are_only_those(service: Any) -> None:
    assert cited(service, "What has Okonkwo said about the night ferry?") == ["p3", "p2", "p1"]
    assert cited(service, "What has Jonas Reyes said about the night ferry?") == ["p3", "p1"]


def test_a_statement_is_quoted_from_where_its_quote_opens_to_where_it_closes(service: Any) -> None:
    found = reply(service, "List all statements by Harald Brun")
    assert [one["quote"] for one in found["citations"]] == [
        "“The quay is old. It is safe,” said Harald Brun. “We mend it. We paint it.”",
        "Brun thanked the crew.",
    ]


def test_statements_of_a_year_are_only_those(service: Any) -> None:
    assert cited(service, "What has Okonkwo said about the night ferry in 2021?") == ["p2", "p1"]


def test_whoever_is_never_quoted_gets_an_honest_answer(service: Any) -> None:
    found = reply(service, "List all statements by Henrietta Quist")
    assert found["status"] == "no_evidence"
    assert found["citations"] == []


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("How did the position on the night ferry change?", "night ferry"),
        ("How has the port's policy on the night ferry evolved since 2021?", "port night ferry"),
        ("Timeline of the night ferry ban", "night ferry ban"),
        ("Give me a chronology of the night ferry.", "night ferry"),
        ("How has the night ferry changed over time?", "night ferry"),
    ],
)
def test_a_course_of_time_is_asked_for(question: str, subject: str) -> None:
    from qa_service.temporal import read_when

    when = read_when(question, date(2026, 1, 1))
    assert timeline_asked(Query(question, when=when)) == subject


def test_other_questions_are_not_for_a_course_of_time() -> None:
    for question in (
        "When did the ferry sail?",
        "How did the fire start?",
        "Who changed the plan?",
    ):
        assert timeline_asked(Query(question)) == ""


def test_a_course_of_time_has_a_quote_of_each_release_the_oldest_first(service: Any) -> None:
    found = reply(service, "How did the position on the night ferry change?")
    assert found["status"] == "answered"
    assert [one["release_id"] for one in found["citations"]] == ["p1", "p2", "p3"]


def test_a_course_of_time_keeps_to_the_period_asked_for(service: Any) -> None:
    question = "How did the position on the night ferry change in 2021?"
    assert cited(service, question) == ["p1", "p2"]


def test_a_list_is_quoted_with_all_its_items(service: Any) -> None:
    found = reply(service, "What are the three works that the port promised the island council?")
    [quote] = [one["quote"] for one in found["citations"] if one["release_id"] == "p8"]
    assert quote.startswith("The port promised the island council three works:")
    assert quote.endswith("light the path to the village.")


def test_the_page_lists_the_statements(service: Any) -> None:
    page = asked(service, "List all statements by Mira Okonkwo")
    assert "4 statements in 4 releases by Mira Okonkwo" in words(page)
