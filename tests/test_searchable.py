from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.engines.lexical_tantivy import TantivyLexical
from qa_service.passages import in_context
from qa_service.searchable import plain, searchable
from qa_service.types import Passage, Release


@pytest.mark.parametrize(
    ("printed", "searched"),
    [
        ("the Minis-\nter said", "the Minister said"),
        ("the Fin-\nland office", "the Finland office"),
        ("North-\nSouth", "North-\nSouth"),
        ("2020-\n2024", "2020-\n2024"),
        ("the o\ufb03ce of \ufb01nance", "the office of finance"),
        ("14.2\u00a0million\u202fcrowns", "14.2 million crowns"),
        ("“We’re glad”", '"We\'re glad"'),
        ("infra\u00adstructure", "infrastructure"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_what_typesetting_did_is_undone(printed: str, searched: str) -> None:
    assert searchable(printed).text == plain(printed) == searched


@pytest.mark.parametrize(
    ("printed", "word", "original"),
    [
        ("the Minis-\nter said", "Minister", "Minis-\nter"),
        ("an o\ufb03ce here", "office", "o\ufb03ce"),
        ("it cost 14.2\u00a0million crowns", "14.2 million", "14.2\u00a0million"),
        ("\ufb01ne and \ufb01nal", "final", "\ufb01nal"),
        ("a“b”c", "b", "b"),
        ("in\u00adfra struc", "infra", "in\u00adfra"),
    ],
)
def test_a_span_leads_back_to_the_words_as_printed(printed: str, word: str, original: str) -> None:
    shown = searchable(printed)
    start = shown.text.index(word)
    first, last = shown.span(start, start + len(word))
    assert printed[first:last] == original


_PIECES = st.lists(
    st.sampled_from(["a", "B", " ", "\n", "-\n", "\ufb03", "\u00a0", "”", "\u00ad", "é", "1"])
)


@given(_PIECES, st.data())
def test_every_span_leads_back_to_what_it_was_made_of(
    pieces: list[str], data: st.DataObject
) -> None:
    text = "".join(pieces)
    shown = searchable(text)
    start = data.draw(st.integers(0, len(shown.text)))
    end = data.draw(st.integers(start, len(shown.text)))
    first, last = shown.span(start, end)
    assert 0 <= first <= len(text)
    assert 0 <= last <= len(text)
    if start < end:
        assert first < last
        without_breaks = plain(text[first:last]).replace("-\n", "")
        assert shown.text[start:end].replace("-\n", "") in without_breaks


@given(st.text("aB-\n \xad“ﬁ"))
def test_the_short_way_to_the_text_as_searched_is_that_of_the_long_one(text: str) -> None:
    assert plain(text) == searchable(text).text


def test_a_word_that_a_line_break_cut_is_found_and_the_passage_is_unchanged() -> None:
    text = "The infra-\nstructure o\ufb03ce opened."
    release = Release("r", "", text)
    passage = Passage("r:0-1", "r", 0, len(text), text)
    assert in_context(passage, release, with_title=False) == "The infrastructure office opened."
    assert passage.text == text


def test_the_words_of_a_text_are_those_as_searched(tmp_path: Path) -> None:
    index = TantivyLexical.create(tmp_path / "words")
    assert index.stems("infra-\nstructure o\ufb03ce") == index.stems("infrastructure office")
