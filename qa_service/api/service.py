"""The routes that tell of the service itself."""

from fastapi import APIRouter, Request

from qa_service import __version__
from qa_service.api.parts import Current, problems
from qa_service.status import LeftOutReply, StatusReply

router = APIRouter(tags=["service"])


@router.get("/api/status", responses=problems(503))
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


@router.get("/healthz")
def get_health() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses=problems(502, 503, 504))
def get_ready(request: Request, generation: Current) -> dict[str, str]:
    """A generation is served, it is the published one, and no engine elsewhere is away."""
    problem = request.app.state.serving.problem
    if problem is not None:
        raise problem
    return {"status": "ready", "generation_id": generation.generation_id}
