"""A span for each request, while traces are on."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service.tracing import request_span


class Traced:
    """Goes on with the caller's trace; what is inside, and the reply, have this span as ``traceparent``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on inside a span, which is named by its route."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        with request_span(method, Headers(scope=scope).get("traceparent", "")) as span:
            own = span.get_span_context()
            here = f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"
            others = [(name, value) for name, value in scope["headers"] if name != b"traceparent"]
            scope["headers"] = [*others, (b"traceparent", here.encode())]

            async def tell(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["traceparent"] = here
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, tell)
            route = getattr(scope.get("route"), "path", None)
            span.set_attribute("http.request.method", method)
            if route:
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
