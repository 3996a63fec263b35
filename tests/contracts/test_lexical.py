"""Every lexical index against brute-force BM25.

The reference: Lucene's BM25 with k1 = 1.2 and b = 0.75. Texts are shorter than 40 words, a length up
to which engines that keep it in one byte keep it exactly.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from milvus_servers import on_milvus

from qa_service.engines import Allowed, Entry, LexicalIndex
from qa_service.engines.milvus import MilvusLexical
from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores
from qa_service.wiring import LEXICAL

RANDOM = np.random.default_rng(11)
WORDS = [f"{a}{b}" for a in ("ba", "do", "ku", "mip", "zor") for b in ("g", "k", "lt", "m", "rn")]
SHARES = 1 / np.arange(1, len(WORDS) + 1)


def some_words(most: int) -> str:
    return " ".join(RANDOM.choice(WORDS, RANDOM.integers(1, most), p=SHARES / SHARES.sum()))


ENTRIES = [Entry(n, n // 3, some_words(39)) for n in range(400)]
QUERIES = [" ".join(RANDOM.choice(WORDS, n, replace=False)) for n in (1, 1, 2, 3, 5, 9)]
ODD = ['"', ":", "(", ")", "*", "^", "\\", "[", "]", "{", "}", "!", "+", "-", "~", "/", "?", "'"]


def brute_force(entries: list[Entry], query: str, keep: Numbers | None = None) -> dict[int, float]:
    """The score of every passage that shares a word with the query; ``keep`` filters at the end."""
    scores: Counter[int] = Counter()
    counts = {e.number: Counter(e.text.split()) for e in entries}
    average = sum(c.total() for c in counts.values()) / len(entries)
    for word in set(query.split()):
        having = [number for number, count in counts.items() if word in count]
        idf = math.log(1 + (len(entries) - len(having) + 0.5) / (len(having) + 0.5))
        for number in having:
            count = counts[number]
            norm = 1.2 * (1 - 0.75 + 0.75 * count.total() / average)
            scores[number] += idf * count[word] * 2.2 / (count[word] + norm)
    return {n: s for n, s in scores.items() if keep is None or n in keep}


def allow(releases: list[int]) -> Allowed:
    passages = [e.number for e in ENTRIES if e.release in releases]
    return Allowed(np.array(releases, np.int64), np.array(passages, np.int64))


@pytest.fixture(params=sorted(LEXICAL), scope="module")
def engine(request: pytest.FixtureRequest) -> type[LexicalIndex]:
    if request.param == "milvus":
        return on_milvus(MilvusLexical, request)
    return LEXICAL[request.param]


def make(engine: type[LexicalIndex], folder: Path, entries: list[Entry]) -> LexicalIndex:
    made = engine.create(folder)
    made.add(entries)
    made.save()
    return made


@pytest.fixture(scope="module")
def index(engine: type[LexicalIndex], tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    return make(engine, tmp_path_factory.mktemp("lexical"), ENTRIES)


def texts(engine: type[LexicalIndex], folder: Path, *given_texts: str) -> LexicalIndex:
    return make(engine, folder, [Entry(n, n, text) for n, text in enumerate(given_texts)])


def assert_same(found: tuple[Numbers, Scores], expected: dict[int, float], k: int) -> None:
    """Same scores in descending order, each the right one for its number, ties by number."""
    numbers, scores = found
    best = sorted(expected.values(), reverse=True)[:k]
    np.testing.assert_allclose(scores, best, rtol=1e-4)
    np.testing.assert_allclose(scores, [expected[n] for n in numbers.tolist()], rtol=1e-4)
    pairs = list(zip(-scores, numbers, strict=True))
    assert pairs == sorted(pairs)


@pytest.mark.parametrize("k", [1, 10, 100, 1000])
@pytest.mark.parametrize("query", QUERIES)
def test_texts_are_scored_as_brute_force_scores_them(
    index: LexicalIndex, query: str, k: int
) -> None:
    assert_same(index.search(query, k, None), brute_force(ENTRIES, query), k)


@pytest.mark.parametrize("releases", [[0], [133], list(range(0, 134, 2)), list(range(134))])
@pytest.mark.parametrize("query", QUERIES)
def test_a_filter_is_exact_inside_the_search_and_does_not_change_scores(
    index: LexicalIndex, query: str, releases: list[int]
) -> None:
    allowed = allow(releases)
    for k in (1, 20, 400):
        expected = brute_force(ENTRIES, query, allowed.passages)
        assert_same(index.search(query, k, allowed), expected, k)


def test_a_filter_that_allows_nothing_finds_nothing(index: LexicalIndex) -> None:
    assert len(index.search(QUERIES[-1], 10, allow([]))[0]) == 0


@pytest.mark.parametrize("query", QUERIES)
def test_all_passages_with_every_word_are_given(index: LexicalIndex, query: str) -> None:
    wanted = set(query.split())
    having = [e.number for e in ENTRIES if wanted <= set(e.text.split())]
    assert index.having(index.stems(query), None).tolist() == having
    among = [e.number for e in ENTRIES if e.number in having and e.release in (2, 5, 9, 77)]
    assert index.having(index.stems(query), allow([2, 5, 9, 77])).tolist() == among
    assert index.having(index.stems(query), allow([])).tolist() == []


def test_no_word_is_in_no_passage(index: LexicalIndex) -> None:
    assert index.having([], None).tolist() == []


def test_who_asks_for_none_gets_none(index: LexicalIndex) -> None:
    assert len(index.search(QUERIES[-1], 0, None)[0]) == 0


def test_no_shared_word_means_no_hit(index: LexicalIndex) -> None:
    numbers, scores = index.search("xylophone quartet", 10, None)
    assert len(numbers) == len(scores) == 0


def test_repeating_a_word_of_the_query_changes_nothing(index: LexicalIndex) -> None:
    once, thrice = (index.search(query, 20, None) for query in ("bag dok", "bag dok bag bag"))
    assert once[0].tolist() == thrice[0].tolist()
    assert once[1].tolist() == thrice[1].tolist()


@pytest.mark.parametrize("k", [1, 20, 100, 130])
def test_ties_are_broken_by_number_even_where_the_ranking_is_cut(
    engine: type[LexicalIndex], tmp_path: Path, k: int
) -> None:
    words = ["north", "north north south", "south", "north"]
    made = make(engine, tmp_path, [Entry(n, n // 2, words[n % 4]) for n in range(600)])
    numbers, scores = made.search("north", k, None)
    expected = sorted(range(600), key=lambda n: (n % 4 == 1, n))
    assert numbers.tolist() == [n for n in expected if n % 4 != 2][:k]
    assert (np.diff(scores) <= 0).all()


def test_what_was_removed_is_not_found_and_unknown_numbers_are_ignored(
    engine: type[LexicalIndex], tmp_path: Path
) -> None:
    made = make(engine, tmp_path, ENTRIES)
    gone = np.arange(0, 400, 3)
    made.remove(np.append(gone, 10**6))
    made.save()
    for query in QUERIES:
        found = made.search(query, 400, None)[0].tolist()
        assert sorted(found) == sorted(brute_force(ENTRIES, query).keys() - set(gone.tolist()))


def test_a_saved_index_opens_with_the_same_rankings(
    engine: type[LexicalIndex], tmp_path: Path
) -> None:
    made = make(engine, tmp_path, ENTRIES)
    opened = engine.open(tmp_path)
    for query in QUERIES:
        for allowed in (None, allow(list(range(40)))):
            before, after = made.search(query, 30, allowed), opened.search(query, 30, allowed)
            assert before[0].tolist() == after[0].tolist()
            assert before[1].tolist() == after[1].tolist()


def test_adding_in_parts_is_adding_at_once(engine: type[LexicalIndex], tmp_path: Path) -> None:
    made = engine.create(tmp_path)
    for entry in ENTRIES:
        made.add([entry])
    made.save()
    for query in QUERIES:
        assert_same(made.search(query, 30, None), brute_force(ENTRIES, query), 30)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("the CAFÉ at the quay", "cafe"),
        ("a naive remark", "naïve"),
        ("Straße", "strasse"),
        ("MINISTER", "minister"),
        ("The ferries were cancelled", "ferry cancelling"),
        ("the minister's visit", "minister’s"),
        ("1.4 billion crowns", "1.4"),
        ("press release no. 23-118", "23-118"),
        ("កំពង់ផែថ្មីនឹងបើកដំណើរការ", "កំពង់ផែ"),
        ("the H₂ pipeline ﬁnished", "finished"),
    ],
)
def test_a_word_is_found_in_another_spelling_of_it(
    engine: type[LexicalIndex], tmp_path: Path, text: str, query: str
) -> None:
    made = texts(engine, tmp_path, "something else", text)
    assert made.search(query, 5, None)[0].tolist() == [1]


def test_an_accent_written_apart_is_the_same_accent(
    engine: type[LexicalIndex], tmp_path: Path
) -> None:
    made = texts(engine, tmp_path, "nothing", "in Gen\u00e8ve", "in Gene\u0300ve", "in Geneve")
    for query in ("Gen\u00e8ve", "Gene\u0300ve", "geneve"):
        assert sorted(made.search(query, 5, None)[0].tolist()) == [1, 2, 3]


@pytest.fixture(scope="module")
def harbour(engine: type[LexicalIndex], tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    folder = tmp_path_factory.mktemp("harbour")
    return texts(engine, folder, "grain exports", "the quay", "harbour dues")


@pytest.mark.parametrize("odd", [*ODD, "AND", "OR", "NOT", "title:", "text:nothing", "IN [1 TO 9]"])
def test_the_syntax_of_query_languages_means_nothing(harbour: LexicalIndex, odd: str) -> None:
    glue = " " if len(odd) > 1 else ""
    for query in (
        f"harbour {odd}",
        f"{odd}{glue}harbour",
        f"harbour{glue}{odd}",
        f"{odd} dues {odd}",
    ):
        assert harbour.search(query, 1, None)[0].tolist() == [2]


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\x00", "…", "👍", *ODD, "".join(ODD)])
def test_a_query_without_words_finds_nothing(index: LexicalIndex, blank: str) -> None:
    assert len(index.search(blank, 10, None)[0]) == 0


@settings(max_examples=200, deadline=None)
@given(query=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_query_is_an_error(index: LexicalIndex, query: str) -> None:
    numbers, scores = index.search(query, 5, None)
    assert len(numbers) == len(scores) <= 5


def test_a_very_long_query_is_answered(index: LexicalIndex) -> None:
    query = " ".join([*(f"word{n}" for n in range(3000)), "bag"])
    assert len(index.search(query, 5, None)[0]) == 5


@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense"])
def test_a_damaged_index_is_refused_by_name(
    engine: type[LexicalIndex], tmp_path: Path, damage: str
) -> None:
    make(engine, tmp_path / "lexical", ENTRIES[:9])
    for path in (tmp_path / "lexical").iterdir():
        path.unlink()
        if damage != "missing":
            path.write_bytes(b"" if damage == "empty" else b"nonsense" * 99)
    with pytest.raises(GenerationCorrupt, match=r"lexical.*qa build"):
        engine.open(tmp_path / "lexical")


@dataclass
class Texts:
    """What is given to an index that is written at once, and the numbers that it asked for."""

    entries: dict[int, Entry]
    asked: list[int] = field(default_factory=list)

    def between(self, first: int, end: int) -> Iterator[Entry]:
        return self.of(np.array([n for n in sorted(self.entries) if first <= n < end], np.int64))

    def of(self, numbers: Numbers) -> Iterator[Entry]:
        for number in numbers.tolist():
            self.asked.append(number)
            yield self.entries[number]


def written(
    engine: type[LexicalIndex], folder: Path, texts: Texts, source: Path | None, *changed: list[int]
) -> LexicalIndex:
    numbers = [np.array(sorted(own), np.int64) for own in changed or ([], [])]
    engine.write(folder, len(texts.entries), texts, source, (numbers[0], numbers[1]))
    return engine.open(folder)


SHUFFLED = [n << 40 for n in RANDOM.permutation(1 << 22)[:460].tolist()]
REPEATED = ["bag bak balt bam barn", "dog dok dolt dom dorn kug kuk", "zorg zork"]


@pytest.fixture
def texts_by_number() -> dict[int, Entry]:
    """Every seventh says the same as others, in several words."""
    return {
        n: Entry(n, n >> 41, REPEATED[at % 3] if at % 7 == 0 else some_words(39))
        for at, n in enumerate(SHUFFLED)
    }


def test_what_is_added_one_by_one_costs_little_and_is_found_as_if_all_were_written_at_once(
    tmp_path: Path, texts_by_number: dict[int, Entry]
) -> None:
    engine = LEXICAL["tantivy"]  # one that takes over what did not change
    texts = Texts({n: texts_by_number[n] for n in SHUFFLED[:420]})
    written(engine, tmp_path / "0", texts, None)
    texts.asked.clear()
    for step, number in enumerate(SHUFFLED[420:436], 1):
        texts.entries[number] = texts_by_number[number]
        opened = written(
            engine, tmp_path / f"{step}", texts, tmp_path / f"{step - 1}", [number], []
        )
    assert len(texts.asked) < 100
    assert len(list((tmp_path / "16").glob("*.term"))) < 6
    anew = written(engine, tmp_path / "anew", texts, None)
    for query in [*QUERIES, *REPEATED]:
        assert_same(
            opened.search(query, 90, None), brute_force([*texts.entries.values()], query), 90
        )
        for ours, theirs in zip(
            opened.search(query, 30, None), anew.search(query, 30, None), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_added_removed_and_rewritten_is_found_as_if_all_were_written_at_once(
    tmp_path: Path, texts_by_number: dict[int, Entry], seed: int
) -> None:
    engine = LEXICAL["tantivy"]
    random = np.random.default_rng(seed)
    texts = Texts({n: texts_by_number[n] for n in SHUFFLED[:420]})
    written(engine, tmp_path / "0", texts, None)
    for step in range(1, 9):
        there = random.permutation(sorted(texts.entries))
        new = [n for n in SHUFFLED if n not in texts.entries][: random.integers(0, 9)]
        gone, other = there[: random.integers(0, 3)].tolist(), there[3 : random.integers(3, 5)]
        texts.entries |= {n: texts_by_number[n] for n in new}
        texts.entries |= {n: Entry(n, n >> 41, some_words(39)) for n in other.tolist()}
        for number in gone:
            del texts.entries[number]
        added, removed = [*new, *other.tolist()], [*gone, *other.tolist()]
        opened = written(
            engine, tmp_path / f"{step}", texts, tmp_path / f"{step - 1}", added, removed
        )
        for query in QUERIES:
            expected = brute_force([*texts.entries.values()], query)
            assert_same(opened.search(query, 500, None), expected, 500)
