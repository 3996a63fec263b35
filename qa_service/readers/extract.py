"""What a reader of one format gives: text, and facts with where each was found."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from qa_service.errors import CorpusError

Span = tuple[int, int]

TRUST = (
    "sidecar",
    "record",
    "heading",
    "letterhead",
    "dateline",
    "byline",
    "file name",
    "front matter",
    "page metadata",
    "feed",
    "file properties",
    "mail header",
    "HTTP header",
    "first line",
    "the words",
)
"""Where a fact may be found, the most trusted first. A release says best itself when it was issued;
what a content system or a server says of it comes after, and a first line that only may be a title last.
"""
FIELDS = ("title", "issuer", "published", "place", "language", "url")


@dataclass(frozen=True, slots=True)
class Fact:
    """``value`` of one of ``FIELDS``, and where it stands, one of ``TRUST``."""

    field: str
    value: str | date
    origin: str


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of one release and what its format says of it.

    ``pages`` and ``boilerplate`` are as in :class:`~qa_service.types.Release`; ``day_first`` says how
    the locale of the file writes dates.
    """

    text: str
    facts: tuple[Fact, ...] = ()
    pages: tuple[int, ...] = ()
    boilerplate: tuple[Span, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    day_first: bool | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or row of a table.

    ``page`` counts from 1 (0: no pages). ``continues``: it goes on with what the block before began.
    """

    text: str
    page: int = 0
    boilerplate: bool = False
    continues: bool = False


def compose(blocks: Iterable[Block]) -> Extract:
    """Blocks as one text, with a blank line between them."""
    parts: list[str] = []
    pages: list[int] = []
    boilerplate: list[Span] = []
    length = 0
    for block in blocks:
        if not block.text.strip():
            continue
        gap = "" if not parts else " " if block.continues else "\n\n"
        start = length + len(gap)
        pages += [start] * (block.page - len(pages))
        parts += [gap, check_characters(block.text)]
        length = start + len(block.text)
        if block.boilerplate:
            boilerplate.append((start, length))
    return Extract("".join(parts), pages=tuple(pages), boilerplate=tuple(boilerplate))


def facts_from(origin: str, **values: object) -> tuple[Fact, ...]:
    """Facts of one origin, without those that are empty."""
    texts = {name: value for name, value in values.items() if value not in (None, "")}
    return tuple(
        Fact(name, value if isinstance(value, date) else squeeze(str(value)), origin)
        for name, value in texts.items()
    )


def squeeze(text: str) -> str:
    """One line: white space but no-break spaces as single spaces."""
    return re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")


def check_characters(text: str) -> str:
    """Return ``text`` unless it has characters that cannot be stored or shown.

    Raises:
        CorpusError: naming the first of them and its place.
    """
    bad = re.search("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]", text)
    if bad is not None:
        raise CorpusError(
            f"control character U+{ord(bad.group()):04X} at character {bad.start()}: "
            "this is not plain text"
        )
    return text
