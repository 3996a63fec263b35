import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.quoting import (
    declines,
    find_paraphrased,
    find_quote,
    find_said,
    lines_of,
    read_reply,
)

PASSAGE = (
    "Mira Okonkwo, the port’s director, denied a report. She said that no ship — “not one” — was "
    "turned away in 2021. Forty turbines stand off Lindholm."
)


def telling(text: str) -> set[str]:
    return {word.strip(".,") for word in text.lower().split() if len(word) > 3}


def found(quote: str) -> str | None:
    span = find_quote(quote, PASSAGE)
    return PASSAGE[slice(*span)] if span else None


@pytest.mark.parametrize(
    "quote",
    [
        "Forty turbines stand off Lindholm.",
        "forty  turbines\nstand off LINDHOLM",
        "turbines stand",
        "… Forty turbines stand off Lindholm …",
    ],
)
def test_a_quote_is_found_as_the_whole_sentence_that_it_stands_in(quote: str) -> None:
    assert found(quote) == "Forty turbines stand off Lindholm."


def test_quotation_marks_and_dashes_may_be_typed_otherwise() -> None:
    assert found('no ship - "not one" - was turned') == (
        "She said that no ship — “not one” — was turned away in 2021."
    )


@pytest.mark.parametrize(
    "quote",
    ["fifty turbines", "urbines stan", "turned away in 2022", "", " . ", "The port is closed"],
)
def test_what_does_not_stand_there_is_not_found(quote: str) -> None:
    assert found(quote) is None


def test_words_that_stand_in_two_different_sentences_are_not_found() -> None:
    assert find_quote("the port", "He left the port. She saw the port.") is None


@given(st.text("aß .“”'-\n", max_size=40), st.text("aß .“”'-\n", max_size=10))
def test_whatever_is_found_lies_in_the_text(text: str, quote: str) -> None:
    span = find_quote(quote, text)
    assert span is None or (0 <= span[0] < span[1] <= len(text))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("There are forty turbines standing near Lindholm", "Forty turbines stand off Lindholm."),
        ("The director denied the report", "Mira Okonkwo, the port’s director, denied a report."),
        ("Lindholm was visited by several foreign ministers", None),
        ("She said that 2020 saw no ship turned away", None),
        ("turbines stand", None),
    ],
)
def test_a_paraphrase_needs_half_of_its_words_and_every_number_in_one_sentence(
    said: str, expected: str | None
) -> None:
    span = find_paraphrased(said, PASSAGE, telling)
    assert (PASSAGE[slice(*span)] if span else None) == expected


@pytest.mark.parametrize(
    ("reply", "pieces"),
    [
        ('[2] "exact words"', [((2,), '"exact words"')]),
        ("1. [2] first\n- [3] second", [((2,), "first"), ((3,), "second")]),
        ("It is so [1, 2]. So is that [3].", [((1, 2), "It is so"), ((3,), ". So is that")]),
        ("Passage 4: “words”", [((4,), "“words”")]),
        ("<think>[1] no</think>\n```\n[2] yes\n```", [((2,), "yes")]),
        ("Here are the quotes:\n[1] one", [((1,), "one")]),
        ("nothing cited", [((), "nothing cited")]),
    ],
)  # fmt: skip
def test_a_reply_is_cut_at_its_numbers(
    reply: str, pieces: list[tuple[tuple[int, ...], str]]
) -> None:
    assert [(said.numbers, said.text) for said in read_reply(reply)] == pieces


@given(st.text('[1]"“” ab\n.<think>', max_size=60))
def test_any_reply_can_be_read(reply: str) -> None:
    assert all(said.text in reply for said in read_reply(reply))


@pytest.mark.parametrize(
    "line", ["NO ANSWER", "No answer.", "The passages do not answer the question."]
)
def test_a_model_may_decline(line: str) -> None:
    assert declines(line)


def test_a_quote_about_passages_declines_nothing() -> None:
    assert not declines("No answer was given by the minister, who left.")
    assert not declines("[1] The passage of ships continued.")


def test_a_sentence_counts_only_in_a_passage_that_is_given_for_it() -> None:
    other = "Nothing of the kind is said here."
    (right,) = read_reply('[1] "Forty turbines stand"')
    (wrong,) = read_reply('[2] "Forty turbines stand"')
    (none,) = read_reply('"Forty turbines stand"')
    assert find_said(right, [PASSAGE, other], telling)[0] is not None
    assert find_said(wrong, [PASSAGE, other], telling) == [None]
    assert find_said(none, [PASSAGE, other], telling) == [None]


def test_lines_that_say_nothing_are_left_out() -> None:
    assert lines_of("\n---\n**bold**\n> quoted\n") == ["bold", "quoted"]
