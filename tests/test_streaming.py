"""The answer as server-sent events."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from streams import events

from qa_service.app import create_app
from qa_service.settings import read_settings
from qa_service.types import Draft

STREAM = "/api/answer/stream"
QUESTION = "How many turbines stand at Stormvik?"


def streamed(client: Any, **body: Any) -> list[tuple[str, Any]]:
    reply = client.post(STREAM, json=body)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache"
    return events(reply.text)


def test_the_events_come_in_order_and_add_up_to_the_answer(client: Any) -> None:
    reply = client.post("/api/answer", json={"question": QUESTION}).json()
    names, data = zip(*streamed(client, question=QUESTION), strict=True)
    assert names == ("status", "passages", "answer", "citations", "done")
    status, passages, answer, citations, done = data
    assert status["state"] == "searching"
    assert status["releases"] == client.get("/api/status").json()["releases"]
    assert {status["generation_id"], done["generation_id"]} == {reply["generation_id"]}
    assert passages["standalone_question"] == reply["standalone_question"]
    assert passages["passages"] == reply["passages"]
    whole = {**answer, "passages": passages["passages"], "citations": citations}
    assert whole | {"took_ms": 0} == reply | {"took_ms": 0}


def test_no_evidence_streams_like_an_answer(client: Any) -> None:
    read = dict(streamed(client, question="What is the best recipe for banana bread?"))
    assert read["answer"]["status"] == "no_evidence"
    assert read["citations"] == []
    assert list(read)[-1] == "done"


@pytest.mark.parametrize("question", ["", "why " * 501])
def test_a_question_that_cannot_be_used_is_refused_before_the_stream(
    client: Any, question: str
) -> None:
    refused = client.post("/api/answer", json={"question": question})
    reply = client.post(STREAM, json={"question": question})
    assert (reply.status_code, reply.json()) == (422, refused.json())


def test_a_body_that_cannot_be_read_is_refused_before_the_stream(client: Any) -> None:
    reply = client.post(STREAM, json={"questoin": QUESTION})
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"


def test_without_an_index_there_is_no_stream(tmp_path: Path) -> None:
    app = create_app(read_settings(corpus_dir=tmp_path, index_dir=tmp_path / "index"))
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post(STREAM, json={"question": QUESTION}).status_code == 503


class Broken:
    """An answerer with a bug."""

    def answer(self, *_: object) -> Draft:
        raise ZeroDivisionError("a secret of the inside")


def test_a_bug_on_the_way_is_an_event_that_tells_nothing_of_the_inside(client: Any) -> None:
    state = client.app.state
    whole, state.answerer = state.answerer, Broken()
    try:
        names, data = zip(*streamed(client, question=QUESTION), strict=True)
    finally:
        state.answerer = whole
    assert names == ("status", "passages", "error")
    assert data[-1]["status"] == 500
    assert "secret" not in json.dumps(data)
