"""The routes that search."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from qa_service.api.parts import Current, Given, problems
from qa_service.bodies import SearchBody
from qa_service.index import Generation
from qa_service.replies import HitReply, SearchReply, StagesReply
from qa_service.search import look_up, search
from qa_service.settings import Settings
from qa_service.understanding import understand
from qa_service.understood import UnderstoodReply

router = APIRouter(tags=["search"])


@router.get("/api/search", responses=problems(422, 502, 503, 504))
def get_search(
    body: Annotated[SearchBody, Query()], generation: Current, settings: Given
) -> SearchReply:
    """The passages nearest to a query, by both stages fused. Example: `?q=Ream naval base&k=5`."""
    return _search(body, generation, settings)


@router.post("/api/search", responses=problems(413, 422, 502, 503, 504))
def post_search(body: SearchBody, generation: Current, settings: Given) -> SearchReply:
    """The same as `GET /api/search`, with the parameters as JSON."""
    return _search(body, generation, settings)


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
