"""Errors as application/problem+json (RFC 9457), the one shape that every route has."""

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from qa_service.bodies import Problem


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as application/problem+json."""
    body = Problem(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(body, status, headers, media_type="application/problem+json")
