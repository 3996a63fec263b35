"""The HTML routes over ``web/``: templates and static files. The page is a form first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from qa_service.answer import Asked, ask, in_figures, notes_on
from qa_service.clarifying import about
from qa_service.errors import QaError
from qa_service.index import Generation
from qa_service.types import Citation, Filters, Period, Release, Turn
from qa_service.understanding import Reading

PACKAGED = Path(__file__).parent / "_web"
CHECKOUT = Path(__file__).parent.parent / "web"
FOLDER = PACKAGED if PACKAGED.is_dir() else CHECKOUT

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
PASSAGES = 10

templates = Jinja2Templates(FOLDER / "templates")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a release's text; ``marked`` is what a citation points at."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a release as the page shows it."""

    parts: tuple[Part, ...]
    role: str


def add_pages(app: FastAPI) -> None:
    """Add the pages and their static files to the app."""
    app.add_api_route("/", show_chat, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route(
        "/releases/{release_id:path}",
        show_release,
        response_class=HTMLResponse,
        include_in_schema=False,
    )
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


def show_chat(
    request: Request,
    q: Annotated[str, Query()] = "",
    before: Annotated[tuple[str, ...], Query()] = (),
    dates: bool = True,
    spelling: bool = True,
) -> HTMLResponse:
    """The box and, for ``/?q=…``, the answer; ``before`` has the questions that a follow-up follows.

    ``dates`` and ``spelling`` switch off what is read into a question. An unusable question is
    explained beside the box.
    """
    serving = request.app.state.serving
    with serving.generation() as generation:
        context = {"q": q, "before": before, "asked": None, "problem": None, **_about(generation)}
        status = 200
        if q.strip():
            try:
                reading = Reading(
                    request.app.state.settings.question_max_chars, None, dates, spelling
                )
                context["asked"] = _ask(request, generation, q, before, reading)
                context["without"] = {
                    switch: _address(
                        q, before, {"dates": dates, "spelling": spelling} | {switch: False}
                    )
                    for switch in ("dates", "spelling")
                }
            except QaError as error:
                context["problem"], status = str(error), error.http_status
        return _render(request, "chat.html", context, status)


def show_release(
    request: Request,
    release_id: str,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int, Query(ge=0)] = 0,
) -> HTMLResponse:
    """A whole release, with characters ``start`` to ``end`` marked."""
    with request.app.state.serving.generation() as generation:
        release = generation.release(release_id)
        passages = generation.catalogue.passages_of(release_id)
        edges = [(passage.start, passage.end) for passage in passages]
        paragraphs = [_paragraph(release, *edge, (start, end)) for edge in edges]
        context = {"release": release, "paragraphs": paragraphs, **_about(generation)}
        return _render(request, "release.html", context, 200)


def wants_page(request: Request) -> bool:
    """Whether an error should be a page: a browser asked, and not for the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")


def error_page(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    """An error as a page."""
    return _render(request, "error.html", {"title": title, "detail": detail}, status)


def citation_url(citation: Citation) -> str:
    """The address of the release with the quote marked."""
    span = urlencode({"start": citation.start, "end": citation.end})
    return f"/releases/{quote(citation.release_id)}?{span}#quote"


def long_date(day: date | None) -> str:
    """A date as the page prints it: 16 May 2022."""
    return f"{day.day} {day:%B %Y}" if day else "undated"


def in_words(period: Period) -> str:
    """A period as the page prints it: "1 May 2022 to 31 May 2022", "since 1 May 2022"."""
    if period.first is None or period.last is None:
        return f"{'until' if period.last else 'since'} {long_date(period.last or period.first)}"
    if period.first == period.last:
        return long_date(period.first)
    return f"{long_date(period.first)} to {long_date(period.last)}"


def safe_url(url: str) -> str:
    """``url`` if it leads to the web, else nothing: a release may not smuggle in a script."""
    return url if url.startswith(("https://", "http://")) else ""


templates.env.filters |= {"long_date": long_date, "in_words": in_words, "safe_url": safe_url}
templates.env.globals |= {"citation_url": citation_url}


def _address(q: str, before: Sequence[str], switches: Mapping[str, bool]) -> str:
    """The page's address for a question, with only the switches that are off."""
    off = [(name, "0") for name, on in switches.items() if not on]
    return "/?" + urlencode([("q", q), *(("before", earlier) for earlier in before), *off])


def _ask(
    request: Request, generation: Generation, q: str, before: Sequence[str], reading: Reading
) -> dict[str, Any]:
    answerer, threshold = request.app.state.answerer, request.app.state.settings.evidence_threshold
    turns = [Turn("user", earlier) for earlier in before]
    asked = ask(generation, answerer, q, turns, Filters(), PASSAGES, reading, threshold)
    return {
        "standalone": asked.standalone,
        "when": asked.query.when,
        "corrections": asked.query.corrections,
        "answer": asked.answer,
        "found": asked.found,
        "notes": list(notes_on(asked.stages, asked.answer)),
        "quotes": list(_quotes(asked)),
        "choices": [(one, about(q, one)) for one in asked.answer.choices],
        "direct": asked.answer.direct,
        "mentions": asked.answer.mentions,
        "figures": in_figures(asked.answer.mentions) if asked.answer.mentions else "",
    }


def _quotes(asked: Asked) -> Iterator[tuple[Citation, Release, tuple[Part, ...]]]:
    """Each citation with its release and its quote in parts, the direct answer marked."""
    releases = {found.release.release_id: found.release for found in asked.found}
    direct = asked.answer.direct
    for cited in asked.answer.citations:
        release = releases[cited.release_id]
        own = (direct.start, direct.end) if direct and direct.n == cited.n else (0, 0)
        yield cited, release, _paragraph(release, cited.start, cited.end, own).parts


def _about(generation: Generation) -> dict[str, Any]:
    oldest, newest = generation.catalogue.date_range()
    return {"manifest": generation.manifest, "oldest": oldest, "newest": newest}


def _paragraph(release: Release, start: int, end: int, marked: tuple[int, int]) -> Paragraph:
    first, last = max(start, min(marked[0], end)), min(end, max(marked[1], start))
    cuts = (start, first, last, end) if first < last else (start, start, start, end)
    spans = zip(cuts, cuts[1:], (False, True, False), strict=False)
    parts = tuple(Part(release.text[a:b], is_marked) for a, b, is_marked in spans if a < b)
    in_body = release.body_start <= start < release.body_end
    return Paragraph(parts, "body" if in_body else "letterhead")


def _render(request: Request, name: str, context: dict[str, Any], status: int) -> HTMLResponse:
    return templates.TemplateResponse(request, name, context, status, SECURITY_HEADERS)
