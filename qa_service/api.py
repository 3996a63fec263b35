"""The JSON routes."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from qa_service import __version__
from qa_service.answer import ask
from qa_service.bodies import AnswerBody, Problem, SearchBody
from qa_service.index import Generation, Serving
from qa_service.replies import (
    AnswerReply,
    HitReply,
    LeftOutReply,
    PassageReply,
    ReleaseReply,
    SearchReply,
    StagesReply,
    StatusReply,
)
from qa_service.search import look_up, search
from qa_service.settings import Settings
from qa_service.understanding import understand
from qa_service.understood import UnderstoodReply

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, description in {
        404: "There is no such release or passage.",
        413: "The body is too large.",
        422: "The question, or a parameter, cannot be used.",
        502: "A model failed.",
        503: "No generation can be served.",
        504: "A model did not answer in time.",
    }.items()
}

router = APIRouter()


def current_generation(request: Request) -> Iterator[Generation]:
    """The generation for one request, held until the reply is made."""
    serving: Serving = request.app.state.serving
    with serving.generation() as generation:
        yield generation


def current_settings(request: Request) -> Settings:
    """The settings that the app was made with."""
    settings: Settings = request.app.state.settings
    return settings


Current = Annotated[Generation, Depends(current_generation)]
Given = Annotated[Settings, Depends(current_settings)]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


@router.get("/api/search", responses=_problems(422, 502, 503, 504), tags=["search"])
def get_search(
    body: Annotated[SearchBody, Query()], generation: Current, settings: Given
) -> SearchReply:
    """The passages nearest to a query, by both stages fused. Example: `?q=Ream naval base&k=5`."""
    return _search(body, generation, settings)


@router.post("/api/search", responses=_problems(413, 422, 502, 503, 504), tags=["search"])
def post_search(body: SearchBody, generation: Current, settings: Given) -> SearchReply:
    """The same as `GET /api/search`, with the parameters as JSON."""
    return _search(body, generation, settings)


@router.post("/api/answer", responses=_problems(413, 422, 502, 503, 504), tags=["answer"])
def post_answer(
    body: AnswerBody, generation: Current, settings: Given, request: Request
) -> AnswerReply:
    """An answer made of verbatim quotes, or an honest `no_evidence` with the nearest passages."""
    reading = body.reading(settings.question_max_chars)
    answerer, threshold = request.app.state.answerer, settings.evidence_threshold
    filters, turns = body.filters.filters(), body.turns()
    asked = ask(generation, answerer, body.question, turns, filters, body.k, reading, threshold)
    return AnswerReply.of(body.question, asked)


@router.get(
    "/api/releases/{release_id:path}", responses=_problems(404, 422, 503), tags=["releases"]
)
def get_release(release_id: str, generation: Current) -> ReleaseReply:
    """A whole release, as it was read."""
    return ReleaseReply.of(generation.release(release_id), generation)


@router.get(
    "/api/passages/{passage_id:path}", responses=_problems(404, 422, 503), tags=["releases"]
)
def get_passage(passage_id: str, generation: Current) -> PassageReply:
    """One passage by its id, `release:start-end`."""
    return PassageReply.of(generation.passage(passage_id), generation.generation_id)


@router.get("/api/status", responses=_problems(503), tags=["service"])
def get_status(generation: Current, request: Request) -> StatusReply:
    """What is served: the generation, its counts, its embedder."""
    manifest = generation.manifest
    oldest, newest = generation.catalogue.date_range()
    problem = request.app.state.serving.problem
    return StatusReply(
        generation_id=manifest.generation_id,
        built_at=manifest.built_at,
        releases=manifest.releases,
        passages=manifest.passages,
        left_out=[LeftOutReply(source=o.source, reason=o.reason) for o in manifest.left_out],
        embedder=manifest.embedder.fingerprint,
        date_from=oldest,
        date_to=newest,
        version=__version__,
        problem=str(problem) if problem else None,
    )


@router.get("/healthz", tags=["service"])
def get_health() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=_problems(503), tags=["service"])
def get_ready(request: Request, generation: Current) -> dict[str, str]:
    """A generation is served, and it is the published one; otherwise 503."""
    problem = request.app.state.serving.problem
    if problem is not None:
        raise problem
    return {"status": "ready", "generation_id": generation.generation_id}


def _search(body: SearchBody, generation: Generation, settings: Settings) -> SearchReply:
    began = time.perf_counter()
    reading = body.reading(settings.question_max_chars)
    query = understand(generation, body.q, body.filters(), reading)
    stages = search(generation, query, body.offset + body.k)
    found = look_up(generation, stages, body.offset, body.k)
    return SearchReply(
        query=body.q,
        **UnderstoodReply.parts(query, stages),
        generation_id=generation.generation_id,
        took_ms=round((time.perf_counter() - began) * 1000, 2),
        hits=[HitReply.of(one) for one in found],
        stages=StagesReply.of(stages) if body.explain else None,
    )
