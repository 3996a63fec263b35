"""Addresses that can be kept: of a question, of a span of a release, of a sentence in the original."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Query

from qa_service.errors import QueryError
from qa_service.types import Filters

Span = tuple[int, int]
"""Characters of a release's text, counted as its citations count."""
REMEMBERED = 8
"""Earlier questions that an address carries."""
FRAGMENT_WORDS = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the page is asked for, as its address says it. ``before``: the questions before this one."""

    q: str = ""
    before: tuple[str, ...] = ()
    date_from: str = ""
    date_to: str = ""
    issuer: str = ""
    dates: bool = True
    spelling: bool = True
    embed: bool = False

    def filters(self) -> Filters:
        """The filters beside the box.

        Raises:
            QueryError: a date is none.
        """
        issuers = (self.issuer.strip(),) if self.issuer.strip() else ()
        return Filters(read_day(self.date_from), read_day(self.date_to), issuers)

    @property
    def filtered(self) -> bool:
        """Whether any filter is set."""
        return bool(self.date_from or self.date_to or self.issuer)

    def address(self, **changes: Any) -> str:
        """The page's address for this, or with ``changes``, with nothing in it that goes without saying."""
        wanted = replace(self, **changes)
        before = [("before", earlier) for earlier in wanted.before[-REMEMBERED:]]
        names = ("date_from", "date_to", "issuer")
        given = [(name, getattr(wanted, name)) for name in names if getattr(wanted, name)]
        off = [(name, "0") for name in ("dates", "spelling") if not getattr(wanted, name)]
        embed = [("embed", "1")] if wanted.embed else []
        asked = [("q", wanted.q)] if wanted.q else []
        pairs = [*asked, *before, *given, *off, *embed]
        return "/?" + urlencode(pairs) if pairs else "/"


def wanted_of(
    q: Annotated[str, Query()] = "",
    before: Annotated[tuple[str, ...], Query()] = (),
    date_from: str = "",
    date_to: str = "",
    issuer: str = "",
    dates: bool = True,
    spelling: bool = True,
    embed: bool = False,
) -> Wanted:
    """What an address asks for."""
    return Wanted(
        q, before[-REMEMBERED:], date_from.strip(), date_to.strip(), issuer, dates, spelling, embed
    )


def read_day(text: str) -> date | None:
    """A day of an address: 2022-05-16; nothing means any.

    Raises:
        QueryError: it is no day.
    """
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise QueryError(f"{text[:40]!r} is not a day: write it as 2022-05-16") from None


def release_address(release_id: str, *spans: Span, at: Span | None = None) -> str:
    """A release with spans marked, open at the first of them or at one; works without JavaScript."""
    marks = "&".join(f"char={start},{end}" for start, end in dict.fromkeys(spans))
    place = at or next(iter(spans), None)
    return (
        f"/releases/{quote(release_id)}"
        + (f"?{marks}" if marks else "")
        + (f"#char={place[0]},{place[1]}" if place else "")
    )


def safe_url(url: str) -> str:
    """``url`` if it leads to the web, else nothing: a release may not smuggle in a script."""
    return url if url.startswith(("https://", "http://")) else ""


def text_fragment(url: str, words: str) -> str:
    """The original's address, open at these words of it where the browser knows text fragments."""
    if not safe_url(url):
        return ""
    said = words.split()
    ends = (
        [said]
        if len(said) <= 2 * FRAGMENT_WORDS
        else [said[:FRAGMENT_WORDS], said[-FRAGMENT_WORDS:]]
    )
    parts = ",".join(_escaped(" ".join(one)) for one in ends)
    return f"{url.partition('#')[0]}#:~:text={parts}"


def read_spans(given: Sequence[str]) -> tuple[Span, ...]:
    """Spans of an address, "12,40"; one that holds nothing is left out.

    Raises:
        QueryError: it is no span.
    """
    spans = []
    for one in given:
        start, _, end = one.partition(",")
        if not (start.isdecimal() and end.isdecimal() and one.isascii()):
            raise QueryError(f"char={one[:40]!r} is not a span: write it as char=12,40")
        spans.append((int(start), int(end)))
    return tuple(dict.fromkeys(span for span in spans if span[0] < span[1]))


def _escaped(words: str) -> str:
    return quote(words, safe="").replace("-", "%2D")
