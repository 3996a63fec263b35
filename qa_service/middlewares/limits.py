"""How much a request may bring, and how many are worked on at once."""

import asyncio
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa_service.deadline import allowed
from qa_service.errors import TookTooLong
from qa_service.metrics import SHED, WAITING
from qa_service.problems import problem

log = logging.getLogger(__name__)

WORK = ("/api/search", "/api/answer", "/v1/chat")
TOOLS = "/mcp"
"""Where a model works for a request; the page does for ``/?q=…``."""
BACK_S = 1
HANGS = 1.5
"""Times the limit of a request, after which it is answered though a stage of it hangs."""


class BodyLimit:
    """Refuses bodies of more than ``max_bytes`` with 413, whether or not they announce their size."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then pass it on in one piece."""
        if scope["type"] != "http" or scope["method"] == "GET":
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
    Work gives up between two stages when it took ``limit_s``. If one stage hangs, the caller is told soon
    after, and the place is for others when the stage ends or has hung for as long again.
    """

    def __init__(
        self, app: ASGIApp, at_once: int, room: int, patience_s: float, limit_s: float
    ) -> None:
        self._app = app
        self._places = asyncio.Semaphore(at_once)
        self._room = room
        self._patience_s = patience_s
        self._limit_s = limit_s
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on when there is a place, or refuse."""
        if scope["type"] != "http" or not _is_work(scope):
            await self._app(scope, receive, send)
        elif self._places.locked() and self._waiting >= self._room:
            await _full(scope, "queue full", f"{self._room} requests wait")(scope, receive, send)
        elif await self._have_place():
            with allowed(self._limit_s):
                await self._work(scope, receive, send)
        else:
            reason = f"no place in {self._patience_s:g} s"
            await _full(scope, "waited too long", reason)(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, in a task of its own, which can be left behind."""
        reply = _Reply(send, self._patience_s)
        place = _Place(self._places)
        work = asyncio.ensure_future(self._app(scope, receive, reply.send))
        work.add_done_callback(lambda _: place.give_back())
        try:
            done, _ = await asyncio.wait({work}, timeout=HANGS * self._limit_s)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if not done:
            await self._leave(work, place, reply, scope)
        elif reply.unread and work.exception():
            SHED.labels("not read").inc()
        else:
            work.result()

    async def _leave(
        self, work: "asyncio.Future[None]", place: "_Place", reply: "_Reply", scope: Scope
    ) -> None:
        """Tell the caller; what was begun ends by itself, unheard."""
        SHED.labels("took too long").inc()
        log.error("%s hangs: it is left behind", scope["path"])
        work.cancel()
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        asyncio.get_running_loop().call_later(HANGS * self._limit_s, place.give_back)
        await reply.end(scope)

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


class _Place:
    """A place at work, given back once."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def give_back(self) -> None:
        """Let another have it."""
        if self._places is not None:
            self._places.release()
            self._places = None


class _Reply:
    """What is sent to a caller; who does not read it for ``patience_s`` loses it."""

    def __init__(self, send: Send, patience_s: float) -> None:
        self._send = send
        self._patience_s = patience_s
        self._begun = False
        self._over = False
        self.unread = False

    async def send(self, message: Message) -> None:
        """One message, unless the reply is over."""
        if self._over:
            return
        self._begun = True
        try:
            async with asyncio.timeout(self._patience_s):
                await self._send(message)
        except TimeoutError:
            self.unread = True
            raise

    async def end(self, scope: Scope) -> None:
        """Say that it took too long; a reply that has begun is cut off, which its reader notices."""
        self._over = True
        if not self._begun:
            headers = {"Retry-After": str(BACK_S)}
            detail = "a part of it hangs: try again later"
            said = problem(504, TookTooLong.title, detail, headers, scope["path"])
            await said(scope, _nothing_more, self._send)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


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
