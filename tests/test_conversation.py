from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.conversation import NAMES, leans, stand_alone
from qa_service.facts import names_in
from qa_service.types import Turn

TURNS = st.lists(
    st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text("Ab. \n\u1780", max_size=30))
)
PORT = ("Who directs the port?", "Port Director Mira Okonkwo, the ministry says.")
COMPANY = ("Which company was fined in 2019?", "Nordfjell Energy AS.")
VISIT = ("What did Blinken say about Cambodia in 2021?", "“We thank Cambodia.” [1]")
FARM = ("What is the Stormvik wind farm?", "“A farm of 24 turbines.” [1]")


def talk(*texts: str) -> list[Turn]:
    """Turns of user and assistant, in turn."""
    return [Turn(role, text) for role, text in zip(cycle(["user", "assistant"]), texts)]


def alone(question: str, *texts: str) -> str:
    """The question in other words, and in brackets what it leaves out."""
    found = stand_alone(question, talk(*texts), 500)
    return f"{found.question} ({found.left_out})" if found.left_out else found.question


@pytest.mark.parametrize(
    ("question", "before", "words"),
    [
        ("What did she say?", PORT, "What did Port Director Mira Okonkwo say?"),
        ("What was her reply?", PORT, "What was Port Director Mira Okonkwo’s reply?"),
        ("Who wrote to her?", PORT, "Who wrote to Port Director Mira Okonkwo?"),
        ("How much did it pay?", COMPANY, "How much did Nordfjell Energy AS pay?"),
        ("What did it cost?", FARM, "What did the Stormvik wind farm cost?"),
        ("What is its output?", FARM, "What is the Stormvik wind farm’s output?"),
        ("And Myanmar?", VISIT, "What did Blinken say about Myanmar in 2021?"),
        ("And about the elections?", VISIT, "What did Blinken say about the elections in 2021?"),
        ("What about Viet Nam?", VISIT, "What did Blinken say about Viet Nam in 2021?"),
        ("No, I meant Myanmar.", VISIT, "What did Blinken say about Myanmar in 2021?"),
        ("And in 2019?", VISIT, "What did Blinken say about Cambodia in 2019?"),
        ("What about the year before?", VISIT, "What did Blinken say about Cambodia in 2020?"),
        ("And the following year?", VISIT, "What did Blinken say about Cambodia in 2022?"),
        ("And in 2019?", FARM, "What is the Stormvik wind farm in 2019?"),
    ],
)
def test_a_follow_up_is_put_in_words_of_its_own(
    question: str, before: tuple[str, str], words: str
) -> None:
    assert alone(question, *before) == words


def test_each_follow_up_builds_on_the_one_before() -> None:
    talked = (*VISIT, "And Myanmar?", "“A return to democracy.” [1]")
    assert alone("And the year before?", *talked) == "What did Blinken say about Myanmar in 2020?"


def test_a_pronoun_whose_noun_is_in_the_question_is_left_alone() -> None:
    question = "What is Galileo and why is it important?"
    assert alone(question, *FARM) == question


@pytest.mark.parametrize("question", ["What are the costs?", "Why?", "And the turbines?"])
def test_a_follow_up_that_no_rule_fits_is_given_the_names_that_it_leaves_out(question: str) -> None:
    assert alone(question, *FARM).startswith(f"{question} (the Stormvik wind farm")


def test_a_name_that_the_question_has_is_not_given_again() -> None:
    assert (
        "Okonkwo"
        not in stand_alone("And Port Director Mira Okonkwo there?", talk(*PORT), 500).left_out
    )


def test_no_more_names_are_given_than_can_help() -> None:
    reply = " and so ".join(f"the Ministry of Port{chr(65 + n)}" for n in range(20))
    found = stand_alone("Why was that?", talk("Who was it?", reply), 9999)
    assert found.left_out.count(",") < NAMES


@pytest.mark.parametrize(
    "question",
    [
        "When did Nordfjell Energy open the harbour?",
        "What is anaemia?",
        "Which ministries signed an agreement with Lindholm University last year?",
    ],
)
def test_a_new_topic_drags_nothing_of_the_old_one_along(question: str) -> None:
    found = stand_alone(question, talk(*VISIT), 500)
    assert (found.question, found.context, found.left_out) == (question, "", "")


def test_only_the_topic_the_last_turn_and_the_replies_are_searched_with() -> None:
    long = f"“{'The minister said this and that. ' * 20}” said Mira Okonkwo in Lindholm [1]"
    talked = talk(
        "Who is Jon Reyes?", "Nobody.", *FARM, "Who built it?", long, "Was it dear?", "No."
    )
    context = stand_alone("And why?", talked, 500).context
    assert context == (
        "What is the Stormvik wind farm? “A farm of 24 turbines.” [1] Mira Okonkwo, Lindholm "
        "Was it dear? No."
    )


@pytest.mark.parametrize(
    ("question", "does"),
    [
        ("Was it dear?", True), ("And Myanmar?", True), ("Why?", True), ("What else?", True),
        ("What period does the complaint cover?", True), ("Are there any festivals?", True),
        ("Who is Harold Martin?", False), ("What is seafloor spreading?", False),
        ("When did Cambodia thank Japan for the mine clearance money?", False),
    ],
)  # fmt: skip
def test_what_leans_on_earlier_turns_is_known_by_its_words(question: str, does: bool) -> None:
    assert leans(question) is does


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The minister met Captain Jonas Reyes in Lindholm.", ["Captain Jonas Reyes", "Lindholm"]),
        ("What did the U.S. Department of Justice say?", ["U.S. Department of Justice"]),
        ("She left. Then she paid the Ministry of Transport.", ["Ministry of Transport"]),
        ("Who paid Nordfjell Energy? Nordfjell Energy paid.", ["Nordfjell Energy"]),
        ("They named Jason A. Halek of Southlake.", ["Jason A. Halek of Southlake"]),
        ("no capitals at all", []),
        ("", []),
    ],
)
def test_names_are_known_by_their_capitals(text: str, names: list[str]) -> None:
    assert names_in(text) == names


def test_a_word_that_opens_a_quote_is_no_name() -> None:
    """Every answer is quotes, so this is how most of a conversation begins."""
    assert names_in("Who said so? “Nobody should,” said Mira Okonkwo [1]") == ["Mira Okonkwo"]


def test_the_oldest_part_is_left_out_first_where_space_is_short() -> None:
    talked = talk(*FARM, "Who built it?", "They did.")
    contexts = [stand_alone("And why?", talked, limit).context for limit in range(80)]
    assert list(dict.fromkeys(contexts)) == [
        "",
        "They did.",
        "Who built it? They did.",
        "“A farm of 24 turbines.” [1] Who built it? They did.",
    ]


@given(st.text("Ab ?", min_size=1, max_size=30), TURNS, st.integers(30, 60))
def test_a_conversation_keeps_its_limit_and_invents_nothing(
    question: str, turns: list[Turn], limit: int
) -> None:
    found = stand_alone(question, turns, limit)
    assert len(found.context) <= limit
    said = " ".join(turn.text for turn in turns)
    assert set(found.context.replace(",", " ").split()) <= set(said.replace(",", " ").split())
    assert len(found.question) <= max(limit, len(question))


@given(st.text("Ab ?", min_size=1, max_size=30))
def test_a_first_question_stands_alone(question: str) -> None:
    assert stand_alone(question, [], 100).question == question
