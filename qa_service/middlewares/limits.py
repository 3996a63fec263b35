"""How much a request may bring."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service.problems import problem


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
                    413,
                    "The body is too large",
                    f"more than {self._max_bytes:,} bytes",
                    path=scope["path"],
                )
                await reply(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)
