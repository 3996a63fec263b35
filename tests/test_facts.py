import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.facts import (
    FACTS,
    asks_for_several,
    find_facts,
    issue_asked,
    kinds_asked,
)


def texts(kind: str, text: str, known: str = "") -> list[str]:
    return [text[start:end] for start, end in find_facts(kind, text, known)]


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("When did Prak Sokhonn and Blinken meet?", {"date"}),
        ("On what date was it signed?", {"date"}),
        ("Where did the two ministers meet?", {"place"}),
        ("In which country did it happen?", {"place", "name"}),
        ("Who met Prak Sokhonn?", {"name"}),
        ("Which company built the farm?", {"name"}),
        ("How much money did the State pay?", {"money"}),
        ("What was the total amount forfeited?", {"money"}),
        ("How many turbines stand at Stormvik?", {"number"}),
        ("How many years did he serve?", {"number", "duration"}),
        ("How long did the talks last?", {"duration"}),
        ("What percentage of the workers are women?", {"percent"}),
        ("Why was the night ferry banned?", {"reason"}),
        ("What did the minister say about fish?", {"speech"}),
        ("How did he describe the sentence?", {"speech"}),
        ("Under which statute was he charged?", {"law", "name"}),
        ("Did the two sides agree?", set()),
        ("harbour lights", set()),
    ],
)
def test_a_question_asks_for_facts_of_a_kind(question: str, kinds: set[str]) -> None:
    assert kinds_asked(question) == kinds_asked(question.upper()) == kinds


@given(st.text())
def test_any_text_asks_for_known_kinds_only(question: str) -> None:
    assert kinds_asked(question) <= FACTS.keys()


@given(st.sampled_from(sorted(FACTS)), st.text(st.sampled_from("13 May,$.%In AbSept“”two")))
def test_facts_are_spans_of_the_text_in_order(kind: str, text: str) -> None:
    spans = find_facts(kind, text)
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize(
    ("kind", "text", "facts"),
    [
        ("date", "They met on 13 May 2022 in Washington.", ["13 May 2022"]),
        ("date", "They met on May 13, 2022.", ["May 13, 2022"]),
        ("date", "Those of Sept. 11, 2001 are remembered.", ["Sept. 11, 2001"]),
        ("date", "On the 1st March 1999 it rained.", ["1st March 1999"]),
        ("date", "In 1992, and again yesterday.", ["1992", "yesterday"]),
        ("date", "The parade of December.", ["December"]),
        ("date", "There were 1800 sheep.", []),
        ("money", "It cost $5.5 million.", ["$5.5 million"]),
        ("money", "A fee of US$ 300 was paid.", ["US$ 300"]),
        ("money", "From €1,200.50 to two million dollars", ["€1,200.50", "two million dollars"]),
        ("money", "It feeds 410,000 pupils.", []),
        ("percent", "From 5 percent to 12.5% of it", ["5 percent", "12.5%"]),
        ("percent", "Of twenty per cent", ["twenty per cent"]),
        ("duration", "It was built in 19 months.", ["19 months"]),
        ("duration", "He got two-and-a-half years.", ["two-and-a-half years"]),
        ("duration", "A 12-month term, or life in prison", ["12-month", "life in prison"]),
        ("place", "They met in Washington D.C. today.", ["Washington D.C."]),
        ("place", "Here, near the Ream Naval Base", ["the Ream Naval Base"]),
        ("place", "They met in the harbour.", []),
        ("number", "It took 300 workers and seven boats.", ["300", "seven"]),
        ("number", "Someone often phones.", []),
        ("name", "The meeting of Prak Sokhonn with Obama", ["Prak Sokhonn", "Obama"]),
        ("name", "Nobody came.", []),
    ],
)
def test_a_fact_is_found_where_it_stands(kind: str, text: str, facts: list[str]) -> None:
    assert texts(kind, text) == facts


@pytest.mark.parametrize(
    ("kind", "text", "facts"),
    [
        ("date", "The Mayor decorated Mark, a Junior of the Marching Octopus.", []),
        ("date", "Decorated by Augustus", []),
        ("money", "The ferry costs $3.", ["$3"]),
        ("date", "In December it rained.", ["December"]),
        ("place", "In Paris they met.", ["Paris"]),
        ("place", "They met in May 2022.", []),
    ],
)
def test_a_fact_is_not_more_than_itself(kind: str, text: str, facts: list[str]) -> None:
    assert texts(kind, text) == facts


@pytest.mark.parametrize(
    ("kind", "text", "question", "facts"),
    [
        ("date", "They met on 13 May 2022.", "What happened on 13 May 2022?", []),
        ("place", "It was in Lindholm.", "What happened in lindholm?", []),
        ("number", "In 19 months 300 workers", "Did 300 workers strike?", ["19"]),
        ("number", "They sent 3 boats.", "How many boats did the 13 villages send?", ["3"]),
    ],
)
def test_what_stands_in_the_question_is_not_found(
    kind: str, text: str, question: str, facts: list[str]
) -> None:
    assert texts(kind, text, question) == facts


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("When was the press release issued?", "dateline"),
        ("Where was this release published?", "dateline"),
        ("When did the statement come out?", "dateline"),
        ("What date is the release dated?", "dateline"),
        ("In which city was the statement issued?", "dateline"),
        ("Who issued the press release?", "issuer"),
        ("Which ministry published this statement?", "issuer"),
        ("Who was the statement issued by?", "issuer"),
        ("When was the prisoner released?", ""),
        ("Where did the two ministers meet?", ""),
        ("What does the press release say about fish?", ""),
    ],
)
def test_a_question_about_the_issue_of_a_release_is_known(question: str, asked: str) -> None:
    assert issue_asked(question) == issue_asked(question.upper()) == asked


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What are the three urgent priorities in Myanmar?", True),
        ("Which areas do the two countries cooperate in?", True),
        ("Which countries took part?", True),
        ("What steps were taken?", True),
        ("Name two areas of cooperation.", True),
        ("List all the priorities.", True),
        ("Who were the speakers?", True),
        ("When did they meet?", False),
        ("Who met Prak Sokhonn?", False),
        ("What did Blinken thank Cambodia for?", False),
        ("What is the population of Cambodia?", False),
        ("What was the fare?", False),
        ("What does the meeting aim to promote?", False),
        ("What has been agreed?", False),
    ],
)
def test_a_question_for_a_list_is_known(question: str, asks: bool) -> None:
    assert asks_for_several(question) == asks_for_several(question.upper()) == asks
