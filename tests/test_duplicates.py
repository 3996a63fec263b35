import random
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qa_service.duplicates import NEAR, near_duplicates, same_passages

WORDS = [f"{a}{b}" for a in "harbour ferry mayor bridge crane".split() for b in range(60)]
DRAW = random.Random(7)
BASES = [[DRAW.choice(WORDS) for _ in range(length)] for length in (150, 150, 400)]
EDITS = st.lists(st.tuples(st.integers(0, 149), st.sampled_from(WORDS)), max_size=4)
EDITED = st.tuples(st.sampled_from(BASES), EDITS)
PORT = (
    "The Port Authority of Norwick opened its third container terminal on Tuesday. The terminal "
    "has nine cranes, 40 hectares of yard and a railway siding of its own.\n\nConstruction took "
    "four years and cost $312.5 million, of which the state of Westmark paid half. The rest was "
    "raised by a bond that was placed in March.\n\n“It doubles what we can handle in a day,” said "
    "harbour master Ilse Brandvold. She expects 220 ships in the first year.\n\nThe Authority runs "
    "five terminals on the Wick estuary and employs 1,800 people. It was founded in 1921 and is "
    "owned by the city of Norwick and by the state."
)


def edited(base: list[str], edits: list[tuple[int, str]]) -> str:
    words = list(base)
    for place, word in edits:
        words[place] = word
    return " ".join(words)


def similarity(a: str, b: str) -> float:
    first, second = (
        {tuple(w[n : n + 5]) for n in range(max(1, len(w) - 4))} for w in (a.split(), b.split())
    )
    return len(first & second) / len(first | second)


def reference(texts: list[str]) -> list[list[int]]:
    """All pairs compared; groups joined until none can be."""
    groups = [{n} for n in range(len(texts))]
    for a, b in combinations(range(len(texts)), 2):
        alike = similarity(texts[a], texts[b])
        assume(abs(alike - NEAR) > 0.005)
        if alike >= NEAR:
            joined = [g for g in groups if a in g or b in g]
            groups = [g for g in groups if g not in joined] + [set().union(*joined)]
    return sorted(sorted(g) for g in groups if len(g) > 1)


@given(st.lists(EDITED, max_size=12))
def test_groups_are_those_of_comparing_every_pair(parts: list[tuple[list[str], list]]) -> None:
    texts = [edited(*part) for part in parts]
    assert near_duplicates(texts) == reference(texts)


@given(st.lists(EDITED, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_releases_does_not_matter(
    parts: list[tuple[list[str], list]], shuffle: random.Random
) -> None:
    texts = [edited(*part) for part in parts]
    order = list(range(len(texts)))
    shuffle.shuffle(order)
    shuffled = near_duplicates([texts[n] for n in order])
    assert sorted(sorted(order[n] for n in g) for g in shuffled) == near_duplicates(texts)


def test_the_same_release_on_two_wires_is_one_group() -> None:
    wired = PORT.upper().replace("“", '"').replace("”", '"').replace("\n\n", "\n")
    other = "The mayor of Norwick thanked the crews of the five ferries that were at sea in May."
    assert near_duplicates([other, PORT, "NORWICK (Port Wire) -- " + wired]) == [[1, 2]]


def test_a_correction_of_one_number_is_still_grouped() -> None:
    assert near_duplicates([PORT, PORT.replace("220 ships", "240 ships")]) == [[0, 1]]


def test_releases_from_one_template_are_not_grouped() -> None:
    quarter = (
        "Alder Mills reported results for the {} quarter of 2031 today. Revenue was ${} million, "
        "{} percent more than a year before, and net income was ${} million. The board declared a "
        "dividend of {} cents. Alder Mills makes paper in four countries and was founded in 1908. "
        "Forward-looking statements are subject to risks that may change the actual results."
    )
    filled = [quarter.format(*values.split()) for values in ("first 41 3 6 9", "second 44 5 7 8")]
    assert near_duplicates(filled) == []


def test_what_is_near_to_the_same_release_is_one_group() -> None:
    chain = [edited(BASES[0], [(n, "tugboat") for n in places]) for places in ([], [20], [20, 60])]
    assert similarity(chain[0], chain[2]) < NEAR < similarity(chain[1], chain[2])
    assert near_duplicates(chain) == [[0, 1, 2]]


def test_groups_come_by_their_first_member() -> None:
    a, b = (" ".join(base) for base in BASES[:2])
    assert near_duplicates([b, a, PORT, a, b]) == [[0, 4], [1, 3]]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["…", "…"], [PORT], [PORT, ""]])
