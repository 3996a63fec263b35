"""A release as passages (paragraphs), and a passage as sentences; offsets stay exact."""

import bisect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from qa_service.searchable import plain
from qa_service.types import Passage, Release

Span = tuple[int, int]

_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\r?\n[^\S\n]*)+|\r(?:[^\S\r\n]*\r)+")
_SENTENCE_END = re.compile(
    r"""[.!?…។。！？]+["'”’»)\]]*(?=\s)|[។。！？]+|\n+|(?<=[a-z]{3})[.!?](?=[A-Z][a-z]*[ ,])"""
)
"""The last form: a full stop that lost its space, "in port.The vessel"."""
_ADDRESS = re.compile(r"[.@/][^\s]*$")
LOOK_BACK = 600
"""Characters before a passage in which its preceding sentence is looked for."""

_POINTS_BACK = re.compile(
    r"[“\"']?(?:He|She|They|It|His|Her|Their|Its|This|These|That|Those|Such)\b"
)
_ANNOUNCES = re.compile(r"(?::|;|[;,] (?:and|or))$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'-])(?:[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Hon|Gen|Col|Capt|Lt|Sgt|"
    r"Sen|Rep|Gov|Amb|St|Jr|Sr|No|Nos|Art|vs|v|al|Inc|Corp|Co|Ltd|Dept|Dist|Ave|Blvd|Fla|Calif|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\.$"
)


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """Sizes in characters. ``max_chars`` 0 never splits, ``min_chars`` 0 never joins."""

    max_chars: int = 1200
    min_chars: int = 60


def split_release(release: Release, settings: PassageSettings) -> tuple[Passage, ...]:
    """The passages of a release, in order; every character that is not white space is in one."""
    inner = (edge for span in release.boilerplate for edge in span)
    edges = sorted({0, release.body_start, release.body_end, len(release.text), *inner})
    spans: list[Span] = []
    for start, end in itertools.pairwise(edges):
        joined = _join(release.text, list(_paragraphs(release.text, start, end)), settings)
        spans += [part for span in joined for part in _split(release.text, span, settings)]
    return tuple(_passage(release, *span) for span in spans)


def is_quotable(release: Release, passage: Passage) -> bool:
    """Whether a passage is searched and answered from: not boilerplate, nor of an older version."""
    inside = any(a <= passage.start and passage.end <= b for a, b in release.boilerplate)
    return not inside and not release.superseded_by


def page_of(release: Release, offset: int) -> int | None:
    """The page, from 1, on which a character of the text stands; ``None`` where there are no pages."""
    return bisect.bisect_right(release.pages, offset) or None


def split_sentences(text: str) -> tuple[Span, ...]:
    """The spans of the sentences in ``text``, without the white space around them."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if _ends_sentence(text, match):
            spans.append((start, match.end()))
            start = match.end()
    spans.append((start, len(text)))
    trimmed = (_trim(text, *span) for span in spans)
    return tuple((a, b) for a, b in trimmed if a < b)


def sentence_texts(text: str) -> list[str]:
    """The sentences in ``text``."""
    return [text[start:end] for start, end in split_sentences(text)]


def announces(text: str) -> bool:
    """Whether an item of a list follows: after a colon, a semicolon, or "; and"."""
    return _ANNOUNCES.search(text) is not None


def whole_list(text: str, start: int, end: int) -> Span:
    """The list in ``text`` that the sentence ``start`` to ``end`` opens or is an item of; else itself."""
    spans = split_sentences(text)
    first = last = spans.index((start, end))
    while last + 1 < len(spans) and announces(text[slice(*spans[last])]):
        last += 1
    while first and announces(text[slice(*spans[first - 1])]):
        first -= 1
    return spans[first][0], spans[last][1]


def in_context(passage: Passage, release: Release, with_title: bool) -> str:
    """What is indexed of a passage: the title, and the sentence before if a pronoun points to it."""
    text = passage.text
    if _POINTS_BACK.match(text):
        before = sentence_texts(release.text[max(0, passage.start - LOOK_BACK) : passage.start])
        text = "\n".join([*before[-1:], text])
    return plain(titled(release.title if with_title else "", text))


def in_words(release: Release, with_title: bool) -> str:
    """What is indexed of a whole release: title, issuer, date and text."""
    published = f"{release.published:%d %B %Y}" if release.published else ""
    issued = " ".join(filter(None, (release.issuer, published)))
    text = "\n".join(filter(None, (issued, release.text)))
    return plain(titled(release.title if with_title else "", text))


def titled(title: str, text: str) -> str:
    """What is indexed of a passage: it comes with its release's title, which says who and what."""
    return f"{title}\n{text}" if title and not text.startswith(title) else text


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if match.group().isspace():
        return "\n\n" in match.group() or match.end() == len(text)
    if match.group()[0] != ".":
        return True
    following = text[match.end() :].lstrip()[:1]
    before = text[max(0, match.start() - 20) : match.start() + 1]
    if following and not text[match.end()].isspace() and _ADDRESS.search(before[:-1]):
        return False
    return not following.islower() and not _ABBREVIATION.search(before)


def _passage(release: Release, start: int, end: int) -> Passage:
    passage_id = f"{release.release_id}:{start}-{end}"
    return Passage(passage_id, release.release_id, start, end, release.text[start:end])


def _paragraphs(text: str, start: int, end: int) -> Iterator[Span]:
    position = start
    for gap in _BLANK_LINES.finditer(text, start, end):
        yield from _nonempty(text, position, gap.start())
        position = gap.end()
    yield from _nonempty(text, position, end)


def _nonempty(text: str, start: int, end: int) -> Iterator[Span]:
    start, end = _trim(text, start, end)
    if start < end:
        yield start, end


def _trim(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _join(text: str, spans: list[Span], settings: PassageSettings) -> list[Span]:
    """Join what is tiny to what follows (a heading to its text), the last to what precedes.

    A list stays with its items, as far as they fit.
    """
    joined: list[Span] = []
    open_start: int | None = None
    for at, (start, end) in enumerate(spans):
        first = start if open_start is None else open_start
        goes_on = at + 1 < len(spans) and announces(text[first:end])
        fits = goes_on and spans[at + 1][1] - first <= (settings.max_chars or len(text))
        if end - first < settings.min_chars or (fits and settings.min_chars):
            open_start = first
        else:
            joined.append((first, end))
            open_start = None
    if open_start is not None:
        last = spans[-1][1]
        joined[-1:] = [(joined[-1][0], last)] if joined else [(open_start, last)]
    return joined


def _split(text: str, span: Span, settings: PassageSettings) -> Iterator[Span]:
    """Cut an overlong paragraph at sentence ends into parts of even length."""
    start, end = span
    parts = -(-(end - start) // settings.max_chars) if settings.max_chars else 1
    if parts <= 1:
        yield span
        return
    target = (end - start) / parts
    opened = closed = start
    for piece_start, piece_end in _pieces(text[start:end], settings.max_chars):
        if closed > opened and (
            closed - opened >= target or start + piece_end - opened > settings.max_chars
        ):
            yield opened, closed
            opened = start + piece_start
        closed = start + piece_end
    yield opened, end


def _pieces(text: str, max_chars: int) -> Iterator[Span]:
    """Sentences; one that is itself overlong (a table, no full stop) is cut at white space."""
    for opened, end in split_sentences(text):
        start = opened
        while end - start > max_chars:
            space = text.rfind(" ", start + 1, start + max_chars)
            cut = space if space > start else start + max_chars
            yield _trim(text, start, cut)
            start = _trim(text, cut, end)[0]
        yield start, end
