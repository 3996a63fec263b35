"""The service: lifespan, routes, errors as statuses."""

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from qa_service import __version__, api, tools, tracing, web
from qa_service.errors import EngineError, QaError, TookTooLong
from qa_service.index import Serving
from qa_service.keys import Keys
from qa_service.middlewares.access import Access, Hosts, RateLimit, check_exposure, parse_limits
from qa_service.middlewares.headers import Heads, SecurityHeaders, Versions
from qa_service.middlewares.limits import BACK_S, BodyLimit, Queue
from qa_service.middlewares.observed import Observed
from qa_service.middlewares.traced import Traced
from qa_service.problems import problem
from qa_service.settings import Settings, read_settings
from qa_service.wiring import canary, make_answerer, make_engines

BODY_MAX_BYTES = 1_000_000
LLM_AT_ONCE = 16
REASONS = 10
"""Of all that is wrong with a request, so many are told."""
EXPOSED = """
ETag Link Location Content-Disposition Retry-After Server-Timing X-Request-ID traceparent
""".split()
"""What scripts of other sites may read of a reply, if they may read it at all."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, shared: Path | None = None) -> FastAPI:
    """The service by these settings (``None``: by the environment's).

    ``shared``: a file in which several workers count for rate limits. The service starts without an index
    too: every route that needs one answers 503 until one is published.
    """
    settings = settings or read_settings()
    check_exposure(settings, Keys(settings.keys_file))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(app.state.serving.start, settings.poll_s)
        async with endpoint.running():
            yield
        await run_in_threadpool(app.state.serving.stop)

    app = FastAPIOffline(
        redoc_url=None,
        favicon_url="/static/icon.svg",
        title="Press releases, cited",
        version=__version__,
        summary="Answers made of verbatim quotes with citations, or an honest no.",
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    app.state.answerer = make_answerer(settings)
    app.state.serving = Serving(
        settings.index_dir,
        make_engines(settings, _threads(settings)),
        partial(canary, answerer=app.state.answerer),
    )
    endpoint = tools.Endpoint(
        lambda: tools.make_server(app.state.serving, app.state.answerer, settings),
        settings.cors_origins.split(),
    )
    app.router.routes.append(Route(tools.PATH, endpoint, include_in_schema=False))
    api.add_routes(app)
    web.add_pages(app)
    _add_middlewares(app, settings, shared)
    app.add_exception_handler(QaError, _on_qa_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    return app


def _threads(settings: Settings) -> int:
    """One for each question: several are answered side by side. A reranker reads 30 passages for one."""
    return 0 if settings.reranker else 1


def places(settings: Settings) -> int:
    """How many questions are worked on at once: models need a processor each, an LLM is waited for."""
    return LLM_AT_ONCE if settings.answerer == "llm" else os.cpu_count() or 1


def _add_middlewares(app: FastAPI, settings: Settings, shared: Path | None) -> None:
    """From the inside out: the last one added is the first that a request meets."""
    app.add_middleware(
        Queue,
        at_once=settings.concurrency or places(settings),
        room=settings.queue,
        patience_s=settings.queue_timeout_s,
        limit_s=settings.request_timeout_s,
    )
    app.add_middleware(BodyLimit, max_bytes=BODY_MAX_BYTES)
    if settings.rate_limit:
        app.add_middleware(RateLimit, limits=parse_limits(settings.rate_limit), shared=shared)
    app.add_middleware(Access, keys=Keys(settings.keys_file), settings=settings)
    if settings.allowed_hosts:
        app.add_middleware(Hosts, allowed=settings.allowed_hosts.split())
    app.add_middleware(Versions)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Heads)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins.split(),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],  # clients of OpenAI's API and of MCP send some of their own
            expose_headers=EXPOSED,
        )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observed, on_bug=_on_bug)
    if tracing.is_on():
        app.add_middleware(Traced)


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
    return problem(status, title, detail, headers, request.url.path)


def _on_qa_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, QaError)  # noqa: S101 - registered for this type
    if isinstance(error, EngineError):
        log.error("%s", error)
    headers = {"Retry-After": str(BACK_S)} if isinstance(error, TookTooLong) else {}
    return _respond(request, error.http_status, error.title, str(error), headers)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
    kind = request.headers.get("content-type", "none")
    errors = error.errors()
    more = [f"and {len(errors) - REASONS:,} more"] if len(errors) > REASONS else []
    detail = "; ".join([*(_reason(one, kind) for one in errors[:REASONS]), *more])
    return _respond(request, 422, "The request cannot be used", detail)


def _reason(one: Mapping[str, Any], content_type: str) -> str:
    """What is wrong, where, in words for whoever sent it."""
    if one["type"] == "json_invalid":
        return f"body: no JSON at character {one['loc'][-1]}: {one['ctx']['error']}"
    if one["type"] == "model_attributes_type" and len(one["loc"]) == 1:
        return (
            f"body: no JSON object, sent as application/json (the Content-Type is {content_type})"
        )
    return f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    title, detail = HTTPStatus(error.status_code).phrase, str(error.detail)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        detail = f"{request.method} is not for {request.url.path}: {headers['Allow']}"
    elif detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"nothing is at {request.url.path}: /docs lists what there is"
    return _respond(request, error.status_code, title, detail, headers)


def _methods(request: Request) -> set[str]:
    """What can be done at an address: several routes may have it, each with a method of its own."""
    allowed = {
        method
        for method in METHODS
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return allowed | ({"HEAD"} if "GET" in allowed else set())


def _on_bug(request: Request, error: Exception) -> Response:
    log.error("a bug in %s", request.url.path, exc_info=error)
    detail = "an error of the service itself; its log has the details"
    return _respond(request, 500, "Something went wrong", detail)
