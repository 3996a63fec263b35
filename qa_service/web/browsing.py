"""All releases, page by page, and what is in the corpus."""

import calendar
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from qa_service.errors import QueryError
from qa_service.index.catalogue import ORDERS
from qa_service.types import Filters
from qa_service.web.addresses import read_day
from qa_service.web.rendering import about_corpus, render

ON_A_PAGE = 25
ISSUERS = 500
"""The most frequent issuers are offered; any other can be typed."""
MOST_BARS = 120
"""More months than this are counted by year."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A month or year of the chart, how many releases it has, and its height in percent."""

    name: str
    count: int
    height: float
    first: str
    last: str


def drop_slash(request: Request) -> RedirectResponse:
    """To the list: a slash too many is no release without an id."""
    return RedirectResponse("../releases" + (f"?{request.url.query}" if request.url.query else ""))


def show_releases(
    request: Request,
    q: str = "",
    issuer: str = "",
    date_from: str = "",
    date_to: str = "",
    order: str = "newest",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> HTMLResponse:
    """The releases with the words ``q`` in their titles, of an issuer, of some time."""
    given = {"q": q, "issuer": issuer, "date_from": date_from, "date_to": date_to, "order": order}
    with request.app.state.serving.generation() as generation:
        catalogue = generation.catalogue
        problem, status, filters = "", 200, Filters()
        try:
            issuers = (issuer.strip(),) if issuer.strip() else ()
            filters = Filters(read_day(date_from), read_day(date_to), issuers)
            if order not in ORDERS:
                raise QueryError(f"order={order[:40]!r} is none of {', '.join(ORDERS)}")
        except QueryError as error:
            problem, status, order = str(error), error.http_status, "newest"
        total = 0 if problem else catalogue.count_releases(filters, q)
        pages = max(1, -(-total // ON_A_PAGE))
        page = min(page, pages)
        offset = (page - 1) * ON_A_PAGE
        found = [] if problem else catalogue.releases(filters, ON_A_PAGE, offset, q, order)
        months = {} if problem else catalogue.counts_by_month(filters, q)
        context: dict[str, Any] = {
            **given,
            "problem": problem,
            "total": total,
            "releases": found,
            "page": page,
            "pages": pages,
            "first": offset + 1,
            "bars": bars(months),
            "issuers": [name for name, _ in catalogue.issuers()[:ISSUERS]],
            "address": lambda **changes: _address(given | changes),
            **about_corpus(generation),
        }
        return render(request, "releases.html", context, status)


def show_about(request: Request) -> HTMLResponse:
    """What is in the corpus, from when to when, how answers are made, and what they cannot do."""
    with request.app.state.serving.generation() as generation:
        catalogue = generation.catalogue
        context = {
            "issuers": catalogue.issuers(),
            "languages": catalogue.languages(),
            "undated": generation.manifest.releases
            - sum(catalogue.counts_by_month(Filters()).values()),
            "answerer": request.app.state.settings.answerer,
            **about_corpus(generation),
        }
        return render(request, "about.html", context)


def bars(months: dict[str, int]) -> list[Bar]:
    """A bar for each month from the first to the last, or for each year if those are too many."""
    if not months:
        return []
    (year, month), (last_year, last_month) = (
        map(int, edge.split("-")) for edge in (min(months), max(months))
    )
    if (last_year - year) * 12 + last_month - month >= MOST_BARS:
        counts = {f"{one:04}": 0 for one in range(year, last_year + 1)}
        for name, count in months.items():
            counts[name[:4]] += count
        ends = {name: (f"{name}-01-01", f"{name}-12-31") for name in counts}
    else:
        counts, ends = {}, {}
        while (year, month) <= (last_year, last_month):
            name = f"{year:04}-{month:02}"
            counts[name] = months.get(name, 0)
            ends[name] = (f"{name}-01", f"{name}-{_days(year, month):02}")
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    most = max(counts.values())
    return [
        Bar(name, count, round(100 * count / most, 2), *ends[name])
        for name, count in counts.items()
    ]


def _days(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _address(given: dict[str, Any]) -> str:
    said = {
        name: value
        for name, value in given.items()
        if value and (name, value) not in (("order", "newest"), ("page", 1))
    }
    return "/releases" + (f"?{urlencode(said)}" if said else "")
