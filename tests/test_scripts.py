"""Words of scripts without spaces, and words that are written in several ways."""

from pathlib import Path

import pytest

from qa_service.engines import Entry, lexical_tantivy
from qa_service.engines.lexical_tantivy import TantivyLexical

TEXTS = [
    "国务院宣布新港口将于二零二四年开放。",
    "新しい港は来年開港する予定です。",
    "กระทรวงการต่างประเทศประกาศเปิดท่าเรือใหม่",
    "ក្រសួងការបរទេសប្រកាសបើកកំពង់ផែថ្មី",
    "ກະຊວງການຕ່າງປະເທດ ປະກາດເປີດທ່າເຮືອ",
    "The U.S. Embassy spoke of ﬁnancial aid in ２０２４ at Ångström Hall.",
    "A ferry was late.",
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> TantivyLexical:
    created = TantivyLexical.create(tmp_path_factory.mktemp("scripts"))
    created.add(Entry(number, number, text) for number, text in enumerate(TEXTS))
    created.save()
    return created


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("新港口何时开放？", 0),
        ("港はいつ開港", 1),
        ("ท่าเรือใหม่", 2),
        ("កំពង់ផែ", 3),
        ("ທ່າເຮືອ", 4),
        ("US embassy", 5),
        ("U.S.", 5),
        ("financial", 5),
        ("2024 hall", 5),
        ("angstrom", 5),
        ("FERRIES", 6),
    ],
)
def test_words_find_the_text_that_shares_them(
    index: TantivyLexical, words: str, number: int
) -> None:
    numbers, scores = index.search(words, 3, None)
    assert numbers[0] == number
    assert len(scores) == 1 or scores[0] > scores[1]


def test_what_shares_no_word_is_not_found(index: TantivyLexical) -> None:
    assert index.search("机场 สนามบิน airport", 3, None)[0].tolist() == []


def test_a_run_is_cut_into_overlapping_characters(index: TantivyLexical) -> None:
    assert index.stems("国务院2022年") == ["国务", "务院", "2022", "年"]
    assert index.stems("កខគឃ ok") == ["កខគ", "ខគឃ", "ok"]


def test_of_many_texts_words_that_stand_in_most_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical_tantivy, "MANY", 20)
    index = TantivyLexical.create(tmp_path / "words")
    index.add(Entry(n, n, f"The ferry {n} left the port{n % 5} of Stormvik.") for n in range(20))
    index.save()
    numbers, scores = index.search("the ferry of port3", 9, None)
    told, alone = index.search("port3", 9, None)
    assert (numbers.tolist(), scores.tolist()) == (told.tolist(), alone.tolist())
    assert len(index.search("of the", 9, None)[0]) == 9
