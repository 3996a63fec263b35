import re

import pytest
from conftest import CORPUS, SEED
from hypothesis import given
from hypothesis import strategies as st

from qa_service.corpus import ReadingOptions, read_corpus
from qa_service.passages import PassageSettings, split_release, split_sentences, whole_list
from qa_service.types import Release

RELEASES = [
    r
    for folder in (CORPUS, SEED)
    for r in read_corpus(folder, ReadingOptions())
    if isinstance(r, Release)
]
DEFAULT = PassageSettings()
TEXTS = st.text(st.sampled_from("ab.? \n\r\t“é\u1780。"), max_size=400)


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.release_id)
def test_a_passage_is_exactly_its_span_of_the_release(release: Release) -> None:
    for passage in split_release(release, DEFAULT):
        assert release.text[passage.start : passage.end] == passage.text
        assert passage.passage_id == f"{release.release_id}:{passage.start}-{passage.end}"


@given(TEXTS, st.integers(0, 60), st.integers(0, 40))
def test_passages_cover_every_character_once(text: str, max_chars: int, min_chars: int) -> None:
    release = Release("r", "", text, body_start=len(text) // 3, body_end=len(text))
    passages = split_release(release, PassageSettings(max_chars, min_chars))
    assert letters("".join(p.text for p in passages)) == letters(text)
    assert all(release.text[p.start : p.end] == p.text == p.text.strip() for p in passages)


@given(TEXTS, st.integers(5, 60))
def test_no_passage_is_longer_than_the_limit(text: str, max_chars: int) -> None:
    release = Release("r", "", text, body_end=len(text))
    assert all(
        len(p.text) <= max_chars for p in split_release(release, PassageSettings(max_chars, 0))
    )


@given(TEXTS)
def test_sentences_cover_every_character_once(text: str) -> None:
    spans = split_sentences(text)
    assert letters("".join(text[a:b] for a, b in spans)) == letters(text)


def test_a_heading_joins_the_paragraph_below_it() -> None:
    text = "Background\n\n" + "The port has four harbours and two ferries. " * 3
    [passage] = split_release(Release("r", "", text, body_end=len(text)), DEFAULT)
    assert passage.text == text.strip()


ITEMS = (
    "Under the agreement with the island council the port will do the following by next winter:\n\n"
    "mend the northern quay, which was damaged in the January storms of last year;\n\n"
    "paint the lighthouse at Korsnes and the two beacons on the reef beside it; and\n\n"
    "light the path from the ferry to the village."
)


def test_a_list_stays_with_its_items_as_far_as_they_fit() -> None:
    text = (
        f"{ITEMS}\n\nThe council met on Friday in the village hall, with sixty islanders present."
    )
    whole, after = split_release(Release("r", "", text, body_end=len(text)), DEFAULT)
    assert whole.text == ITEMS
    assert after.text.startswith("The council met")
    narrow = split_release(Release("r", "", text, body_end=len(text)), PassageSettings(200, 60))
    assert len(narrow) > 2
    assert all(len(passage.text) <= 200 for passage in narrow)
    apart = split_release(Release("r", "", text, body_end=len(text)), PassageSettings(1200, 0))
    assert len(apart) == 5


def test_a_list_is_known_from_each_of_its_items() -> None:
    text = f"The port met. {ITEMS} All agreed."
    spans = split_sentences(text)
    for span in spans[1:5]:
        assert text[slice(*whole_list(text, *span))] == ITEMS
    for span in (spans[0], spans[5]):
        assert whole_list(text, *span) == span


def test_a_signature_joins_the_paragraph_above_it() -> None:
    text = "The port has four harbours and two ferries, said the director today.\n\nA. Brandvold"
    [passage] = split_release(Release("r", "", text, body_end=len(text)), DEFAULT)
    assert passage.text == text


def test_the_letterhead_does_not_join_the_body() -> None:
    text = "MINISTRY\n\nThe port has four harbours and two ferries, said the director today."
    release = Release("r", "", text, body_start=10, body_end=len(text))
    assert [p.text for p in split_release(release, DEFAULT)] == ["MINISTRY", text[10:]]


def test_a_long_paragraph_is_cut_at_sentence_ends_into_even_parts() -> None:
    text = " ".join(f"This is sentence number {n} of a long paragraph." for n in range(40))
    parts = split_release(Release("r", "", text, body_end=len(text)), PassageSettings(600, 60))
    assert all(part.text.endswith(".") for part in parts)
    assert max(len(p.text) for p in parts) < 1.3 * min(len(p.text) for p in parts)


@pytest.mark.parametrize(
    "sentences",
    [
        ["H.E. Prak Sokhonn met Mr. Blinken.", "They talked."],
        ["On Jan. 19, 2017, Boone pleaded guilty.", "He faces 5.5 years."],
        ["The U.S. Department of Justice agreed.", "“It is over.”", "So it was!"],
        ["Who paid?", "Nobody did, Acme Inc. said."],
        ["កំពង់ផែថ្មី។", "បើកដំណើរការ។"],
    ],
)
def test_sentences_end_where_a_reader_would_end_them(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[a:b] for a, b in split_sentences(text)] == sentences


def test_a_sentence_ends_where_the_space_after_its_full_stop_was_lost() -> None:
    sentences = [
        "The yard paid Okonkwo.",
        "Her brother, a clerk, knew!",
        "Nobody asked Acme Inc.The rest.",
    ]
    text = "".join(sentences)
    assert [text[a:b] for a, b in split_sentences(text)] == sentences
    name = "It stands at www.ports.example.Org today"
    assert len(split_sentences(name)) == 1
