"""How much a request may bring, and how many are worked on at once."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service.metrics import SHED, WAITING
from qa_service.problems import problem

WORK = ("/api/search", "/api/answer", "/v1/chat")
TOOLS = "/mcp"
"""Where a model works for a request; the page does for ``/?q=…``."""
BACK_S = 1


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


class Queue:
    """Works on ``at_once`` requests; ``room`` more wait, up to ``patience_s``; others get 503 at once.

    What was accepted is answered, however many come: a service that takes everything answers nobody.
    """

    def __init__(self, app: ASGIApp, at_once: int, room: int, patience_s: float) -> None:
        self._app = app
        self._places = asyncio.Semaphore(at_once)
        self._room = room
        self._patience_s = patience_s
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on when there is a place, or refuse."""
        if scope["type"] != "http" or not _is_work(scope):
            await self._app(scope, receive, send)
        elif self._places.locked() and self._waiting >= self._room:
            await _full(scope, "queue full", f"{self._room} requests wait")(scope, receive, send)
        elif await self._have_place():
            try:
                await self._work(scope, receive, send)
            finally:
                self._places.release()
        else:
            reason = f"no place in {self._patience_s:g} s"
            await _full(scope, "waited too long", reason)(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; who does not read a stream for ``patience_s`` loses it, not others their place."""
        unread = False

        async def send_in_time(message: Message) -> None:
            nonlocal unread
            try:
                async with asyncio.timeout(self._patience_s):
                    await send(message)
            except TimeoutError:
                unread = True
                raise

        try:
            await self._app(scope, receive, send_in_time)
        except Exception:
            if not unread:
                raise
            SHED.labels("not read").inc()

    async def _have_place(self) -> bool:
        self._waiting += 1
        WAITING.inc()
        try:
            await asyncio.wait_for(self._places.acquire(), self._patience_s)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            WAITING.dec()
        return True


def _is_work(scope: Scope) -> bool:
    if scope["path"].startswith(WORK):
        return bool(scope["method"] in ("GET", "POST"))
    if scope["path"] == TOOLS:
        return bool(scope["method"] == "POST")  # a GET waits for messages, and there are none
    return bool(scope["path"] == "/" and b"q=" in scope["query_string"])


def _full(scope: Scope, reason: str, detail: str) -> ASGIApp:
    SHED.labels(reason).inc()
    headers = {"Retry-After": str(BACK_S)}
    return problem(503, "The service is busy", detail, headers, scope["path"])
