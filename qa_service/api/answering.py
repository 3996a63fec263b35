"""The route that answers."""

from fastapi import APIRouter, Request, Response

from qa_service.answer import Asked, ask
from qa_service.api.parts import Answering, Current, Given, problems, timing
from qa_service.bodies import AnswerBody
from qa_service.engines import Answerer
from qa_service.index import Generation
from qa_service.logs import note_question
from qa_service.replies import AnswerReply
from qa_service.settings import Settings

router = APIRouter(tags=["answer"])


@router.post("/api/answer", responses=problems(413, 422, 502, 503, 504), dependencies=[Answering])
def post_answer(
    body: AnswerBody, generation: Current, settings: Given, request: Request, response: Response
) -> AnswerReply:
    """An answer made of verbatim quotes, or an honest `no_evidence` with the nearest passages."""
    asked = answer_body(body, generation, request.app.state.answerer, settings)
    response.headers["Server-Timing"] = timing(asked.stages.took_ms)
    return AnswerReply.of(body.question, asked)


def answer_body(
    body: AnswerBody, generation: Generation, answerer: Answerer, settings: Settings
) -> Asked:
    """One question, as a body asks it.

    Raises:
        QueryError: the question cannot be used.
        EngineError: a model failed.
    """
    note_question(settings, body.question)
    return ask(
        generation,
        answerer,
        body.question,
        body.turns(),
        body.filters.filters(),
        body.k,
        body.reading(settings.question_max_chars),
        settings.evidence_threshold,
    )
