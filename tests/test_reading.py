"""Which languages the model reads, and what is said about others."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pages import asked, words

from qa_service.answer import UNREAD
from qa_service.engines.embedder_sentence_transformers import SentenceTransformersEmbedder
from qa_service.index import Generation

READ = [
    "What did Cambodia say about the Ream naval base?",
    "Wer hat den Hafen eröffnet?",
    "Prak Sokhonn",
    "2,400 in 2022",
    "🐟",
    "",
]
UNREAD_TEXTS = [
    "តើកំពង់ផែថ្មីនឹងបើកនៅឆ្នាំណា?",
    "ท่าเรือใหม่จะเปิดเมื่อไร",
    "新港口何时开放？",
    "Когда откроется новый порт?",
    "متى سيفتتح الميناء الجديد؟",
]


@pytest.mark.parametrize("text", READ)
def test_the_model_reads_latin_script(generation: Generation, text: str) -> None:
    assert generation.embedder.reads(text)


@pytest.mark.parametrize("text", UNREAD_TEXTS)
def test_the_model_does_not_read_other_scripts(generation: Generation, text: str) -> None:
    assert not generation.embedder.reads(text)


def test_the_model_knows_common_words_as_a_whole(generation: Generation) -> None:
    assert generation.embedder.knows("harbour")
    assert not generation.embedder.knows("sokhonn")


def test_the_first_question_may_come_from_several_threads_at_once() -> None:
    fresh = SentenceTransformersEmbedder()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fresh.reads, ["harbour"] * 4, timeout=120)) == [True] * 4


@pytest.mark.parametrize("question", UNREAD_TEXTS)
def test_a_question_that_the_model_does_not_read_is_not_guessed_at(
    client: Any, question: str
) -> None:
    reply = client.post("/api/answer", json={"question": question}).json()
    assert (reply["status"], reply["text"], reply["notes"]) == ("no_evidence", UNREAD, [UNREAD])
    page = asked(client, question)
    page.select("pre.markdown")[0].decompose()  # what a button copies
    assert words(page).count("does not read the language") == 1


def test_other_questions_carry_no_note(client: Any) -> None:
    reply = client.post("/api/answer", json={"question": "Who pays for the harbour lights?"}).json()
    assert reply["notes"] == []
