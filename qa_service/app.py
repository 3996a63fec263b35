"""The service: lifespan, routes, errors as statuses."""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service import __version__, api, web
from qa_service.bodies import Problem
from qa_service.errors import EngineError, QaError
from qa_service.index import Serving
from qa_service.settings import Settings, read_settings
from qa_service.wiring import canary, make_answerer, make_engines

BODY_MAX_BYTES = 1_000_000
log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service by these settings (``None``: by the environment's).

    It starts without an index too: every route that needs one answers 503 until one is published.
    """
    settings = settings or read_settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(app.state.serving.start, settings.poll_s)
        yield
        await run_in_threadpool(app.state.serving.stop)

    app = FastAPI(
        title="Press releases, cited",
        version=__version__,
        summary="Answers made of verbatim quotes with citations, or an honest no.",
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.answerer = make_answerer(settings)
    app.state.serving = Serving(settings.index_dir, make_engines(settings), canary)
    app.include_router(api.router)
    web.add_pages(app)
    app.add_middleware(BodyLimit, max_bytes=BODY_MAX_BYTES)
    app.add_exception_handler(QaError, _on_qa_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)
    return app


class BodyLimit:
    """Refuses bodies of more than ``max_bytes`` with 413, whether or not they announce their size."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then pass it on in one piece."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                reply = problem(
                    413, "The body is too large", f"more than {self._max_bytes:,} bytes"
                )
                await reply(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as application/problem+json (RFC 9457)."""
    body = Problem(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _respond(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if web.wants_page(request):
        page = web.error_page(request, status, title, detail)
        page.headers.update(headers or {})
        return page
    return problem(status, title, detail, headers)


def _on_qa_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, QaError)  # noqa: S101 - registered for this type
    if isinstance(error, EngineError):
        log.error("%s", error)
    return _respond(request, error.http_status, error.title, str(error))


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    parts = [
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    ]
    return _respond(request, 422, "The request cannot be used", "; ".join(parts))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    title = HTTPStatus(error.status_code).phrase
    return _respond(request, error.status_code, title, str(error.detail), error.headers)


def _on_bug(request: Request, error: Exception) -> Response:
    log.error("a bug in %s", request.url.path, exc_info=error)
    detail = "an error of the service itself; its log has the details"
    return _respond(request, 500, "Something went wrong", detail)
