"""What readers think of answers: kept only where a setting says so, listed, made a question set."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import in_process
from conftest import CORPUS
from fastapi.testclient import TestClient
from pages import asked

from qa_service.app import create_app
from qa_service.errors import CorpusError, QueryError
from qa_service.feedback import as_questions, keep, kept, read_feedback
from qa_service.index import BuildPlan, BuildReport
from qa_service.settings import read_settings

QUESTION = "How many turbines stand at Stormvik?"
UNANSWERED = "What is the best recipe for banana bread?"
ANSWER = {
    "question": QUESTION,
    "before": [],
    "standalone_question": QUESTION,
    "status": "answered",
    "text": "24",
    "citations": [{"release_id": "wire-1", "start": 0, "end": 8, "quote": "STORMVIK"}],
    "confidence": 0.9,
    "generation_id": "g1",
}


def given(verdict: str = "up", comment: str = "", **changes: Any) -> dict[str, str]:
    return {"verdict": verdict, "comment": comment, "answer": json.dumps({**ANSWER, **changes})}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "said" / "feedback.jsonl"


@pytest.fixture
def judging(plan: BuildPlan, built: BuildReport, path: Path) -> Iterator[Any]:
    """A client of a service that keeps feedback."""
    settings = read_settings(corpus_dir=CORPUS, index_dir=plan.index, feedback_file=path)
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


def test_a_form_on_the_page_keeps_question_answer_generation_and_verdict(
    judging: Any, path: Path
) -> None:
    page = asked(judging, QUESTION)
    [form] = page.select("form.feedback")
    [answer] = [field["value"] for field in form.select("[name=answer]")]
    for verdict in ("down", "up"):
        sent = {"answer": answer, "verdict": verdict, "comment": "seen"}
        assert judging.post("/feedback", data=sent).status_code == 200
    said = list(kept(path))
    reply = judging.post("/api/answer", json={"question": QUESTION}).json()
    assert [one.verdict for one in said] == ["down", "up"]
    for one in said:
        assert (one.answer.question, one.comment) == (QUESTION, "seen")
        assert one.answer.text == reply["text"]
        assert one.answer.generation_id == reply["generation_id"]
        cited = [(c.release_id, c.start, c.end, c.quote) for c in one.answer.citations]
        assert cited == [
            (c["release_id"], c["start"], c["end"], c["quote"]) for c in reply["citations"]
        ]


def test_by_default_nothing_is_asked_and_nothing_kept(client: Any) -> None:
    assert asked(client, QUESTION).select("form.feedback") == []
    assert client.post("/feedback", data=given()).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        {},
        given(verdict="sideways"),
        {**given(), "answer": "{"},
        given(extra=1),
        given(comment="x" * 5000),
    ],
)
def test_what_is_no_verdict_is_refused_and_not_kept(judging: Any, path: Path, sent: Any) -> None:
    assert judging.post("/feedback", data=sent).status_code == 422
    assert not path.exists()


def test_another_site_cannot_send_feedback(judging: Any, path: Path) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver", "sec-fetch-site": "cross-site"},
    ):
        assert judging.post("/feedback", data=given(), headers=headers).status_code == 422
    assert not path.exists()
    own = judging.post("/feedback", data=given(), headers={"origin": "http://testserver"})
    assert own.status_code == 200


def test_verdicts_written_at_once_are_all_kept_whole(path: Path) -> None:
    said = [read_feedback(given(comment=f"{n} " + "é" * 3000)) for n in range(40)]
    threads = [threading.Thread(target=keep, args=(path, one)) for one in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.comment for one in kept(path)) == sorted(one.comment for one in said)


def test_a_line_that_is_no_feedback_is_named(path: Path) -> None:
    keep(path, read_feedback(given()))
    with path.open("a") as file:
        file.write("{}\n")
    with pytest.raises(CorpusError, match=r"feedback\.jsonl:2 is not feedback"):
        list(kept(path))


def test_no_form_at_all_is_a_question_that_cannot_be_used() -> None:
    with pytest.raises(QueryError, match="no feedback on an answer"):
        read_feedback({})


def test_answers_found_right_become_questions_and_the_latest_verdict_counts() -> None:
    said = [
        read_feedback(given("up")),
        read_feedback(given("up", question="And now?", before=["What is it?"])),
        read_feedback(given("down", question="Wrong?")),
        read_feedback(given("up", question="Changed?")),
        read_feedback(given("down", question="Changed?")),
        read_feedback(given("up", question=UNANSWERED, status="no_evidence", citations=[])),
        read_feedback(given("up", question="Who?", status="clarify", citations=[])),
    ]
    questions = {row["question"]: row for row in as_questions(said)}
    assert list(questions) == [QUESTION, "And now?", UNANSWERED]
    assert questions["And now?"]["history"] == [{"role": "user", "text": "What is it?"}]
    assert questions[QUESTION]["evidence"] == [{"release_id": "wire-1", "quote": "STORMVIK"}]
    assert questions[UNANSWERED]["answerable"] is False


def test_the_command_lists_feedback_and_makes_a_set_that_can_be_evaluated(
    judging: Any,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for question in (QUESTION, UNANSWERED):
        [field] = asked(judging, question).select("form.feedback [name=answer]")
        judging.post("/feedback", data={"answer": field["value"], "verdict": "up"})
    qa = in_process(monkeypatch, capsys)
    assert qa("feedback").code == 2
    monkeypatch.setenv("QA_FEEDBACK_FILE", str(path))
    listed = qa("feedback")
    assert listed.code == 0
    assert QUESTION in listed.out
    assert "2 verdicts, 2 of them right" in listed.out
    assert len(json.loads(qa("feedback", "--json").out)) == 2
    folder = tmp_path / "set"
    assert "2 questions of 2 verdicts" in qa("feedback", "--questions", folder).out
    evaluated = qa(
        "eval", folder, "--corpus", CORPUS, "--index", tmp_path / "eval", "--answers", "--json"
    )
    assert evaluated.code == 0, evaluated.err
    verdicts = json.loads(evaluated.out)
    assert [(one["answerable"], one["answered"]) for one in verdicts] == [
        (True, True),
        (False, False),
    ]
    assert verdicts[0]["correct"]
