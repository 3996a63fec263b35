"""One release: set as a release, with what was quoted marked, beside what is like it."""

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from qa_service.index import Generation
from qa_service.search import look_up, search
from qa_service.types import Query as Search
from qa_service.types import Release
from qa_service.web.addresses import read_spans, safe_url
from qa_service.web.marking import paragraphs_of
from qa_service.web.rendering import about_corpus, render

SIMILAR = 5
LOOKED_THROUGH = 40
"""Passages looked through for the releases that are like one."""


def show_release(
    request: Request,
    release_id: str,
    char: Annotated[tuple[str, ...], Query(max_length=50)] = (),
    beside: bool = False,
) -> HTMLResponse:
    """A whole release, with the spans ``char`` marked; ``beside``: its text alone, to stand beside."""
    spans = read_spans(char)
    with request.app.state.serving.generation() as generation:
        release = generation.release(release_id)
        passages = generation.catalogue.passages_of(release_id)
        context: dict[str, Any] = {
            "release": release,
            "paragraphs": list(paragraphs_of(release, passages, spans)),
            "passages": passages,
            "spans": spans,
            "beside": beside,
            **about_corpus(generation),
        }
        if beside:
            return render(request, "release_text.html", context)
        context["similar"] = similar_to(generation, release)
        context["linked_data"] = linked_data(release, str(request.base_url))
        return render(request, "release.html", context)


def similar_to(generation: Generation, release: Release) -> list[Release]:
    """The releases nearest to a release's title, without itself; the nearest first."""
    about = release.title.strip() or release.text[release.body_start : release.body_start + 200]
    if not about.strip():
        return []
    query = Search(about[:300])
    found = look_up(generation, search(generation, query, LOOKED_THROUGH), 0, LOOKED_THROUGH)
    releases = {one.release.release_id: one.release for one in found}
    releases.pop(release.release_id, None)
    return list(releases.values())[:SIMILAR]


def linked_data(release: Release, base: str) -> dict[str, Any]:
    """The release's metadata as schema.org has them, without what is not known."""
    issuer = {"@type": "Organization", "name": release.issuer} if release.issuer else None
    place = {"@type": "Place", "name": release.place} if release.place else None
    known = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "genre": "Press release",
        "identifier": release.release_id,
        "headline": release.title,
        "datePublished": release.published.isoformat() if release.published else None,
        "author": issuer,
        "publisher": issuer,
        "inLanguage": release.language,
        "locationCreated": place,
        "url": safe_url(release.url),
        "isPartOf": {"@type": "Collection", "url": f"{base}releases"},
    }
    return {name: value for name, value in known.items() if value}
