"""Who says what a sentence says, and whose words a question asks for."""

import pytest

from qa_service.speakers import is_speaker, speaker_asked, speakers_in, whole_speech


@pytest.mark.parametrize(
    ("sentence", "speakers"),
    [
        ("“We agree,” said Port Director Mira Okonkwo.", ["Port Director Mira Okonkwo"]),
        ("Okonkwo added that the ban stays.", ["Okonkwo"]),
        ("Mira Okonkwo, who directs the port, said that it opens.", ["Mira Okonkwo"]),
        ("According to Harbour Master Lund, it was the wind.", ["Harbour Master Lund"]),
        ("“No,” said Admiral J. P. Lund Jr. of the Navy.", ["Admiral J. P. Lund Jr. of the Navy"]),
        ("The ban stays until spring.", []),
        ("The minister thanked Reyes.", []),
        ("“No,” said Lund. Okonkwo also stressed the cost.", ["Lund", "Okonkwo"]),
    ],
)
def test_a_sentence_names_its_speakers(sentence: str, speakers: list[str]) -> None:
    assert speakers_in(sentence) == speakers


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("What did Mira Okonkwo say about the ban?", "Mira Okonkwo"),
        ("What did the Harbour Master say about the ban?", "the Harbour Master"),
        ("What were Ada Brandvold's words about the ferry?", "Ada Brandvold"),
        ("How did Port Director Okonkwo describe the fire?", "Port Director Okonkwo"),
        ("Are there remarks by Captain Reyes about the ban?", "Captain Reyes"),
        ("How much does Nordfjell have to pay?", ""),
        ("What did the minister say?", ""),
        ("When was the port closed?", ""),
    ],
)
def test_a_question_names_whose_words_it_asks_for(question: str, speaker: str) -> None:
    assert speaker_asked(question) == speaker


def test_a_speaker_is_known_by_the_surname_or_by_the_office() -> None:
    assert is_speaker("Mira Okonkwo", "Port Director Okonkwo")
    assert is_speaker("the Port Director", "Port Director")
    assert is_speaker("Okonkwo", "Mira Okonkwo of the Port of Lindholm")
    assert not is_speaker("Mira Okonkwo", "Mira Lund")
    assert not is_speaker("Okonkwo", "the Okonkwo Bridge Company")
    assert not is_speaker("Antony Blinken", "Anthony Blinens")
    assert is_speaker("Antony Blinken", "Anthony Blinens", alike=0.8)


def test_words_said_in_one_breath_are_quoted_together() -> None:
    said = "“We opened the port,” said Minister Mira Okonkwo. “It is deep. It is safe.”"
    text = f"The port is new. {said}"
    opened = text.index("“We"), text.index(" “It")
    whole = text.index("“We"), len(text)
    assert whole_speech(text, *opened) == whole
    goes_on = text.index("It is safe"), len(text)
    assert whole_speech(text, *goes_on) == whole
    told = 0, text.index(" “We")
    assert whole_speech(text, *told) == told


def test_another_speaker_or_paragraph_ends_what_is_said_in_one_breath() -> None:
    first = "“We opened the port,” said Minister Mira Okonkwo."
    for after in ("“It is late,” said Ingrid Dahl.", "\nIt has three cranes."):
        text = f"{first} {after}"
        assert whole_speech(text, 0, len(first)) == (0, len(first))
