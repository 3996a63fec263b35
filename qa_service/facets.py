"""Questions that put the same to several: "What did A, B and C each get?", "… in May and in June?".

Each part is a question of its own, so that no release found for one crowds out those of another.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from qa_service.facts import FACTS
from qa_service.types import Period, Query

Span = tuple[int, int]

MOST = 5
"""Parts of a question that are looked for one by one."""

_EACH = re.compile(
    r"\bcompar\w+|\badd(?:ing|ed)? (?:.*\b)?up\b|\beach\b|\bboth\b|\brespectively\b|\bamong\b|\bdiffer\w*"
    r"|\b(?:larg|small|long|short|high|low|bigg|few|heavi|old|strict)(?:er|est)\b"
    r"|\b(?:most|least|more|less|came first|in order)\b|^\W*between\b"
    r"|\b(?:terms|sentences|punishments|fines|penalties|amounts|sums|prices|percentages|figures|dates|ages)\b",
    re.IGNORECASE,
)
"""What asks the same of all that stand in a row; "or" and "than" do so by themselves."""
_NAME = re.compile(
    r"[A-Z][\w&'’-]*(?:\.(?= [A-Z]))?(?: (?:of |the |de |van |v\. )?[A-Z0-9][\w&'’-]*(?:\.(?= [A-Z]))?)*"
)
_AND = re.compile(
    r", |,? and (?:(?:to|for|by|of|from|in|against) )?"
    r"(?:(?:his|her|its|their|the) )?(?:[a-z][\w'’-]* ){0,2}"
)
_OR = re.compile(
    r"(?:'s|’s)?(?P<own>(?: [a-z][\w'’-]*){0,3}?),? (?:or|than|versus|vs\.?|compared (?:to|with)) "
    r"(?:[a-z][\w'’-]* ){0,4}"
)
_ROW_OF_DAYS = re.compile(r"\W*(?:and|or|versus|vs)?\W*", re.IGNORECASE)
_OWNER = re.compile(r"['’]s?$")


def facets_of(query: Query) -> tuple[Query, ...]:
    """A query for each of the names or days that ``query`` puts the same to; none if it is of one.

    Each has ``facet`` set to its name or day as it was written.
    """
    of_each = _EACH.search(query.text) is not None
    rows = _rows(query.text, _names(query.text), of_each)
    if rows:
        row = max(rows, key=len)
        return tuple(_narrowed(query, row, at) for at in range(len(row)))
    return _by_day(query) if of_each else ()


def _names(text: str) -> list[Span]:
    """Spans of names; the question's first word and dates are none."""
    found = []
    for match in _NAME.finditer(text):
        start, end = match.span()
        if start == 0:
            first, _, rest = match.group().partition(" ")
            if not rest:
                continue
            start += len(first) + 1
        end -= len(owner.group()) if (owner := _OWNER.search(text[start:end])) else 0
        if not FACTS["date"].fullmatch(text[start:end]):
            found.append((start, end))
    return found


def _rows(text: str, names: Sequence[Span], of_each: bool) -> list[list[Span]]:
    """Names that stand in a row: "A, B and C" if ``of_each``, "A or his deputy B", "A than the rival B"."""
    rows: list[list[Span]] = []
    for name in names:
        between = text[rows[-1][-1][1] : name[0]] if rows else ""
        if rows and (_OR.fullmatch(between) or (of_each and _AND.fullmatch(between))):
            rows[-1].append(name)
        else:
            rows.append([name])
    return [row for row in rows if 1 < len(row) <= MOST]


def _narrowed(query: Query, row: Sequence[Span], at: int) -> Query:
    """The question with one name in place of the whole row, and the words said of the first of two."""
    text = query.text
    name = text[slice(*row[at])]
    said = _OR.fullmatch(text[row[0][1] : row[1][0]])
    own = said["own"] if said else ""
    return replace(query, text=text[: row[0][0]] + name + own + text[row[-1][1] :], facet=name)


def _by_day(query: Query) -> tuple[Query, ...]:
    """A query for each of several days or months, not for the two ends of a period."""
    when = query.when
    if when is None or when.event or not 1 < len(when.periods) <= MOST:
        return ()
    return tuple(_within(query, period) for period in when.periods)


def _within(query: Query, period: Period) -> Query:
    """The question of one of its days: the others are left out with what joins them in a row."""
    assert query.when is not None  # noqa: S101 - the caller has looked
    text, periods = query.text, query.when.periods
    day = text[period.start : period.end]
    first, last = periods[0].start, periods[-1].end
    between = (text[a.end : b.start] for a, b in pairwise(periods))
    if all(map(_ROW_OF_DAYS.fullmatch, between)):
        text = text[:first] + day + text[last:]
    else:
        for other in reversed(periods):
            if other != period:
                text = text[: other.start].rstrip() + text[other.end :]
    filters = replace(query.filters, periods=(period,))
    when = replace(query.when, periods=(period,))
    return replace(query, text=text, filters=filters, when=when, facet=day)
