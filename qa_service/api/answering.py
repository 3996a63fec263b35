"""The route that answers."""

from fastapi import APIRouter, Request, Response

from qa_service.answer import ask
from qa_service.api.parts import Current, Given, problems, timing
from qa_service.bodies import AnswerBody
from qa_service.replies import AnswerReply

router = APIRouter(tags=["answer"])


@router.post("/api/answer", responses=problems(413, 422, 502, 503, 504))
def post_answer(
    body: AnswerBody, generation: Current, settings: Given, request: Request, response: Response
) -> AnswerReply:
    """An answer made of verbatim quotes, or an honest `no_evidence` with the nearest passages."""
    reading = body.reading(settings.question_max_chars)
    answerer, threshold = request.app.state.answerer, settings.evidence_threshold
    filters, turns = body.filters.filters(), body.turns()
    asked = ask(generation, answerer, body.question, turns, filters, body.k, reading, threshold)
    response.headers["Server-Timing"] = timing(asked.stages.took_ms)
    return AnswerReply.of(body.question, asked)
