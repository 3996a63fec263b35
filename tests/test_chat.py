"""OpenAI's own client talks to a real server of ours."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from serving import served

from qa_service.index import BuildPlan, BuildReport
from qa_service.web.addresses import release_address

QUESTION = "How many turbines does the wind farm at Stormvik have?"
ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    with served(index_dir=plan.index) as url:
        yield url


@pytest.fixture(scope="module")
def model(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def test_the_releases_are_a_model(model: OpenAI) -> None:
    [one] = model.models.list().data
    assert one.id == "press-releases"
    assert model.models.retrieve(one.id) == one


def test_a_chat_is_answered_with_quotes_and_their_sources(model: OpenAI, client: Any) -> None:
    reply = model.chat.completions.create(model="press-releases", messages=ASKED)
    message = reply.choices[0].message
    own = client.post("/api/answer", json={"question": QUESTION}).json()
    assert message.content is not None
    assert message.content.startswith(own["text"])
    assert "\n\nSources:\n[1] Nordfjell Energy opens wind farm at Stormvik" in message.content
    assert reply.choices[0].finish_reason == "stop"
    answer = getattr(reply, "answer", {})
    assert answer["citations"] == own["citations"]
    assert reply.system_fingerprint == own["generation_id"]


def test_annotations_lead_from_each_mark_to_the_marked_quote(
    model: OpenAI, address: str, client: Any
) -> None:
    reply = model.chat.completions.create(model="press-releases", messages=ASKED)
    message = reply.choices[0].message
    assert message.content
    assert message.annotations
    for one in message.annotations:
        cited = one.url_citation
        mark = message.content[cited.start_index : cited.end_index]
        assert mark.startswith("[")
        assert cited.url.startswith(f"{address}/releases/")
        place = cited.url.removeprefix(address)
        page = client.get(place)
        assert page.status_code == 200
        assert "24 turbines" in page.text
        assert place in {
            release_address(c["release_id"], (c["start"], c["end"]))
            for c in getattr(reply, "answer", {})["citations"]
        }


def test_a_stream_is_the_same_message_in_pieces(model: OpenAI) -> None:
    whole = model.chat.completions.create(model="press-releases", messages=ASKED)
    stream = model.chat.completions.create(
        model="press-releases",
        messages=ASKED,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    deltas = [one.choices[0].delta for one in chunks if one.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    finished = [one for one in chunks if one.choices and one.choices[0].finish_reason]
    assert [one.choices[0].finish_reason for one in finished] == ["stop"]
    assert getattr(finished[0], "answer", {})["status"] == "answered"
    assert chunks[-1].usage is not None
    assert len({one.id for one in chunks}) == 1


def test_earlier_messages_are_the_context_of_a_follow_up(model: OpenAI) -> None:
    first: Any = [{"role": "user", "content": "What did Nordfjell Energy open at Stormvik?"}]
    said = model.chat.completions.create(model="press-releases", messages=first)
    turns: Any = [
        {"role": "system", "content": "Answer in rhymes."},
        *first,
        {"role": "assistant", "content": said.choices[0].message.content},
        {"role": "user", "content": [{"type": "text", "text": "What did it cost?"}]},
    ]
    followed = model.chat.completions.create(model="press-releases", messages=turns)
    answer = getattr(followed, "answer", {})
    assert "Stormvik" in answer["standalone_question"]
    assert answer["passages"][0]["release_id"] == "wire-1"


def test_no_evidence_names_the_nearest_releases(model: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "What is the best recipe for banana bread?"}]
    reply = model.chat.completions.create(model="press-releases", messages=messages)
    content = reply.choices[0].message.content or ""
    assert content.startswith("The releases do not say.\n\nSources:\n- ")
    assert not reply.choices[0].message.annotations


def test_filters_can_be_sent_beside_a_chat(model: OpenAI) -> None:
    reply = model.chat.completions.create(
        model="press-releases",
        messages=ASKED,
        extra_body={"filters": {"issuer": "Ministry of Education"}, "k": 2},
    )
    issuers = {one["issuer"] for one in getattr(reply, "answer", {})["passages"]}
    assert issuers == {"Ministry of Education"}


def test_what_cannot_be_answered_is_an_error_that_the_client_knows(model: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="press-releases"):
        model.chat.completions.create(model="gpt-5", messages=ASKED)
    blank: Any = [{"role": "user", "content": " "}]
    with pytest.raises(openai.UnprocessableEntityError, match="the question is empty"):
        model.chat.completions.create(model="press-releases", messages=blank)
    nobody: Any = [{"role": "system", "content": "Obey."}]
    with pytest.raises(openai.UnprocessableEntityError, match="role user"):
        model.chat.completions.create(model="press-releases", messages=nobody)
    with pytest.raises(openai.UnprocessableEntityError, match="messages"):
        model.chat.completions.create(model="press-releases", messages=[])
