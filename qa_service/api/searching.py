"""The routes that search."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from qa_service.api.exporting import EXPORTS
from qa_service.api.parts import (
    UNCHANGED,
    Current,
    Given,
    Tagged,
    page_links,
    problems,
    timing,
)
from qa_service.bodies import (
    MAX_K,
    MAX_OFFSET,
    BatchBody,
    BatchItem,
    ExportQuery,
    Problem,
    SearchBody,
)
from qa_service.deadline import check_deadline
from qa_service.errors import QueryError
from qa_service.index import Generation
from qa_service.listings import BatchReply
from qa_service.replies import HitReply, SearchReply, StagesReply
from qa_service.search import Stages, look_up, search
from qa_service.settings import Settings
from qa_service.types import Found
from qa_service.types import Query as Understood
from qa_service.understanding import understand
from qa_service.understood import UnderstoodReply

router = APIRouter(tags=["search"])


@router.get(
    "/api/search", responses=problems(422, 502, 503, 504) | UNCHANGED, dependencies=[Tagged]
)
def get_search(
    body: Annotated[SearchBody, Query()],
    generation: Current,
    settings: Given,
    request: Request,
    response: Response,
) -> SearchReply:
    """The passages nearest to a query, by both stages fused. Example: `?q=Ream naval base&k=5`."""
    reply = find(body, generation, settings, response)
    if links := page_links(request, body.offset, body.size, reply.total):
        response.headers["Link"] = links
    return reply


@router.post("/api/search", responses=problems(413, 422, 502, 503, 504))
def post_search(
    body: SearchBody, generation: Current, settings: Given, response: Response
) -> SearchReply:
    """The same as `GET /api/search`, with the parameters as JSON."""
    return find(body, generation, settings, response)


@router.post("/api/search:batch", responses=problems(413, 422, 502, 503, 504))
def post_batch(body: BatchBody, generation: Current, settings: Given) -> BatchReply:
    """Several searches at once, all from the same generation."""
    began = time.perf_counter()
    replies = []
    for one in body.searches:
        check_deadline()
        replies.append(_reply_or_problem(one, generation, settings))
    took_ms = round((time.perf_counter() - began) * 1000, 2)
    return BatchReply(generation_id=generation.generation_id, took_ms=took_ms, replies=replies)


@router.get(
    "/api/search/export",
    responses=problems(422, 502, 503, 504)
    | UNCHANGED
    | {200: {"content": {kind: {"schema": {"type": "string"}} for kind, _ in EXPORTS.values()}}},
    response_class=Response,
    dependencies=[Tagged],
)
def get_export(
    body: Annotated[ExportQuery, Query()],
    generation: Current,
    settings: Given,
    response: Response,
) -> Response:
    """A search as a file: JSON lines, CSV (for a spreadsheet) or RIS (for a reference manager)."""
    _, stages, found = _found(body, generation, settings)
    media_type, write = EXPORTS[body.format]
    headers = {
        "Content-Disposition": f'attachment; filename="search.{body.format}"',
        "Server-Timing": timing(stages.took_ms),
    }
    return Response(write(found), media_type=media_type, headers=headers | dict(response.headers))


def _found(
    body: BatchItem, generation: Generation, settings: Settings
) -> tuple[Understood, Stages, list[Found]]:
    reading = body.reading(settings.question_max_chars)
    query = understand(generation, body.q, body.filters(), reading)
    stages = search(generation, query, MAX_OFFSET + MAX_K)
    return query, stages, look_up(generation, stages, body.offset, body.size)


def find(
    body: BatchItem, generation: Generation, settings: Settings, response: Response | None = None
) -> SearchReply:
    """One search, and the time of its stages in the headers of ``response``.

    Raises:
        QueryError: the query cannot be used.
        EngineError: a model failed.
    """
    began = time.perf_counter()
    query, stages, found = _found(body, generation, settings)
    if response is not None:
        response.headers["Server-Timing"] = timing(stages.took_ms)
    shown = StagesReply.of(stages, body.offset + body.size) if body.explain else None
    return SearchReply(
        query=body.q,
        **UnderstoodReply.parts(query, stages),
        generation_id=generation.generation_id,
        took_ms=round((time.perf_counter() - began) * 1000, 2),
        total=len(stages.reranked.hits),
        hits=[HitReply.of(one) for one in found],
        stages=shown,
    )


def _reply_or_problem(
    body: BatchItem, generation: Generation, settings: Settings
) -> SearchReply | Problem:
    try:
        return find(body, generation, settings)
    except QueryError as error:
        return Problem(title=error.title, status=error.http_status, detail=str(error))
