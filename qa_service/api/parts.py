"""What the routes share: the generation and the settings of a request, and how errors are described."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request

from qa_service.bodies import Problem
from qa_service.index import Generation, Serving
from qa_service.settings import Settings

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


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its description."""
    return {status: PROBLEMS[status] for status in statuses}


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
