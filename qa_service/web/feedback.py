"""Takes what readers think of an answer, where a setting says where to keep it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from qa_service.errors import NotFound, QueryError
from qa_service.feedback import keep, read_feedback
from qa_service.web.rendering import render


async def take_feedback(request: Request) -> Response:
    """Keep a verdict with the answer it is on; a form's body, from this site's own pages only."""
    path = request.app.state.settings.feedback_file
    if path is None:
        raise NotFound("this service keeps no feedback")
    if _is_foreign(request):
        raise QueryError("feedback is taken from this service's own pages only")
    body = await request.body()
    given: dict[str, Any] = {
        name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()
    }
    await run_in_threadpool(keep, path, read_feedback(given))
    return render(request, "thanks.html", {})


def _is_foreign(request: Request) -> bool:
    """Whether another site's page sent it: browsers say so, older ones by the origin alone."""
    site = request.headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc != request.headers.get("host", "")
