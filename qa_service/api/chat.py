"""What OpenAI's clients speak, so that Open WebUI, LibreChat and others can talk to the releases."""

import json
import re
import time
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from qa_service.api.answering import answer_body
from qa_service.api.chat_shapes import (
    MODEL,
    SOURCES,
    Annotation,
    ChatBody,
    ChatReply,
    ChoiceReply,
    MessageReply,
    ModelReply,
    ModelsReply,
    UrlCitation,
    UsageReply,
    chunk,
)
from qa_service.api.parts import Answering, Current, Given, problems, timing
from qa_service.errors import NotFound
from qa_service.index import Generation
from qa_service.replies import AnswerReply, CitationReply, HitReply

NEAREST = 3
"""Releases named where the releases do not say."""

STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

router = APIRouter(tags=["openai"])


@router.get("/v1/models", responses=problems(503))
def get_models(generation: Current) -> ModelsReply:
    """The models that can be talked to: one, the releases."""
    return ModelsReply(data=[_model(generation)])


@router.get("/v1/models/{model}", responses=problems(404, 422, 503))
def get_model(model: Annotated[str, Path(examples=[MODEL])], generation: Current) -> ModelReply:
    """The model of that name."""
    _check_model(model)
    return _model(generation)


@router.post(
    "/v1/chat/completions",
    response_model=ChatReply,
    responses=problems(404, 413, 422, 502, 503, 504) | STREAMED,
    dependencies=[Answering],
)
def post_chat(
    body: ChatBody, generation: Current, settings: Given, request: Request, response: Response
) -> ChatReply | StreamingResponse:
    """An answer as a chat completion; with `stream`, as server-sent events.

    The last user message is the question, the turns before it its context. Citations stand in the
    text as [n] with a list of sources, as `annotations`, and in full in `answer`.
    """
    _check_model(body.model)
    question = body.as_question()
    asked = answer_body(question, generation, request.app.state.answerer, settings)
    reply = _completion(AnswerReply.of(question.question, asked), str(request.base_url))
    took = timing(asked.stages.took_ms)
    if not body.stream:
        response.headers["Server-Timing"] = took
        return reply
    usage = body.stream_options is not None and body.stream_options.include_usage
    headers = {"Server-Timing": took, "Cache-Control": "no-cache"}
    return StreamingResponse(_events(reply, usage), headers=headers, media_type="text/event-stream")


def _check_model(model: str) -> None:
    if model != MODEL:
        raise NotFound(f"there is no model {model!r}; the one there is: {MODEL}")


def _model(generation: Generation) -> ModelReply:
    return ModelReply(created=int(generation.manifest.built_at.timestamp()))


def _completion(answer: AnswerReply, base: str) -> ChatReply:
    addresses = {one.n: _address(one, base) for one in answer.citations}
    body = answer.text
    annotations = [
        Annotation(
            url_citation=UrlCitation(
                start_index=mark.start(),
                end_index=mark.end(),
                title=answer.citations[int(mark[1]) - 1].title,
                url=addresses[int(mark[1])],
            )
        )
        for mark in re.finditer(r"\[(\d+)\]", body)
        if int(mark[1]) in addresses
    ]
    content = body + _sources(answer, addresses, base)
    return ChatReply(
        id=f"chatcmpl-{uuid4().hex}",
        created=int(time.time()),
        system_fingerprint=answer.generation_id,
        choices=[ChoiceReply(message=MessageReply(content=content, annotations=annotations))],
        answer=answer,
    )


def _sources(answer: AnswerReply, addresses: dict[int, str], base: str) -> str:
    """The releases that are cited or, if none is, those of the nearest passages or of the choices."""
    if answer.citations:
        lines = [f"[{one.n}] {_named(one)} {addresses[one.n]}" for one in answer.citations]
        return SOURCES + "\n".join(lines)
    if answer.choices:
        return SOURCES + "\n".join(f"- {one.question}" for one in answer.choices)
    nearest = {one.release_id: one for one in reversed(answer.passages)}
    lines = [f"- {_named(one)} {_address(one, base)}" for one in reversed(nearest.values())]
    return SOURCES + "\n".join(lines[:NEAREST]) if lines else ""


def _named(one: CitationReply | HitReply) -> str:
    day = one.published.isoformat() if one.published else ""
    return ", ".join(filter(None, [one.title or one.release_id, one.issuer, day]))


def _address(one: CitationReply | HitReply, base: str) -> str:
    """The page of the release, with the quote marked."""
    span = f"char={one.start},{one.end}"
    return f"{base}releases/{quote(one.release_id)}?{span}#{span}"


def _events(reply: ChatReply, usage: bool) -> Iterator[str]:
    content = reply.choices[0].message.content
    annotations = [one.model_dump() for one in reply.choices[0].message.annotations]
    yield _event(chunk(reply, {"role": "assistant", "content": ""}))
    for line in content.splitlines(keepends=True):
        yield _event(chunk(reply, {"content": line}))
    last = chunk(reply, {"annotations": annotations}, finish_reason="stop")
    yield _event(last | {"answer": reply.answer.model_dump(mode="json")})
    if usage:
        yield _event(chunk(reply, {}) | {"choices": [], "usage": UsageReply().model_dump()})
    yield "data: [DONE]\n\n"


def _event(data: object) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
