"""Headers that keep a browser from doing with a reply what it is not for, and the API's versions."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSIONED = "/api/v1/"
CURRENT = "/api/"

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
REFERENCE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of the reference at ``/docs``, which has a script of its own in the page."""


class SecurityHeaders:
    """Adds :data:`SECURITY` where a reply has no such header of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"] == "/docs":
                    headers["Content-Security-Policy"] = REFERENCE_POLICY
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Heads:
    """HEAD is answered as GET is, without the body (RFC 9110)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on as GET; the reply ends with its headers."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def headers_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        inside = {**scope, "method": "GET"}
        await self._app(inside, receive, headers_alone)
        scope["route"] = inside.get(
            "route"
        )  # whoever counts the request reads it from its own scope


class Versions:
    """Version 1 is the current one, so ``/api/v1/…`` is ``/api/…`` by another name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on under the current name."""
        if scope["type"] == "http" and scope["path"].startswith(VERSIONED):
            # in place: whoever logs the request reads the route that is found from this very scope
            scope["path"] = CURRENT + scope["path"].removeprefix(VERSIONED)
            scope["raw_path"] = scope["raw_path"].replace(VERSIONED.encode(), CURRENT.encode(), 1)
        await self._app(scope, receive, send)
