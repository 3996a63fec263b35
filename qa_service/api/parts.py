"""What the routes share: the generation of a request, tags and pages, and how errors are described."""

from collections.abc import Iterator, Mapping
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from qa_service import __version__
from qa_service.bodies import Problem
from qa_service.index import Generation, Serving
from qa_service.settings import Settings

MEANINGS = {
    400: "The request cannot be read.",
    401: "A key is needed, or the key given is not known.",
    403: "The key may not do this.",
    404: "Nothing has that id or name.",
    410: "The release was withdrawn, or excluded.",
    413: "The body is too large.",
    422: "The question, or a parameter, cannot be used.",
    429: "Too many requests; `Retry-After` says when to come back.",
    502: "A model failed.",
    503: "No generation can be served, answers are paused, or the queue is full.",
    504: "A model did not answer in time.",
}
ALWAYS = (400, 401, 403, 429)
"""What may happen on every route that a key can be asked for."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its description."""
    return {status: _described(status) for status in sorted({*ALWAYS, *statuses})}


def _described(status: int) -> dict[str, Any]:
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    content = {"schema": _reference(), "example": example | {"detail": MEANINGS[status]}}
    return {
        "description": MEANINGS[status],
        "content": {"application/problem+json": content},
    }


def _reference() -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{Problem.__name__}"}


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


def check_answering(request: Request) -> None:
    """Refuse while answers are switched off.

    Raises:
        AnswersPaused: with what was to be said.
    """
    serving: Serving = request.app.state.serving
    serving.check_answering()


Answering = Depends(check_answering)


class Unchanged(Exception):
    """What the caller has under this tag is still what would be sent."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers


def tagged(request: Request, response: Response, generation: Current) -> None:
    """Tag the reply by generation, so that asking for the same again costs nothing.

    The day is in the tag because "last year" is read as of today.

    Raises:
        Unchanged: the caller has this very reply.
    """
    tag = f'W/"{generation.generation_id}.{__version__}.{date.today():%Y%m%d}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    had = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if tag in had or tag.removeprefix("W/") in had or "*" in had:
        raise Unchanged(headers | {"Vary": "Accept-Encoding"})  # as the reply itself, compressed
    response.headers.update(headers)


Tagged = Depends(tagged)
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {
        "description": "Nothing was published since the reply whose `ETag` is in `If-None-Match`."
    }
}
"""How the replies of a tagged route are described, beside its own."""


def on_unchanged(_request: Request, unchanged: Exception) -> Response:
    """304, without a body."""
    assert isinstance(unchanged, Unchanged)  # noqa: S101 - registered for this type
    return Response(status_code=304, headers=unchanged.headers)


def page_links(request: Request, offset: int, size: int, total: int) -> str:
    """The ``Link`` header (RFC 8288) of one page of ``total``; relative, so that a proxy's path stays."""
    last = max(0, (total - 1) // size * size) if total else 0
    targets = {
        "first": 0 if offset else None,
        "prev": max(0, offset - size) if offset else None,
        "next": offset + size if offset + size < total else None,
        "last": last if offset < last else None,
    }
    others = [pair for pair in request.query_params.multi_items() if pair[0] != "offset"]
    return ", ".join(
        f'<?{urlencode([*others, ("offset", at)])}>; rel="{rel}"'
        for rel, at in targets.items()
        if at is not None
    )


def timing(took_ms: Mapping[str, float]) -> str:
    """The ``Server-Timing`` header of the stages."""
    return ", ".join(f"{name};dur={ms:.2f}" for name, ms in took_ms.items())
