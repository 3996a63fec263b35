"""A release's text in paragraphs and parts, with spans of it marked."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qa_service.passages import page_of
from qa_service.types import Passage, Release
from qa_service.web.addresses import Span


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a release's text, the spans that cover it, and those that begin with it."""

    text: str
    spans: tuple[Span, ...] = ()
    opens: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a release as the page shows it; ``page``: the page of it that begins here."""

    start: int
    end: int
    parts: tuple[Part, ...]
    role: str
    page: int | None = None


def cut(text: str, start: int, end: int, spans: Iterable[Span]) -> Iterator[Part]:
    """``text[start:end]`` in parts, cut wherever one of the spans begins or ends."""
    inside = [span for span in spans if span[0] < end and span[1] > start]
    edges = {start, end, *(edge for span in inside for edge in span if start < edge < end)}
    cuts = sorted(edges)
    for first, last in itertools.pairwise(cuts):
        covering = tuple(span for span in inside if span[0] <= first and last <= span[1])
        opening = tuple(span for span in covering if first == max(span[0], start))
        yield Part(text[first:last], covering, opening)


def paragraphs_of(
    release: Release, passages: Sequence[Passage], spans: Sequence[Span]
) -> Iterator[Paragraph]:
    """The whole release; each span opens once, where its first character is shown."""
    opened: set[Span] = set()
    before: int | None = None
    for passage in passages:
        parts = []
        for part in cut(release.text, passage.start, passage.end, spans):
            opens = tuple(span for span in part.opens if span not in opened)
            opened.update(opens)
            parts.append(Part(part.text, part.spans, opens))
        in_body = release.body_start <= passage.start < release.body_end
        around = any(a <= passage.start < b for a, b in release.boilerplate)
        role = "boilerplate" if around else "body" if in_body else "letterhead"
        page = page_of(release, passage.start)
        yield Paragraph(
            passage.start, passage.end, tuple(parts), role, page if page != before else None
        )
        before = page
