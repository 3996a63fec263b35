"""The routes that build the index; they need a key with the scope admin."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from qa_service.api.parts import Given, problems
from qa_service.bodies import Body, Flag
from qa_service.index import jobs
from qa_service.settings import as_environ

router = APIRouter(tags=["index"])


class BuildBody(Body):
    """What to build."""

    full: Flag = Field(False, description="Take over nothing: read and embed everything anew.")


class JobReply(BaseModel):
    """How far a build is."""

    job_id: str
    state: jobs.State
    created_at: str
    step: str = Field(description="What is being done.")
    done: int = Field(description="How much of this step is done.")
    total: int | None = Field(description="Of how much; null: not known.")
    report: Mapping[str, Any] | None = Field(description="As `qa build --json` prints it.")
    error: str = Field(description="Why it failed.")


@router.post("/api/index", status_code=202, responses=problems(413, 422))
def post_index(settings: Given, response: Response, body: BuildBody | None = None) -> JobReply:
    """Bring the index up to date with the corpus, as `qa build` does, in a process of its own.

    The reply is a job; `Location` is where to ask how far it is. One that is still waiting for another
    build is given again.
    """
    options = ("--full",) if body and body.full else ()
    job = jobs.start(settings.index_dir, as_environ(settings), options)
    response.headers["Location"] = f"/api/index/jobs/{job.job_id}"
    return JobReply(**asdict(job))


def known_job(
    job_id: Annotated[str, Path(examples=["j20261125T085757961329-5e298b7f"])], settings: Given
) -> jobs.Job:
    """The job of a route.

    Raises:
        NotFound: there is none of that id.
    """
    return jobs.read(settings.index_dir, job_id)


Known = Annotated[jobs.Job, Depends(known_job)]


@router.get("/api/index/jobs/{job_id}", responses=problems(404, 422))
def get_index_job(job: Known) -> JobReply:
    """How far a build is."""
    return JobReply(**asdict(job))


@router.get(
    "/api/index/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems(404, 422),
)
def get_index_job_events(job: Known, settings: Given) -> Iterator[ServerSentEvent]:
    """The same as server-sent events: `progress` while there is news, then `done` or `failed`."""
    for state in jobs.follow(settings.index_dir, job.job_id):
        name = state.state if state.ended else "progress"
        yield ServerSentEvent(event=name, data=JobReply(**asdict(state)))
