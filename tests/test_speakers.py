"""Who says what a sentence says, and whose words a question asks for."""

import pytest

from qa_service.speakers import is_speaker, speaker_asked, speakers_in


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
