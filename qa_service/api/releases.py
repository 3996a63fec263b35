"""The routes of releases and their passages."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from qa_service.api.parts import UNCHANGED, Current, Tagged, page_links, problems
from qa_service.bodies import ReleasesQuery
from qa_service.index import Generation
from qa_service.listings import ReleasesReply, ReleaseSummary
from qa_service.replies import PassageReply, ReleaseReply

RELEASE = "2022-05-16-cambodia-us-foreign-ministers"
"""The example of a release."""

router = APIRouter(tags=["releases"], dependencies=[Tagged], responses=UNCHANGED)


@router.get("/api/releases", responses=problems(422, 503))
def get_releases(
    query: Annotated[ReleasesQuery, Query()],
    generation: Current,
    request: Request,
    response: Response,
) -> ReleasesReply:
    """The releases, the newest first; `Link` leads to the other pages."""
    reply = list_releases(query, generation)
    if links := page_links(request, query.offset, query.limit, reply.total):
        response.headers["Link"] = links
    return reply


@router.get("/api/releases/{release_id:path}", responses=problems(404, 410, 422, 503))
def get_release(
    release_id: Annotated[str, Path(examples=[RELEASE])], generation: Current
) -> ReleaseReply:
    """A whole release, as it was read."""
    return ReleaseReply.of(generation.release(release_id), generation)


@router.get("/api/passages/{passage_id:path}", responses=problems(404, 422, 503))
def get_passage(
    passage_id: Annotated[str, Path(examples=[f"{RELEASE}:3442-3941"])], generation: Current
) -> PassageReply:
    """One passage by its id, `release:start-end`."""
    return PassageReply.of(generation.passage(passage_id), generation.generation_id)


def list_releases(query: ReleasesQuery, generation: Generation) -> ReleasesReply:
    """A page of the releases."""
    filters = query.filters()
    listed = generation.catalogue.releases(filters, query.limit, query.offset)
    return ReleasesReply(
        total=generation.catalogue.count_releases(filters),
        limit=query.limit,
        offset=query.offset,
        releases=[ReleaseSummary.of(one) for one in listed],
        generation_id=generation.generation_id,
    )
