"""The routes of releases and their passages."""

from fastapi import APIRouter

from qa_service.api.parts import Current, problems
from qa_service.replies import PassageReply, ReleaseReply

router = APIRouter(tags=["releases"])


@router.get("/api/releases/{release_id:path}", responses=problems(404, 422, 503))
def get_release(release_id: str, generation: Current) -> ReleaseReply:
    """A whole release, as it was read."""
    return ReleaseReply.of(generation.release(release_id), generation)


@router.get("/api/passages/{passage_id:path}", responses=problems(404, 422, 503))
def get_passage(passage_id: str, generation: Current) -> PassageReply:
    """One passage by its id, `release:start-end`."""
    return PassageReply.of(generation.passage(passage_id), generation.generation_id)
