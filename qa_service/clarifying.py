"""Questions that many releases answer, "When was he sentenced?", and the releases that could be meant.

Only where a fact is asked for, nothing said before tells which, and every word is one that many
passages have; a question with one telling word is answered.
"""

import re
from collections.abc import Sequence

from qa_service.direct import kind_asked
from qa_service.facts import names_in
from qa_service.search import Published
from qa_service.sentences import COMMON
from qa_service.types import Filters, Found, Query, Release

TELLING = 0.45
"""The rarity from which a word tells which release is meant: fewer than 1 in 100 of 32,000 passages have
it. Of 3,649 questions of four development sets one is asked back with this."""
WORDS = 3
"""More words than this tell it together."""
OFFERED = 5
"""Releases offered, and how many different ones must be among the passages found: fewer than three of
them can be read at once."""
FEWEST = 3
ASK_BACK = "Several releases could be meant. Name a person, a place or a date, or choose one."

_PRESENT = re.compile(r"^\W*who(?: is| are|['’]s)\b", re.IGNORECASE)


def could_be_meant(
    published: Published, query: Query, found: Sequence[Found]
) -> tuple[Release, ...]:
    """The releases to choose from, the best first; none if the question tells which it means."""
    told = (
        _PRESENT.search(query.text)
        or query.context
        or query.when
        or query.filters != Filters()
        or names_in(query.text)
    )
    if told or not kind_asked(query.text):
        return ()
    lexical = published.lexical
    words = set(lexical.stems(query.text)) - set(lexical.stems(COMMON))
    if not words or len(words) > WORDS or any(lexical.rarity(word) >= TELLING for word in words):
        return ()
    releases = {one.release.release_id: one.release for one in found}
    return tuple(releases.values())[:OFFERED] if len(releases) >= FEWEST else ()


def about(question: str, release: Release) -> str:
    """The question, with the release that it is about."""
    return f"{question.strip()} ({release.title or release.release_id})"
