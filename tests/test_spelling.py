"""Names and acronyms as a question writes them, searched as the releases do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import read

from qa_service.index import Generation
from qa_service.spelling import (
    acronyms_of,
    by_folded,
    capitals_of,
    folded,
    initials,
    most_common,
    words_of,
)
from qa_service.types import Filters
from qa_service.understanding import Reading, understand

READING = Reading(2000)


def searched(generation: Generation, question: str) -> dict[str, str]:
    query = understand(generation, question, Filters(), READING)
    return {one.written: one.searched for one in query.corrections}


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("Ångström", "angstrom"),
        ("Cambodia's", "cambodia"),
        ("STRASSE", "strasse"),
        ("states’", "states"),
    ],
)
def test_a_word_is_compared_without_case_accents_and_possessive(word: str, plain: str) -> None:
    assert folded(word) == plain


def test_a_word_is_given_back_as_it_is_most_often_written() -> None:
    text = "Ream is a base. Ream lies on the coast; ream, said one. ក្រសួង"
    assert by_folded(words_of(text))["ream"] == "Ream"
    assert not [word for word in by_folded(words_of(text)) if max(word) > "\u0e00"]


@pytest.mark.parametrize(
    ("text", "short", "name"),
    [
        ("under the {} (GSP) scheme", "GSP", "Generalized System of Preferences"),
        ("the {} (ASEAN) met", "ASEAN", "Association of Southeast Asian Nations"),
        ("The {} (“DOJ”) said", "DOJ", "Department of Justice"),
    ],
)  # fmt: skip
def test_a_text_defines_its_acronyms(text: str, short: str, name: str) -> None:
    assert dict(most_common(acronyms_of(text.format(name))))[short] == name


def test_the_initials_of_a_long_name_are_an_acronym_with_and_without_small_words() -> None:
    name = "Ministry of Foreign Affairs and International Cooperation"
    assert initials(name) == {"MFAIC", "MOFAAIC"}
    assert initials("Harbour Board") == set()


def test_capitals_count_beside_small_letters_only() -> None:
    assert capitals_of("MINISTER OF AFFAIRS\nThe GSP scheme of the US and ASEAN") == {
        "GSP",
        "ASEAN",
    }


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert all(word == folded(word) and word.isalpha() for word in by_folded(words_of(text)))
    assert capitals_of(text) >= set()
    assert all(name for _, name in most_common(acronyms_of(text)))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Rean navel base", {"Rean": "Ream", "navel": "naval"}),
        ("What did Prak Sokhon say?", {"Sokhon": "Sokhonn"}),
        ("Did Blinkin thank Cambodia?", {"Blinkin": "Blinken"}),
        ("What is the position on Mianmar?", {"Mianmar": "Myanmar"}),
        ("Hopes for the Generalized System of Preferences", {"Generalized System of Preferences": "GSP"}),
    ],
)  # fmt: skip
def test_a_slip_is_searched_as_the_release_spells_it(
    seed_generation: Generation, question: str, expected: dict[str, str]
) -> None:
    assert searched(seed_generation, question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What did Prak Sokhonn and Blinken discuss about Myanmar?",
        "How many goals did Messi score?",
        "Who runs OpenAI and Polygon?",
        "Which vaccine was given, and who cooks fish amok?",
        "តើវេទិកាកំពង់ផែមានអ្វី? 国务院 น้ำท่วม",
        "discussions, reconsidering, ministerial",
    ],
)
def test_what_is_right_or_unknown_stays_as_it_was_asked(
    seed_generation: Generation, question: str
) -> None:
    query = understand(seed_generation, question, Filters(), READING)
    assert (query.text, query.corrections) == (question, ())


def test_a_misspelt_question_finds_what_the_right_one_finds(client: Any) -> None:
    right, wrong = (
        client.get("/api/search", params={"q": f"harbour lights of {name}"}).json()
        for name in ("Lindholm", "Lindholn")
    )
    assert wrong["corrections"] == [{"from": "Lindholn", "to": "Lindholm"}]
    assert [hit["passage_id"] for hit in wrong["hits"]] == [h["passage_id"] for h in right["hits"]]


def test_corrections_can_be_switched_off(client: Any) -> None:
    body = {"question": "Who pays for the lights of Lindholn?"}
    assert client.post("/api/answer", json=body).json()["corrections"] != []
    assert client.post("/api/answer", json=body | {"spelling": False}).json()["corrections"] == []


def test_the_page_offers_what_was_written(client: Any) -> None:
    page = read(client, "/?q=Who+pays+for+the+lights+of+Lindholn%3F")
    [offer] = page.find_all("a", string="Search for what I wrote")
    assert "instead of" in offer.parent.get_text()
    assert "instead of" not in read(client, str(offer["href"])).get_text()
