"""Questions that a similarity search cannot answer: how many releases mention X, the first, the last.

A release mentions X if its title or one of its sentences has every word of X as the index sees words
(folded, without English endings). Counted over all releases, never over the best few.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qa_service.passages import split_sentences
from qa_service.search import Published
from qa_service.sentences import COMMON
from qa_service.types import Found, Mention, Mentions, Passage, Query, Release

Which = Literal["all", "oldest", "newest"]

_RELEASE = r"(?:(?:press|news)\s+)?(?:releases?|statements?|communiqu[eé]s?)"
_MENTION = (
    r"(?:mention(?:s|ed|ing)?|refer(?:s|red|ring)?\s+to|sp(?:eaks?|oke)\s+(?:of|about)|talk(?:s|ed)?\s+about"
    r"|discuss(?:es|ed)?|(?:are|were|is|was)\s+about|deal(?:s|t)?\s+with|name[sd]?|cite[sd]?)"
)
_BE = r"(?:is|are|was|were|has|have|does|do|did)"
_ORDER = r"(?P<order>first|earliest|oldest|last|latest|newest|most recent(?:ly)?)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\bhow many {_RELEASE}\s+(?:(?:that|which|do|have|has|ever)\s+)*{_MENTION}\s+(?P<phrase>.+)",
        rf"\bin how many {_RELEASE}\s+{_BE}\s+(?P<phrase>.+?)\s+(?:been\s+)?"
        r"(?:mentioned|named|discussed|cited|appear|occur|come up)\b(?P<rest>.*)",
        rf"\bhow often\s+{_BE}\s+(?P<phrase>.+?)\s+(?:been\s+)?mentioned\b(?P<rest>.*)",
        rf"\bwhen\s+{_BE}\s+(?P<phrase>.+?)\s+(?:been\s+)?{_ORDER}\s+mentioned\b(?P<rest>.*)",
        rf"\b(?:what|which)\s+(?:(?:is|was)\s+the\s+)?{_ORDER}\s+{_RELEASE}\s+(?:(?:that|which|to)\s+)?"
        rf"{_MENTION}\s+(?P<phrase>.+)",
        rf"\b(?:what|which)\s+{_RELEASE}\s+{_ORDER}\s+{_MENTION}\s+(?P<phrase>.+)",
    )
)
_EDGES = re.compile(
    r"^(?:the|a|an)\s+|[\s?.!,;:]+$|\s+(?:in|on|of|from|during|since|between|before|after|until|by)$",
    re.IGNORECASE,
)

_POINTING = ("it", "him", "her", "them", "this", "that", "those", "these")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be counted, and whether all mentions are wanted, or the first, or the last."""

    phrase: str
    which: Which


def mentions_asked(query: Query) -> Asked | None:
    """What the question wants counted; ``None`` if it is another question."""
    match = next((found for form in _FORMS if (found := form.search(query.text))), None)
    if match is None:
        return None
    phrase = trimmed(match["phrase"], query)
    said = (match.groupdict().get("order") or "").lower()
    which: Which = "all"
    if said:
        which = "oldest" if said in ("first", "earliest", "oldest") else "newest"
    return Asked(phrase, which) if phrase else None


def trimmed(phrase: str, query: Query) -> str:
    """A phrase of the question without its words for time, articles and what else is at its edges."""
    for words in query.when.words if query.when else ():
        at = phrase.lower().find(words.lower())
        phrase = phrase[:at] if at > 0 else phrase
    while (cut := _EDGES.sub("", phrase.strip())) != phrase:
        phrase = cut
    return phrase


def find_mentions(published: Published, query: Query, asked: Asked) -> Mentions | None:
    """Every release that mentions it, the newest first; ``None`` if it has only common words.

    Of the periods in the question a release must be issued in one; that it mentions a day is not enough.
    """
    stems = published.lexical.stems
    common = set(stems(COMMON))
    wanted = {stem for stem in stems(asked.phrase) if stem not in common}
    if asked.phrase.lower() in _POINTING:
        return None
    if not wanted:
        return None
    allowed = published.allowed(replace(query.filters, periods=()))
    numbers = published.lexical.having(sorted(wanted), allowed)
    of = published.release_numbers(numbers)
    known = np.unique(of)
    releases = dict(zip(known.tolist(), published.releases_numbered(known), strict=True))
    found: dict[int, Mention] = {}
    for number, passage in zip(of.tolist(), published.passages_numbered(numbers), strict=True):
        mention = _mention(published, passage, releases[number], wanted)
        if mention and _is_earlier(mention, found.get(number)):
            found[number] = mention
    kept = [one for one in found.values() if is_within(one.release, query)]
    kept.sort(key=lambda one: one.release.release_id)
    kept.sort(key=lambda one: one.release.published.toordinal() if one.release.published else 0)
    return Mentions(asked.phrase, asked.which, tuple(reversed(kept)))


def quoted(mentions: Mentions, most: int) -> list[Mention]:
    """The mentions to quote: the oldest or the newest if that was asked for, else the ``most`` newest."""
    kept = list(mentions.releases)
    return {"all": kept[:most], "oldest": kept[-1:], "newest": kept[:1]}[mentions.which]


def as_found(mentions: Sequence[Mention]) -> list[Found]:
    """Their passages as if they had been searched for."""
    return [Found(one.passage, one.release, rank, 1.0) for rank, one in enumerate(mentions, 1)]


def _mention(
    published: Published, passage: Passage, release: Release, wanted: set[str]
) -> Mention | None:
    """The first sentence of the passage that has all words; if the title has them, the first of all."""
    stems = published.lexical.stems
    spans = split_sentences(passage.text)
    for start, end in spans:
        if wanted <= set(stems(passage.text[start:end])):
            return Mention(release, passage, passage.start + start, passage.start + end)
    if not spans or not wanted <= set(stems(release.title)):
        return None
    return Mention(release, passage, passage.start, passage.start + spans[0][1], titled=True)


def _is_earlier(mention: Mention, known: Mention | None) -> bool:
    """A sentence is better than a title, and the first in the text than a later one."""
    if known is None or known.titled != mention.titled:
        return known is None or known.titled
    return mention.start < known.start


def is_within(release: Release, query: Query) -> bool:
    """Whether it was issued in one of the question's periods, if there are any."""
    periods = query.filters.periods
    day = release.published
    return not periods or (
        day is not None and any((p.first or day) <= day <= (p.last or day) for p in periods)
    )
