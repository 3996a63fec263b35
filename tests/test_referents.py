"""Whom "He" means at the start of a quote."""

import pytest

from qa_service.referents import person_meant
from qa_service.types import Release


def meant(text: str) -> str:
    """For the text's part after ``|``."""
    before, _, quote = text.partition("|")
    release = Release("a", "A", before + quote, body_end=len(before + quote))
    return person_meant(release, len(before), len(before + quote))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ingrid Dahl opened the bridge. |She was glad.", "Ingrid Dahl"),
        ("Minister Ingrid Dahl opened it. She spoke. |She was glad.", "Ingrid Dahl"),
        ("Ingrid Dahl came. Dahl opened the bridge. |Her speech was short.", "Ingrid Dahl"),
        ("Over tea, His Excellency Prak Sokhonn spoke of trade. |He also gave thanks.", "Prak Sokhonn"),
        ("John B. Smith, 52, of Oslo, was fined. |He appealed.", "John B. Smith"),
        ("On Friday, Ms. Dahl met Ms. Berg. |She was glad.", ""),
        ("The bridge was opened by Ingrid Dahl. |She was glad.", ""),
        ("Dahl opened the bridge. |She was glad.", ""),
        ("Ann Dahl and Eva Dahl came. Dahl spoke. |She was glad.", ""),
        ("The Department opened it. |He was glad.", ""),
        ("Max International paid. |He was glad.", ""),
        ("Nordfjell Energy has named Helene Strand its chief. |She follows Tomas Ek.", ""),
        ("Ingrid Dahl spoke. He coughed. |She was glad.", ""),
        ("Ingrid Dahl spoke. |It was short.", ""),
        ("Ingrid Dahl spoke. |Her Excellency Eva Berg was glad.", ""),
        ("|He was glad.", ""),
    ],
)  # fmt: skip
def test_he_is_whom_the_sentence_before_speaks_of_if_that_is_plain(
    text: str, expected: str
) -> None:
    assert meant(text) == expected


def test_the_letterhead_names_nobody() -> None:
    text = "Ingrid Dahl writes.\n\nHe was glad."
    at = text.index("He was")
    assert (
        person_meant(Release("a", "A", text, body_start=at, body_end=len(text)), at, len(text))
        == ""
    )
