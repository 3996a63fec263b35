"""A question that puts the same to several is answered for each of them."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from test_filters import write
from test_gathering import release

from qa_service.answer import ask
from qa_service.engines import silent
from qa_service.facets import facets_of
from qa_service.index import Engines, Generation, build, open_current
from qa_service.settings import read_settings
from qa_service.temporal import read_when
from qa_service.types import Answer, Filters, Query
from qa_service.understanding import Reading
from qa_service.wiring import make_answerer, make_plan

RELEASES = [
    release(1, "2021-03-02", "Harbour master sentenced",
            "Eva Dahl of Lindholm was sentenced to four years in prison for taking bribes at the harbour."),
    release(2, "2021-09-14", "Pilot sentenced",
            "Jon Berg, a pilot, was sentenced today to 30 months in prison for smuggling goods by night.",
            "The court in Lindholm heard six witnesses."),
    release(3, "2022-05-20", "Grants for islands", "The ministry gave grants to twelve islands today."),
    release(4, "2022-06-20", "More grants for islands", "The ministry gave grants to nine islands today."),
    release(5, "2022-07-01", "New cranes", "Mira Okonkwo said that four cranes were bought."),
]  # fmt: skip


def parts(question: str) -> list[tuple[str, str]]:
    query = Query(question, when=read_when(question, date(2026, 1, 1)))
    return [(part.facet, part.text) for part in facets_of(query)]


@pytest.mark.parametrize(
    ("question", "facets", "first"),
    [
        ("What sentences did Eva Dahl, Jon Berg and Ola Lie each get?", ["Eva Dahl", "Jon Berg", "Ola Lie"],
         "What sentences did Eva Dahl each get?"),
        ("Who paid more, Acme or its rival Norlines?", ["Acme", "Norlines"], "Who paid more, Acme?"),
        ("How many more months was Eva Dahl given than the pilot Jon Berg?", ["Eva Dahl", "Jon Berg"],
         "How many more months was Eva Dahl given?"),
        ("Compare the grants of 2 May 2022, 6 June 2022 and 4 July 2022.",
         ["2 May 2022", "6 June 2022", "4 July 2022"], "Compare the grants of 2 May 2022."),
        ("Compare the grants in May 2022 with those in June 2022.", ["May 2022", "June 2022"],
         "Compare the grants in May 2022 with those in."),
        ("What fines went to Eva Dahl and to Jon Berg?", ["Eva Dahl", "Jon Berg"],
         "What fines went to Eva Dahl?"),
    ],
)  # fmt: skip
def test_each_of_several_gets_a_question_of_its_own(
    question: str, facets: list[str], first: str
) -> None:
    found = parts(question)
    assert [name for name, _ in found] == facets
    assert found[0][1] == first


@pytest.mark.parametrize(
    "question",
    [
        "What did Eva Dahl and Jon Berg announce?",
        "After Nashville and Jackson joined, how many cities were there?",
        "How many releases were there from May 2022 to June 2022?",
        "Who is the largest shareholder of Acme?",
        "What did Cambodia and China agree on 5 May 2022?",
        "What are the newest charges against Eva Dahl and Jon Berg?",
    ],
)
def test_a_question_of_one_matter_stays_whole(question: str) -> None:
    assert parts(question) == []


def test_a_part_searches_the_days_of_its_own_only() -> None:
    question = "Compare the grants in May 2022 and June 2022."
    query = Query(question, when=read_when(question, date(2026, 1, 1)))
    bounds = [[(p.first, p.last) for p in part.filters.periods] for part in facets_of(query)]
    assert bounds == [
        [(date(2022, 5, 1), date(2022, 5, 31))],
        [(date(2022, 6, 1), date(2022, 6, 30))],
    ]


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Generation]:
    folder = tmp_path_factory.mktemp("facets")
    write(folder / "corpus", RELEASES)
    settings = read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    build(make_plan(settings), engines, silent)
    opened = open_current(settings.index_dir, engines)
    yield opened
    opened.close()


def answer(published: Any, question: str, threshold: float | None = None) -> Answer:
    answerer = make_answerer(read_settings())
    return ask(published, answerer, question, (), Filters(), 10, Reading(2000), threshold).answer


def test_a_comparison_quotes_each_side_in_the_order_of_the_question(court: Generation) -> None:
    given = answer(court, "Who got the longer prison term, Jon Berg or Eva Dahl?")
    assert given.status == "answered"
    releases = list(dict.fromkeys(one.release_id for one in given.citations))
    assert releases == ["p2", "p1"]
    assert "30 months" in given.text
    assert "four years" in given.text


def test_it_is_said_of_whom_the_releases_say_nothing(court: Generation) -> None:
    given = answer(
        court, "What prison terms did Jon Berg, Eva Dahl and Xaver Quillfeather each get?"
    )
    assert "“Xaver Quillfeather”: the releases do not say." in given.notes


def test_days_are_compared_by_the_releases_of_each(court: Generation) -> None:
    question = "Compare how many islands got grants in May 2022 and June 2022."
    assert [one.release_id for one in answer(court, question, 0.0).citations] == ["p3", "p4"]
