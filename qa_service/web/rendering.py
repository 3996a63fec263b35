"""Templates of ``web/`` to pages: autoescaped, with dates and addresses as people read them."""

from datetime import date
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from qa_service.index import Generation
from qa_service.types import Period
from qa_service.web.addresses import release_address, safe_url, text_fragment

PACKAGED = Path(__file__).parent.parent / "_web"
CHECKOUT = Path(__file__).parent.parent.parent / "web"
FOLDER = PACKAGED if PACKAGED.is_dir() else CHECKOUT

NOBODY = "'none'"

templates = Jinja2Templates(FOLDER / "templates")


def render(request: Request, name: str, context: dict[str, Any], status: int = 200) -> HTMLResponse:
    """A page by its template."""
    settings = request.app.state.settings
    own = {"feedback": bool(settings.feedback_file), "embed": False}
    headers = page_policy(settings.embed_origins)
    return templates.TemplateResponse(request, name, {**own, **context}, status, headers)


def page_policy(ancestors: str) -> dict[str, str]:
    """No inline script or style, nothing of another host; ``ancestors`` may show pages in a frame."""
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors or NOBODY}",
        "Referrer-Policy": "same-origin",
    }


def about_corpus(generation: Generation) -> dict[str, Any]:
    """What the foot of every page says."""
    oldest, newest = generation.catalogue.date_range()
    return {"manifest": generation.manifest, "oldest": oldest, "newest": newest}


def wants_page(request: Request) -> bool:
    """Whether an error should be a page: a browser asked, and not for the API."""
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith("/api/")


def error_page(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    """An error as a page."""
    return render(request, "error.html", {"title": title, "detail": detail}, status)


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


def counted(number: int, singular: str) -> str:
    """A number with its noun: "1 release", "3,268 releases"."""
    return f"{number:,} {singular}{'' if number == 1 else 's'}"


templates.env.filters |= {
    "long_date": long_date,
    "in_words": in_words,
    "safe_url": safe_url,
    "counted": counted,
    "text_fragment": text_fragment,
}
templates.env.globals |= {"release_address": release_address}
