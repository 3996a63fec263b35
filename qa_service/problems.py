"""Errors as application/problem+json (RFC 9457), the one shape that every route has."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from qa_service.bodies import Problem

OPENAI = "/v1/"


def problem(
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    path: str = "",
) -> JSONResponse:
    """An error as application/problem+json; under ``/v1/`` with the member that OpenAI's clients read."""
    body: dict[str, Any] = Problem(title=title, status=status, detail=detail).model_dump()
    if path.startswith(OPENAI):
        kind = (
            "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        )
        body["error"] = {"message": detail, "type": kind, "param": None, "code": None}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
