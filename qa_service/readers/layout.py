"""Printed lines, by where they stand on their pages, as paragraphs in the order of reading."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from qa_service.readers.extract import Block
from qa_service.readers.letterhead import is_institution, is_marker

HYPHEN = "\x02"
"""What PDFium gives for a hyphen at which a line was broken."""
_FURNITURE = re.compile(
    r"(?i)^(?:page|p\.|[-–—])?\s*\d{1,4}\s*(?:(?:/|of)\s*\d{1,4}|[-–—])?$"
    r"|^(?:file|https?)://\S+(?: \d+/\d+)?$|\b\d{1,2}:\d\d(?: [AP]M)?\b"
)
"""Page numbers, and what a browser prints around a page: address, date and time."""
_BULLET = re.compile(r"(?:[•▪‣◦●○■□➢–—*-]|\(?(?:\d{1,2}|[a-z])[.)])\s")
_ENDS = re.compile(r"[.!?:;…。។][”’\"')\]]*$")
_EDGE_LINES = 2
_MARGIN = 0.12
"""The share of a page's height, above and below, in which running heads and feet stand."""


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: its box in points from the bottom left, and the size of its print in points."""

    text: str
    page: int
    left: float
    bottom: float
    right: float
    top: float
    size: float
    edge: str = ""


def without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages without page numbers, browsers' headers, and heads and feet seen on a page before."""
    marked = [_with_edges(lines) for lines in pages]
    edges = [{_signature(line) for line in lines if line.edge} for lines in marked]
    on_pages = Counter(signature for page in edges for signature in page)
    seen: set[str] = set()
    kept: list[list[Line]] = []
    for lines in marked:
        own = []
        for line in lines:
            signature = _signature(line)
            runs = bool(line.edge) and on_pages[signature] >= max(2, len(pages) // 2)
            again = runs and (signature in seen or line.edge == "foot")
            if not (again or (line.edge and _FURNITURE.search(line.text))):
                own.append(line if runs or _is_small(line, lines) else replace(line, edge=""))
            if runs:
                seen.add(signature)
        kept.append(own)
    return kept


def _with_edges(lines: Sequence[Line]) -> list[Line]:
    """The lines, marked where they are among the outermost of the page, in its margins."""
    height = max((line.top for line in lines), default=0.0)
    low, high = height * _MARGIN, height * (1 - _MARGIN)
    tops = sorted({round(line.top) for line in lines})
    outermost = {*tops[:_EDGE_LINES], *tops[-_EDGE_LINES:]}
    marked = []
    for line in lines:
        outer = round(line.top) in outermost
        edge = (
            "foot" if outer and line.top < low else "head" if outer and line.bottom > high else ""
        )
        marked.append(replace(line, edge=edge))
    return marked


def _signature(line: Line) -> str:
    return re.sub(r"\d+", "0", line.text)


def blocks(pages: Sequence[Sequence[Line]]) -> Iterator[Block]:
    """Paragraphs; one that a page break cuts goes on behind it."""
    last, full = "", False
    for lines in pages:
        for i, paragraph in enumerate(_paragraphs(lines)):
            text = _joined(paragraph)
            foot = paragraph[0].edge == "foot"
            goes_on = (
                i == 0 and bool(last) and not _ENDS.search(last) and (full or text[:1].islower())
            )
            yield Block(text, paragraph[0].page, boilerplate=foot, continues=goes_on)
            if not foot:
                last, full = text, paragraph[-1].right > 0.9 * max(line.right for line in lines)


def _is_small(line: Line, lines: Sequence[Line]) -> bool:
    return line.size < 0.95 * median(other.size for other in lines)


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    for part in _in_order(lines):
        if part:  # a damaged page may have no line
            yield from _paragraphs_of(part)


def _in_order(lines: Sequence[Line]) -> list[list[Line]]:
    """As it is read, in parts: what a clear gutter parts column by column, anything else downwards."""
    gutter = _gutter(lines) if len(lines) >= 6 else None
    if gutter is None:
        jumps = sum(b.bottom > a.top + a.size for a, b in itertools.pairwise(lines))
        ordered = sorted(lines, key=lambda line: (-round(line.top), line.left))
        return [list(lines) if jumps <= 2 else ordered]
    wide = [line for line in lines if line.left < gutter < line.right]
    parts: list[list[Line]] = []
    top = float("inf")
    for line in [*sorted(wide, key=lambda one: -one.top), None]:
        bottom = line.bottom if line else float("-inf")
        between = [one for one in lines if one not in wide and bottom <= one.bottom < top]
        for column in (True, False):
            own = [one for one in between if (one.right <= gutter) == column]
            parts.append(sorted(own, key=lambda one: (-one.top, one.left)))
        if line:
            _append_wide(parts, line)
            top = bottom
    return [part for part in parts if part]


def _append_wide(parts: list[list[Line]], line: Line) -> None:
    """A line across all columns goes on with those above it, if no column stands between."""
    if len(parts) >= 3 and not parts[-1] and not parts[-2]:
        del parts[-2:]
        parts[-1].append(line)
    else:
        parts.append([line])


def _gutter(lines: Sequence[Line]) -> float | None:
    """The middle of the vertical gap that most lines keep clear of, at least 80 %, on both sides."""
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    clear: dict[float, int] = {}
    for step in range(30, 71):
        x = left + (right - left) * step / 100
        before = [line for line in lines if line.right <= x]
        after = [line for line in lines if line.left >= x]
        enough = min(len(before), len(after)) >= max(3, 0.25 * len(lines))
        if enough and len(before) + len(after) >= 0.8 * len(lines) and _beside(before, after):
            clear[x] = len(before) + len(after)
    best = [x for x, count in clear.items() if count == max(clear.values())]
    return best[len(best) // 2] if best else None


def _beside(before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Whether the two sides stand beside each other, as full lines of text do, not cells of a table."""
    top = min(max(line.top for line in before), max(line.top for line in after))
    bottom = max(min(line.bottom for line in before), min(line.bottom for line in after))
    words = median(len(line.text.split()) for line in (*before, *after))
    return top - bottom > 3 * median(line.size for line in before) and words >= 3


def _paragraphs_of(lines: Sequence[Line]) -> Iterator[list[Line]]:
    gaps = [a.bottom - b.bottom for a, b in itertools.pairwise(lines) if a.bottom > b.bottom]
    usual = _usual(gaps, lines)
    left = min(line.left for line in lines)
    right = sorted(line.right for line in lines)[int(len(lines) * 0.95)]
    paragraph = [lines[0]]
    for before, line in itertools.pairwise(lines):
        if _parts(before, line, usual, (left, right)):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    yield paragraph


def _usual(gaps: Sequence[float], lines: Sequence[Line]) -> float:
    """The distance from line to line inside a paragraph: the least that is common."""
    size = median(line.size for line in lines)
    fitting = sorted(gap for gap in gaps if 0.8 * size <= gap <= 2.6 * size)
    if not fitting:
        return 1.3 * size
    common = Counter(round(gap) for gap in fitting)
    often = [gap for gap, times in common.items() if times >= max(2, 0.2 * len(fitting))]
    return float(min(often)) if often else fitting[0]


def _parts(before: Line, line: Line, usual: float, column: tuple[float, float]) -> bool:
    """Whether a paragraph ends between two lines."""
    step = before.bottom - line.bottom
    if abs(step) < 0.5 * line.size and line.left >= before.right - 1:
        return False
    if before.edge != line.edge or _BULLET.match(line.text):
        return True
    same = abs(before.size - line.size) <= 0.08 * before.size
    apart = step > max(usual * 1.25 + 0.5, 1.4 * line.size) or step < -0.5 * line.size
    return not same or apart or _had_room(before, line, column)


def _had_room(before: Line, line: Line, column: tuple[float, float]) -> bool:
    """Whether the first word of a line would have stood on the line before, had that not ended."""
    left, right = column
    letter = (line.right - line.left) / max(1, len(line.text))
    word = (len(line.text.split(" ", 1)[0]) + 1.5) * letter
    free = min(right - before.right, (right - left) - (before.right - before.left))
    return free > word


def _joined(lines: Sequence[Line]) -> str:
    """The lines of a paragraph as one; a hyphen that a line was broken at stays, with its break."""
    text = ""
    for line in lines:
        if not text:
            text = line.text
        elif text.endswith(HYPHEN):
            text = f"{text[:-1]}-\n{line.text}"
        elif re.search(r"[^\W\d_]-$", text) and line.text[:1].islower():
            text = f"{text}\n{line.text}"
        else:
            text = f"{text} {line.text}"
    return text.replace(HYPHEN, "-")


def largest(lines: Sequence[Line]) -> str:
    """The line or lines of the largest print on the first page, if that is larger than the rest's."""
    if not lines:
        return ""
    usual = median(size for line in lines for size in [line.size] * len(line.text))
    groups: list[list[Line]] = []
    for line in itertools.chain.from_iterable(_in_order(lines)):
        if line.size < 1.12 * usual:
            continue
        near = groups and abs(groups[-1][-1].size - line.size) < 0.5
        if near and groups[-1][-1].bottom - line.bottom < 2.2 * line.size:
            groups[-1].append(line)
        else:
            groups.append([line])
    texts = [(group[0].size, _joined(group)) for group in groups]
    named = [
        (size, text)
        for size, text in texts
        if not is_marker(text) and re.search(r"[^\W\d_]{2}", text)
    ]
    others = [one for one in named if not is_institution(one[1])] or named
    return max(others, key=lambda one: one[0])[1] if others else ""
