"""A release, or a quote of it, as a reference: plain, APA, BibTeX, RIS, CSL-JSON.

Each form is a few lines of text, so no library writes them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response

from qa_service.errors import NotFound
from qa_service.passages import page_of
from qa_service.types import Release
from qa_service.web.addresses import Span, read_spans, release_address, safe_url
from qa_service.web.rendering import long_date

_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%",
        "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """A release to be cited at ``url``; ``quote`` is empty if all of it is."""

    release: Release
    quote: str
    url: str
    page: int | None = None

    @property
    def title(self) -> str:
        """The title, or the id of a release that has none."""
        return in_a_line(self.release.title) or self.release.release_id


def give_citation(
    request: Request,
    style: str,
    release_id: str,
    char: Annotated[tuple[str, ...], Query(max_length=1)] = (),
) -> Response:
    """The reference in one of :data:`STYLES`; a file for programs, text for people."""
    if style not in STYLES:
        raise NotFound(f"{style[:40]!r} is not a style of citation; there are {', '.join(STYLES)}")
    form, media_type, name = STYLES[style]
    span = next(iter(read_spans(char)), None)
    with request.app.state.serving.generation() as generation:
        release = generation.release(release_id)
    text = form(refer(release, span, str(request.base_url)))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else {}
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)


def refer(release: Release, span: Span | None, base: str) -> Reference:
    """A reference to the original if its address is known, else to this service's page of it."""
    quote = in_a_line(release.text[slice(*span)]) if span else ""
    spans = (span,) if span else ()
    own = base.rstrip("/") + release_address(release.release_id, *spans)
    page = page_of(release, span[0]) if span else None
    return Reference(release, quote, safe_url(release.url) or own, page)


def in_a_line(text: str) -> str:
    """Words with one space between them."""
    return " ".join(text.split())


def plain(cited: Reference) -> str:
    """“Quote” (Issuer, “Title”, Place, 16 May 2022, address)."""
    release = cited.release
    day = long_date(release.published) if release.published else ""
    page = f"page {cited.page}" if cited.page else ""
    where = (release.issuer, f"“{cited.title}”", release.place, day, page, cited.url)
    said = ", ".join(in_a_line(one) for one in where if one.strip())
    return f"“{cited.quote}” ({said})" if cited.quote else said


def apa(cited: Reference) -> str:
    """As APA 7 has a press release; a quote first, with issuer and year."""
    release = cited.release
    day = release.published
    dated = f"{day.year}, {day:%B} {day.day}" if day else "n.d."
    title = f"{cited.title} [Press release]."
    author = in_a_line(release.issuer)
    if author:
        entry = f"{author}{'' if author.endswith('.') else '.'} ({dated}). {title} {cited.url}"
    else:
        entry = f"{title} ({dated}). {cited.url}"
    if not cited.quote:
        return entry
    year = str(day.year) if day else "n.d."
    place = f"{year}, p. {cited.page}" if cited.page else year
    return f"“{cited.quote}” ({author or f'“{cited.title}”'}, {place})\n\n{entry}"


def bibtex(cited: Reference) -> str:
    """An entry ``@misc``, as every style knows it."""
    release = cited.release
    day = release.published
    word = re.sub(r"[^A-Za-z0-9]+", "", release.issuer or "release")[:20] or "release"
    key = re.sub(r"[^A-Za-z0-9]+", "-", release.release_id).strip("-")[:60]
    fields = {
        "author": f"{{{_tex(release.issuer)}}}" if release.issuer else "",
        "title": f"{{{_tex(cited.title)}}}",
        "year": str(day.year) if day else "",
        "month": str(day.month) if day else "",
        "day": str(day.day) if day else "",
        "howpublished": "Press release",
        "address": _tex(release.place),
        "pages": str(cited.page or ""),
        "url": re.sub(r"[{}\s\\]", lambda found: f"%{ord(found[0]):02X}", cited.url),
        "note": f"“{_tex(cited.quote)}”" if cited.quote else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@misc{" + ",\n".join([f"{word}-{key}", *lines]) + "\n}\n"


def ris(cited: Reference) -> str:
    """A record of general type, which every reference manager reads."""
    release = cited.release
    fields = (
        ("AU", release.issuer),
        ("TI", cited.title),
        ("PY", f"{release.published:%Y}" if release.published else ""),
        ("DA", f"{release.published:%Y/%m/%d}" if release.published else ""),
        ("PB", release.issuer),
        ("CY", release.place),
        ("LA", release.language),
        ("SP", str(cited.page or "")),
        ("M3", "Press release"),
        ("UR", cited.url),
        ("N1", f"“{cited.quote}”" if cited.quote else ""),
    )
    lines = [f"{tag}  - {in_a_line(value)}" for tag, value in fields if value.strip()]
    return "\r\n".join(["TY  - GEN", *lines, "ER  - ", ""])


def csl_json(cited: Reference) -> str:
    """One item of CSL-JSON, as Zotero, Pandoc and citation processors read it."""
    release = cited.release
    day = release.published
    item: dict[str, Any] = {
        "id": release.release_id,
        "type": "document",
        "genre": "Press release",
        "title": cited.title,
        "author": [{"literal": in_a_line(release.issuer)}] if release.issuer else None,
        "publisher": in_a_line(release.issuer),
        "publisher-place": in_a_line(release.place),
        "issued": {"date-parts": [[day.year, day.month, day.day]]} if day else None,
        "language": release.language,
        "page": str(cited.page or ""),
        "URL": cited.url,
        "note": f"“{cited.quote}”" if cited.quote else None,
    }
    known = {name: value for name, value in item.items() if value}
    return json.dumps([known], ensure_ascii=False, indent=2) + "\n"


def _tex(text: str) -> str:
    return in_a_line(text).translate(_TEX)


Form = Callable[[Reference], str]
STYLES: dict[str, tuple[Form, str, str]] = {
    "plain": (plain, "text/plain", ""),
    "apa": (apa, "text/plain", ""),
    "bibtex": (bibtex, "application/x-bibtex", "release.bib"),
    "ris": (ris, "application/x-research-info-systems", "release.ris"),
    "csl-json": (csl_json, "application/vnd.citationstyles.csl+json", "release.json"),
}
"""Style → its form, its media type, and the name of its file; text for people has none."""
