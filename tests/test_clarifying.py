"""Questions that tell nothing are asked back, with the releases that could be meant."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pages import asked, words
from test_filters import write

from qa_service.app import create_app
from qa_service.clarifying import ASK_BACK
from qa_service.engines import silent
from qa_service.engines.answerer_extractive import in_order_of_dates
from qa_service.index import Engines, build
from qa_service.sentences import Sentence
from qa_service.settings import read_settings
from qa_service.types import Found, Passage, Release
from qa_service.wiring import make_plan

TOWNS = ("Lund", "Voss", "Hamar", "Skien", "Molde", "Horten")
RELEASES: list[dict[str, Any]] = [
    {
        "_id": town,
        "title": f"Meeting of the council of {town}",
        "metadata": {"published": f"2021-0{n}-03"},
        "text": f"The meeting was held in the town hall of {town} on {n} March 2021. The council spoke.",
    }
    for n, town in enumerate(TOWNS, 1)
]
VAGUE = "Where was the meeting held?"


@pytest.fixture(scope="module")
def councils(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("councils")
    write(folder / "corpus", RELEASES)
    chosen = read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    build(make_plan(chosen), engines, silent)
    with TestClient(create_app(chosen), raise_server_exceptions=False) as opened:
        yield opened


def answer(client: Any, question: str, **given: Any) -> Any:
    return client.post("/api/answer", json={"question": question, **given}).json()


def test_a_question_that_many_releases_answer_is_asked_back(councils: Any) -> None:
    reply = answer(councils, VAGUE)
    assert (reply["status"], reply["text"], reply["citations"]) == ("clarify", ASK_BACK, [])
    assert len(reply["choices"]) == 5
    for choice in reply["choices"]:
        assert choice["title"] == f"Meeting of the council of {choice['release_id']}"


def test_the_question_of_a_choice_is_answered_from_it(councils: Any) -> None:
    for choice in answer(councils, VAGUE)["choices"]:
        reply = answer(councils, choice["question"])
        assert reply["status"] == "answered"
        assert reply["citations"][0]["release_id"] == choice["release_id"]


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("Where was the meeting held in Voss?", {}),
        (VAGUE, {"history": [{"role": "user", "text": "What did the council of Voss do?"}]}),
        (VAGUE, {"filters": {"release_id": ["Voss"]}}),
        ("Where was the meeting of 3 April 2021 held?", {}),
        ("Where is a volcano?", {}),
        ("What did the council do?", {}),
        ("Who is the council?", {}),
    ],
)
def test_what_tells_the_release_is_not_asked_back(
    councils: Any, question: str, given: dict[str, Any]
) -> None:
    assert answer(councils, question, **given)["status"] != "clarify"


def test_one_release_leaves_nothing_to_choose(seed_generation: Any) -> None:
    from qa_service.clarifying import could_be_meant
    from qa_service.search import look_up, search
    from qa_service.types import Query

    query = Query(VAGUE)
    found = look_up(seed_generation, search(seed_generation, query, 10), 0, 10)
    assert found
    assert could_be_meant(seed_generation, query, found) == ()


def test_the_page_offers_the_choices_as_links(councils: Any) -> None:
    page = asked(councils, VAGUE)
    assert ASK_BACK in words(page)
    links = [str(a["href"]) for a in page.select("ul.choices a")]
    assert len(links) == 5
    for link in links:
        assert "blockquote" in councils.get(link).text


def test_quotes_from_several_releases_stand_in_the_order_of_their_dates(councils: Any) -> None:
    reply = answer(councils, "In which towns were all the meetings of the councils held?")
    days = [cited["published"] for cited in reply["citations"]]
    assert len(set(days)) > 1
    assert days == sorted(days)


def test_the_newest_come_first_if_the_latest_is_asked_for() -> None:
    days = [date(2021, 3, 1), None, date(2020, 1, 1), date(2021, 3, 1), date(2022, 1, 1)]
    found = [
        Found(Passage(f"{n}:0-1", str(n), 0, 1, "x"), Release(str(n), "", "x", day), n + 1, 1.0)
        for n, day in enumerate(days)
    ]
    sentences = [Sentence(n, 0, 0, 1, "x", "") for n in range(5)]
    for newest_first, expected in ((True, [4, 0, 3, 2, 1]), (False, [1, 2, 0, 3, 4])):
        ordered = in_order_of_dates(sentences, found, newest_first)
        assert [sentence.place for sentence in ordered] == expected
