import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.conversation import NAMES, context_of, names_in, standalone_question
from qa_service.types import Turn

TURNS = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text("Ab. \n\u1780", max_size=30))
)
LIGHTS = "Who directs the port? The port said that it is Port Director Mira Okonkwo."


def test_a_first_question_stands_alone() -> None:
    assert standalone_question("  Who is Okonkwo? ", context_of([], 100)) == "Who is Okonkwo?"


def test_a_follow_up_is_given_the_names_that_it_leaves_out() -> None:
    assert standalone_question("What did she say?", LIGHTS) == (
        "What did she say? (Port Director Mira Okonkwo)"
    )


def test_a_name_that_the_question_has_is_not_given_again() -> None:
    question = "What did port director mira okonkwo say?"
    assert standalone_question(question, LIGHTS) == question


def test_no_more_names_are_given_than_can_help() -> None:
    context = " and so ".join(f"the Ministry of Port{chr(65 + n)}" for n in range(20))
    assert standalone_question("And?", context).count("Ministry") == NAMES


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The minister met Captain Jonas Reyes in Lindholm.", ["Captain Jonas Reyes", "Lindholm"]),
        ("What did the U.S. Department of Justice say?", ["U.S. Department of Justice"]),
        ("She left. Then she paid the Ministry of Transport.", ["Ministry of Transport"]),
        ("Who paid Nordfjell Energy? Nordfjell Energy paid.", ["Nordfjell Energy"]),
        ("no capitals at all", []),
        ("", []),
    ],
)
def test_names_are_known_by_their_capitals(text: str, names: list[str]) -> None:
    assert names_in(text) == names


def test_a_word_that_opens_a_quote_is_no_name() -> None:
    """Every answer is quotes, so this is how most of a conversation begins."""
    assert names_in("Who said so? “Nobody should,” said Mira Okonkwo [1]") == ["Mira Okonkwo"]


def test_the_context_is_what_both_sides_said_in_order() -> None:
    turns = [Turn("user", "Who  is\nit?"), Turn("assistant", "“Mira Okonkwo” [1]")]
    assert context_of(turns, 100) == "Who is it? “Mira Okonkwo” [1]"


@pytest.mark.parametrize(("limit", "expected"), [(7, "bb cc"), (5, "cc"), (3, "cc"), (2, "")])
def test_the_oldest_turn_is_left_out_first_where_space_is_short(limit: int, expected: str) -> None:
    turns = [Turn("user", "aaaa"), Turn("assistant", "bb"), Turn("user", "cc")]
    assert context_of(turns, limit) == expected


@given(TURNS, st.integers(0, 60))
def test_the_context_keeps_its_limit_and_invents_nothing(turns: list[Turn], limit: int) -> None:
    context = context_of(turns, limit)
    assert len(context) <= limit
    assert " ".join(turn.text for turn in turns).split()[-len(context.split()) or 9999 :] == (
        context.split()
    )


@given(st.text("Ab ?", min_size=1, max_size=30), TURNS)
def test_a_question_is_never_changed_but_only_added_to(question: str, turns: list[Turn]) -> None:
    standalone = standalone_question(question, context_of(turns, 500))
    assert standalone.startswith(question.strip())
    assert len(standalone) == len(question.strip()) or standalone.endswith(")")
