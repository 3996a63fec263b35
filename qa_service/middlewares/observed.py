"""Every request has an id, a line in the log, a place in the metrics, and a time."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service.metrics import REQUESTS

log = logging.getLogger(__name__)

USABLE_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
QUIET = ("/healthz", "/readyz", "/metrics", "/static")
"""What is asked for every few seconds is logged at DEBUG only."""

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

request_ids: ContextVar[dict[str, str]] = ContextVar("request_ids")
"""``request_id`` and ``trace_id`` of the request at hand, for log lines."""


class Observed:
    """Takes ``X-Request-ID`` and ``traceparent``, or makes them, and gives them back.

    The log has the path without its query: questions are personal. An exception that nothing else
    has made a reply of becomes the reply of ``on_bug``.
    """

    def __init__(self, app: ASGIApp, on_bug: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._on_bug = on_bug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it when it is done."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        ids, traceparent = _ids(Headers(scope=scope))
        path, status = _path(scope), 0
        was = request_ids.set(ids)

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = ids["request_id"]
                headers["traceparent"] = traceparent
                total = f"total;dur={(time.perf_counter() - began) * 1000:.2f}"
                stages = headers.get("server-timing")
                headers["Server-Timing"] = f"{stages}, {total}" if stages else total
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except Exception as error:
            if status:
                raise
            await self._on_bug(Request(scope), error)(scope, receive, tell)
        finally:
            took_s = time.perf_counter() - began
            route = _route(scope)
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, str(status)).observe(took_s)
            level = logging.DEBUG if path.startswith(QUIET) else logging.INFO
            facts = {"method": scope["method"], "path": path, "status": status}
            facts |= {"took_ms": round(took_s * 1000, 1), "by": _who(scope)}
            log.log(
                level, "%(method)s %(path)s %(status)s %(took_ms)s ms %(by)s", facts, extra=facts
            )
            request_ids.reset(was)


def _ids(headers: Headers) -> tuple[dict[str, str], str]:
    """The ids of a request, and the ``traceparent`` of this service's part in it."""
    given = headers.get("x-request-id", "")
    trace = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    trace_id, flags = trace.groups() if trace else (secrets.token_hex(16), "00")
    request_id = given if USABLE_ID.fullmatch(given) else trace_id
    ids = {"request_id": request_id, "trace_id": trace_id}
    return ids, f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"


def _path(scope: Scope) -> str:
    """As it came, escaped: a line break in it is no line break in the log."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("ascii", "backslashreplace")


def _route(scope: Scope) -> str:
    """The route as it was declared, so that a metric has few values."""
    return str(getattr(scope.get("route"), "path", "other"))


def _who(scope: Scope) -> Any:
    return scope.get("state", {}).get("principal", "anonymous")
