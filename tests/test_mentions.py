"""How many releases mention something, the first, the last: exact, from the whole index."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pages import asked, words
from test_filters import write

from qa_service.app import create_app
from qa_service.engines import silent
from qa_service.index import Engines, Generation, build, open_current
from qa_service.mentions import Asked, find_mentions, mentions_asked
from qa_service.passages import split_sentences
from qa_service.sentences import COMMON
from qa_service.settings import Settings, read_settings
from qa_service.temporal import read_when
from qa_service.types import Filters, Query
from qa_service.understanding import Reading, understand
from qa_service.wiring import make_plan

NAMES = ("Ream base", "Lindholm", "naval exercise", "harbour")


def sentence(n: int, m: int, name: str) -> str:
    """What release ``n`` says of the ``m``-th name, in some form, or in parts only."""
    if not (n >> m) & 1:
        return f"Nothing of {name.split(maxsplit=1)[0]} was seen in {n}, and the base lay far off."
    written = name if (n * 7 + m) % 3 else name.upper()
    return f"The {written}{'s' if n % 2 else ''} of {n} was seen."


RELEASES: list[dict[str, Any]] = [
    {
        "_id": f"r{n}",
        "title": f"Note {n}" if n % 4 else f"Note on Lindholm {n}",
        "metadata": {
            "published": f"20{10 + n % 9}-0{1 + n % 8}-11",
            "issuer": "Navy" if n % 2 else "Harbour office",
        },
        "text": " ".join(sentence(n, m, name) for m, name in enumerate(NAMES)),
    }
    for n in range(24)
]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Settings:
    folder = tmp_path_factory.mktemp("mentions")
    write(folder / "corpus", RELEASES)
    settings = read_settings(corpus_dir=folder / "corpus", index_dir=folder / "index")
    build(make_plan(settings), engines, silent)
    return settings


@pytest.fixture(scope="module")
def mentioning(chosen: Settings, engines: Engines) -> Iterator[Generation]:
    opened = open_current(chosen.index_dir, engines)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(chosen: Settings) -> Iterator[Any]:
    with TestClient(create_app(chosen), raise_server_exceptions=False) as opened:
        yield opened


def counted(generation: Generation, question: str, *issuers: str) -> list[str]:
    """The ids of the releases, newest first."""
    query = understand(generation, question, Filters(issuers=issuers), Reading(1000))
    wanted = mentions_asked(query)
    assert wanted is not None
    found = find_mentions(generation, query, wanted)
    assert found is not None
    for one in found.releases:
        assert one.passage.start <= one.start < one.end <= one.passage.end
    return [one.release.release_id for one in found.releases]


def by_reading(generation: Generation, phrase: str) -> set[str]:
    """The reference: every sentence of every release is read."""
    stems = generation.lexical.stems
    wanted = set(stems(phrase)) - set(stems(COMMON))
    found = set()
    for release in generation.catalogue.releases(Filters(), 1000, 0):
        texts = [release.title]
        for passage in generation.passages_of(release.release_id):
            texts += [passage.text[slice(*span)] for span in split_sentences(passage.text)]
        if any(wanted <= set(stems(text)) for text in texts):
            found.add(release.release_id)
    return found


@given(
    st.lists(
        st.sampled_from("Ream base naval exercise harbour Lindholm 7 far".split()),
        min_size=1,
        max_size=3,
    )
)
def test_the_count_is_what_reading_every_sentence_gives(
    mentioning: Generation, parts: list[str]
) -> None:
    phrase = " ".join(dict.fromkeys(parts))
    found = counted(mentioning, f"How many releases mention {phrase}?")
    assert len(found) == len(set(found))
    assert set(found) == by_reading(mentioning, phrase)


def test_the_newest_come_first(mentioning: Generation) -> None:
    dates = {one["_id"]: one["metadata"]["published"] for one in RELEASES}
    found = counted(mentioning, "How many releases mention the Ream base?")
    assert [dates[one] for one in found] == sorted((dates[one] for one in found), reverse=True)


def test_a_period_is_that_of_issue_and_a_filter_holds(mentioning: Generation) -> None:
    every = counted(mentioning, "How many releases mention the Ream base?")
    dates = {one["_id"]: one["metadata"] for one in RELEASES}
    found = counted(mentioning, "How many releases mention the Ream base in 2013?")
    assert set(found) == {one for one in every if dates[one]["published"].startswith("2013")}
    assert found
    found = counted(mentioning, "How many releases mention the Ream base?", "Navy")
    assert set(found) == {one for one in every if dates[one]["issuer"] == "Navy"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many releases mention the Ream base in 2022?", Asked("Ream base", "all")),
        ("how many press releases have mentioned Eva Dahl", Asked("Eva Dahl", "all")),
        ("In how many statements was the ferry discussed since May 2020?", Asked("ferry", "all")),
        ("How often was Eva Dahl mentioned last year?", Asked("Eva Dahl", "all")),
        ("When was the ferry first mentioned?", Asked("ferry", "oldest")),
        ("Which release last mentioned the ferry?", Asked("ferry", "newest")),
        ("What was the earliest release to mention the ferry?", Asked("ferry", "oldest")),
        ("How many months was Eva Dahl sentenced to?", None),
        ("What was the first statement of interest about?", None),
        ("How many releases were there?", None),
        ("Who mentioned the ferry first?", None),
    ],
)
def test_only_questions_for_mentions_are_taken_for_such(
    question: str, expected: Asked | None
) -> None:
    query = Query(question, when=read_when(question, date(2024, 1, 1)))
    assert mentions_asked(query) == expected


def test_common_words_alone_are_not_counted(mentioning: Generation) -> None:
    for phrase in ("the", "it", "what they said"):
        query = Query(f"How many releases mention {phrase}?")
        wanted = mentions_asked(query)
        assert wanted is None or find_mentions(mentioning, query, wanted) is None


def test_the_answer_counts_lists_and_quotes(service: Any, mentioning: Generation) -> None:
    question = "How many releases mention the Ream base?"
    reply = service.post("/api/answer", json={"question": question}).json()
    every = counted(mentioning, question)
    assert reply["status"] == "answered"
    assert reply["mentions"]["total"] == len(every)
    assert [one["release_id"] for one in reply["mentions"]["releases"]] == every
    assert reply["text"].startswith(f"{len(every)} releases mention “Ream base”, the first of ")
    assert [cited["release_id"] for cited in reply["citations"]] == every[:5]
    for cited in reply["citations"]:
        text = service.get(f"/api/releases/{cited['release_id']}").json()["text"]
        assert text[cited["start"] : cited["end"]] == cited["quote"]
        assert {"ream", "base"} <= set(re.findall("ream|base", cited["quote"].lower()))
    listed = {one["release_id"]: one["n"] for one in reply["mentions"]["releases"]}
    assert [listed[one] for one in every[:6]] == [1, 2, 3, 4, 5, None]


def test_the_first_and_the_last_mention_are_quoted(service: Any, mentioning: Generation) -> None:
    every = counted(mentioning, "How many releases mention the Ream base?")
    for question, expected in (
        ("When was the Ream base first mentioned?", every[-1]),
        ("Which release last mentioned the Ream base?", every[0]),
    ):
        reply = service.post("/api/answer", json={"question": question}).json()
        assert [cited["release_id"] for cited in reply["citations"]] == [expected]


def test_what_no_release_mentions_is_said_to_be_in_none(service: Any) -> None:
    body = {"question": "How many releases mention volcano insurance?", "spelling": False}
    reply = service.post("/api/answer", json=body).json()
    assert reply["status"] == "no_evidence"
    assert reply["text"] == "No release mentions “volcano insurance”."
    assert reply["citations"] == []
    assert reply["mentions"]["total"] == 0


def test_the_page_shows_the_count_and_the_list(service: Any, mentioning: Generation) -> None:
    question = "How many releases mention the Ream base?"
    page = asked(service, question)
    every = counted(mentioning, question)
    assert f"{len(every)} releases mention “Ream base”" in words(page)
    dated = words(asked(service, "How many releases mention the Ream base in 2013?"))
    assert "Counted releases of 1 January 2013 to 31 December 2013." in dated
    links = [a["href"] for a in page.select("details ol li > a")]
    assert len(links) == len(every)
    assert service.get(str(links[0]).partition("#")[0]).status_code == 200
