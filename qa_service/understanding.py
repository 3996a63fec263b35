"""A question as it was asked to the query that is sent to the indexes.

What was read into it, dates and corrected names, is said in the reply and can be switched off.
"""

from dataclasses import dataclass, replace
from datetime import date

from qa_service.errors import QueryError
from qa_service.events import find_told, newest_naming, when_told
from qa_service.search import Published
from qa_service.spelling import Judge, corrected, find_corrections
from qa_service.temporal import read_when
from qa_service.types import Filters, Query, When

NAMING = 50
"""Releases nearest to the words of an event, of whose titles one may name it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a question is to be read. ``as_of``: the day that "last year" counts from; today if ``None``.

    ``max_chars``: a longer question is refused; ``dates``, ``spelling``: whether to interpret them.
    """

    max_chars: int
    as_of: date | None = None
    dates: bool = True
    spelling: bool = True


def understand(
    published: Published, text: str, filters: Filters, reading: Reading, context: str = ""
) -> Query:
    """The query for a question: its dates made periods, its misspelt names those of the releases.

    Raises:
        QueryError: blank or too long, not text, or the dates are the wrong way round.
    """
    query = make_query(text, filters, reading.max_chars, context)
    if reading.spelling:
        judge = _judge(published)
        corrections = tuple(find_corrections(text, published, judge))
        query = replace(query, text=corrected(text, corrections), corrections=corrections)
    if reading.dates:
        when = _read_when(published, query.text, reading.as_of or date.today())
        periods = when.periods if when else ()
        query = replace(query, when=when, filters=replace(filters, periods=periods))
    return query


def _read_when(published: Published, text: str, as_of: date) -> When | None:
    """What the question says of time; where it names no day, by the date of an event."""
    when = read_when(text, as_of)
    told = find_told(text)
    if told is None or (when and when.periods):
        return when
    nearest, _ = published.releases.search(told.event, NAMING, None)
    release = newest_naming(told.event, published.releases_numbered(nearest), as_of)
    if release is None:
        return when
    by_event = when_told(told, release, as_of)
    return (
        replace(by_event, order=when.order, words=by_event.words + when.words) if when else by_event
    )


def make_query(text: str, filters: Filters, max_chars: int, context: str = "") -> Query:
    """A query that can be sent to an index, word for word.

    Raises:
        QueryError: blank or too long, not text, or the dates are the wrong way round.
    """
    if not text.strip():
        raise QueryError("the question is empty: ask something")
    fields = (word for pair in filters.metadata for word in pair)
    given = (context, text, *filters.issuers, *filters.release_ids, *filters.languages, *fields)
    if any("\ud800" <= character <= "\udfff" for one in given for character in one):
        raise QueryError(
            "the question or a filter has a character that is not text: send it as UTF-8"
        )
    if len(text) > max_chars:
        raise QueryError(f"the question has {len(text):,} characters, the limit is {max_chars:,}")
    if filters.date_from and filters.date_to and filters.date_from > filters.date_to:
        raise QueryError(f"date_from {filters.date_from} is after date_to {filters.date_to}")
    return Query(text, filters, context)


def _judge(published: Published) -> Judge:
    def knows(word: str) -> bool:
        stems = published.lexical.stems(word)
        in_releases = any(published.lexical.rarity(stem) < 1 for stem in stems)
        return in_releases or published.embedder.knows(word)

    def weigh(text: str) -> float:
        return float(published.releases.search(text, 1, None)[1].max(initial=0.0))

    return Judge(knows, weigh)
