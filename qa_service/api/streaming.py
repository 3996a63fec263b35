"""The answer as a stream of server-sent events, each as soon as it is known."""

import logging
from collections.abc import Iterator

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from qa_service.answer import Looked, ask_in_steps
from qa_service.api.parts import Answering, Current, Given, problems
from qa_service.bodies import AnswerBody, Problem
from qa_service.errors import QaError
from qa_service.logs import note_question
from qa_service.replies import AnswerReply, DoneEvent, HitReply, PassagesEvent, SearchingEvent
from qa_service.understanding import make_query

log = logging.getLogger(__name__)
router = APIRouter()


def check_question(body: AnswerBody, settings: Given) -> None:
    """Refuse a question that cannot be used while that can still be a status.

    Raises:
        QueryError: it cannot.
    """
    make_query(body.question, body.filters.filters(), settings.question_max_chars)


@router.post(
    "/api/answer/stream",
    response_class=EventSourceResponse,
    responses=problems(413, 422, 503),
    tags=["answer"],
    dependencies=[Answering, Depends(check_question)],
)
def post_answer_stream(
    body: AnswerBody, generation: Current, settings: Given, request: Request
) -> Iterator[ServerSentEvent]:
    """The same as `POST /api/answer`, as server-sent events.

    In this order: `status`, `passages` (what was found), `answer` (as `POST /api/answer`, without
    passages and citations), `citations`, `done`. What goes wrong on the way is an `error` with
    a problem as its data, and the last event. Who goes away cancels what has not begun.
    """
    yield _event(
        "status",
        SearchingEvent(
            generation_id=generation.generation_id, releases=generation.manifest.releases
        ),
    )
    note_question(settings, body.question)
    reading = body.reading(settings.question_max_chars)
    steps = ask_in_steps(
        generation,
        request.app.state.answerer,
        body.question,
        body.turns(),
        body.filters.filters(),
        body.k,
        reading,
        settings.evidence_threshold,
    )
    try:
        for step in steps:
            if isinstance(step, Looked):
                hits = [HitReply.of(one) for one in step.found]
                found = PassagesEvent(standalone_question=step.standalone, passages=hits)
                yield _event("passages", found)
                continue
            reply = AnswerReply.of(body.question, step).model_dump(mode="json")
            reply.pop("passages")
            citations = reply.pop("citations")
            yield _event("answer", reply)
            yield _event("citations", citations)
            done = DoneEvent(generation_id=generation.generation_id, took_ms=reply["took_ms"])
            yield _event("done", done)
    except Exception as error:  # the status line is sent: what goes wrong can only be an event
        yield _event("error", problem_of(error))


def problem_of(error: Exception) -> Problem:
    """An error as a problem; what nobody foresaw is logged and not shown."""
    if isinstance(error, QaError):
        return Problem(title=error.title, status=error.http_status, detail=str(error))
    log.error("a bug in a stream", exc_info=error)
    detail = "an error of the service itself; its log has the details"
    return Problem(title="Something went wrong", status=500, detail=detail)


def _event(name: str, data: object) -> ServerSentEvent:
    return ServerSentEvent(event=name, data=data)