def test_nothing_is_grouped_with_nothing(texts: list[str]) -> None:
    assert near_duplicates(texts) == []


def test_short_texts_are_grouped_only_if_their_words_are_equal() -> None:
    texts = ["Ferry is late", "The ferry is late", "the FERRY is late!", "late is the ferry"]
    assert near_duplicates(texts) == [[1, 2]]


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    text = "".join(
        DRAW.choice("港务局启用第三座集装箱码头有九台起重机和四十公顷堆场") for _ in range(300)
    )
    assert near_duplicates([text, text[::-1], text[:150] + "船" + text[151:]]) == [[0, 2]]


def test_half_a_surrogate_pair_is_a_sign_as_any_other() -> None:
    assert near_duplicates(["ferry \ud83d late", "ferry \ud83d late"]) == [[0, 1]]


def test_each_release_is_counted_as_progress() -> None:
    done: list[int] = []
    near_duplicates([PORT, "", PORT], done.append)
    assert sum(done) == 3


def test_passages_that_say_the_same_are_a_class() -> None:
    first, second = PORT.split("\n\n"), PORT.replace("\n\n", "\n\nNorwick\n\n", 1).split("\n\n")
    assert same_passages([first, second]) == [
        ((0, 0), (1, 0)),
        ((0, 1), (1, 2)),
        ((0, 2), (1, 3)),
        ((0, 3), (1, 4)),
    ]


@pytest.mark.parametrize("changed", [("220", "240"), ("first", "second"), ("She", "He")])
@pytest.mark.parametrize("times", [1, 30])
def test_a_corrected_passage_stands_on_its_own_however_long_it_is(
    changed: tuple[str, str], times: int
) -> None:
    before = ["It opened.", " ".join(PORT.split("\n\n") * times)]
    after = ["It opened.", before[1].replace(*changed, 1)]
    assert same_passages([before, after]) == [((0, 0), (1, 0))]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("“It doubles,”  said\nthe harbour-master’s aide", '"it doubles", said the harbour masters aide'),
        ("• Four cranes — all new", "* Four cranes, all new."),
        ("the yard (40 hectares)", "The yard (40 hectares)"),
        ("cafe\u0301 on the quay", "caf\u00e9 on\u00a0the quay"),
    ],
)  # fmt: skip
def test_typography_does_not_keep_passages_apart(a: str, b: str) -> None:
    assert same_passages([[a], [b]]) == [((0, 0), (1, 0))]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("It cost $4.5 million.", "It cost $45 million."),
        ("It cost $45 million.", "It cost €45 million."),
        ("It grew by 5%.", "It grew by 5."),
        ("Income: 5.1 million", "Income: (5.1) million"),
        ("Income: $5 million", "Income: -$5 million"),
        ("Income: $5 million", "Income: $–5 million"),
        ("It grew by 5%", "It grew by .5%"),
        ("The city sued the state.", "The state sued the city."),
        ("The bond was placed.", "The bond was not placed."),
        ("កំពង់ផែថ្មី", "កពងផថម"),
    ],
)
def test_what_changes_the_sense_keeps_passages_apart(a: str, b: str) -> None:
    assert same_passages([[a], [b]]) == []


def test_a_repeated_passage_is_matched_repetition_by_repetition() -> None:
    releases = [["Source: Port Wire"] * 2, ["Source: Port Wire"], ["Source: Port Wire"] * 2]
    assert same_passages(releases) == [((0, 0), (1, 0), (2, 0)), ((0, 1), (2, 1))]


@pytest.mark.parametrize(
    "passages", [[], [[]], [[], []], [["***"], ["—"]], [["A.", "A."]], [["A."], ["B."]]]
)
def test_a_class_needs_words_and_two_releases(passages: list[list[str]]) -> None:
    assert same_passages(passages) == []


@given(st.lists(st.lists(st.sampled_from(["A.", "a", "B", "b!", "-", "C"])), max_size=5))
def test_a_passage_is_in_one_class_and_a_class_has_one_of_a_release(
    passages: list[list[str]],
) -> None:
    classes = same_passages(passages)
    places = [place for found in classes for place in found]
    assert len(places) == len(set(places))
    assert all(list(found) == sorted({i: (i, j) for i, j in found}.values()) for found in classes)
    assert classes == sorted(classes)
