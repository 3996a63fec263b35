"""Time told by an event, "since the summit": dated by the newest release whose title names it.

A title names what its release is about; that a text mentions a summit says nothing of when it was.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from qa_service.types import Event, Period, Release, When

_EVENT = (
    r"(?:summit|conference|congress|meeting|talks|visit|trip|election|referendum|coup|ceremony|session"
    r"|assembly|forum|agreement|treaty|accord|ceasefire|inauguration|launch|opening|earthquake|flood|storm"
    r"|cyclone|hurricane|outbreak|attack|war)s?"
)
_NAME = r"[A-Z0-9][\w.’'-]*(?:,?\s+(?:and\s+)?[A-Z0-9][\w.’'-]*)*"
_TOLD = re.compile(
    r"\b(?P<word>(?i:since|after|before|until|till|prior to|up to))\s+(?P<event>(?:the|this|that|last)\s+"
    r"(?:(?!(?:of|that|which|who|was|were|is|had|has)\b)[\w.’'-]+\s+){0,6}?"
    rf"(?i:{_EVENT})\b(?:\s+(?:in|at|with|between|of|on|to)\s+(?:the\s+)?{_NAME})*)"
    r"(?=\s*(?:[?!,;:)]|\.?$|(?:and|or|what|who|when|how|did|has|have)\b))"
)
_EMPTY = frozenset("the this that last and in at with between of on to".split())


@dataclass(frozen=True, slots=True)
class Told:
    """The event that ``question[start:end]`` tells a time by, and the word before it."""

    word: str
    event: str
    start: int
    end: int


def find_told(question: str) -> Told | None:
    """The first event that a question counts time from or up to; ``None`` if there is none."""
    match = _TOLD.search(question)
    return Told(match["word"].lower(), match["event"], *match.span()) if match else None


def newest_naming(event: str, releases: Sequence[Release], as_of: date) -> Release | None:
    """The newest of ``releases``, none after ``as_of``, whose title has every word of ``event``."""
    wanted = _words(event)
    dated = [one for one in releases if one.published and one.published <= as_of]
    naming = [one for one in dated if wanted <= _words(one.title)]
    return max(naming, key=lambda one: (one.published or as_of, one.release_id), default=None)


def when_told(told: Told, release: Release, as_of: date) -> When:
    """The period that opens or closes on the day of ``release``."""
    day = release.published or as_of
    first: date | None = None
    last: date | None = None
    match told.word:
        case "since":
            first = day
        case "after":
            first = day + timedelta(1)
        case "before" | "prior to":
            last = day - timedelta(1)
        case _:
            last = day
    period = Period(first, last, told.start, told.end)
    event = Event(told.event, release.release_id, release.title, day)
    return When(as_of, (period,), "", (f"{told.word} {told.event}",), event)


def _words(text: str) -> set[str]:
    """Words in lower case without a plural's s; "U.S." is one."""
    words = re.findall(r"\w+", text.lower().replace(".", "").replace("’", "'").replace("'s", ""))
    return {word.removesuffix("s") for word in words if word not in _EMPTY}
