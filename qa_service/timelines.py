"""Questions about a course of time: "How did the position on the port change?", "Timeline of the base".

A quote from each release that is about the subject, in the order of their dates.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa_service.mentions import trimmed
from qa_service.search import Published, look_up, search
from qa_service.sentences import FEATURES, Sentence, Terms, Weighing, sentences_of
from qa_service.types import Claim, Found, Query

PASSAGES = 60
"""Passages searched for the releases of a timeline."""
QUOTED = 12
"""Releases quoted at most, those that fit best."""
ABOUT = 0.6
"""The weight of the subject's words, rare ones more, that a release's title and passage must have."""

_STANCE = (
    r"(?:positions?|polic(?:y|ies)|views?|stances?|attitudes?|situations?|relations?|relationships?|approach|story"
    r"|message|line|language|tone|plans?|numbers?|figures?|response)"
)
_CHANGED = (
    r"(?:chang(?:e|ed|ing)|evolv(?:e|ed|ing)|develop(?:ed|ing)?|shift(?:ed|ing)?|progress(?:ed|ing)?|unfold(?:ed)?"
    r"|var(?:y|ied)|come about|go on)"
)
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\bhow (?:did|has|have|does|do|was|were|is) (?:the )?(?:(?P<whose>.+?)(?:'s|’s|s['’]) )?"
        rf"{_STANCE} (?:(?:on|about|of|towards?|with|regarding|concerning|over|for|in) (?P<about>.+?) )?"
        rf"{_CHANGED}\b",
        rf"\bhow (?:did|has|have) (?P<about>.+?) {_CHANGED}"
        r"(?: over (?:time|the years)| since\b| between\b| so far)",
        r"\b(?:time ?line|chronology|history) of (?P<about>.+)",
        r"\b(?:what (?:has been|was|were) (?:said|announced|reported|published)) (?:about|on) "
        r"(?P<about>.+?) (?:over (?:time|the years)|year by year|month by month)",
        r"\b(?:trace|follow) (?:the )?(?:development|course|history|evolution) of (?P<about>.+)",
    )
)


def timeline_asked(query: Query) -> str:
    """What a course of time is asked of, or nothing."""
    match = next((found for form in _FORMS if (found := form.search(query.text))), None)
    if match is None:
        return ""
    parts = match.groupdict()
    named = [trimmed(parts.get(name) or "", query) for name in ("whose", "about")]
    return " ".join(filter(None, named))


def find_timeline(
    published: Published, query: Query, subject: str
) -> tuple[list[Claim], list[Found]]:
    """A sentence of each release about the subject, the oldest first, and the passages they stand in."""
    narrow = replace(query, text=subject)
    found = look_up(published, search(published, narrow, PASSAGES), 0, PASSAGES)
    sentences = sentences_of(found)
    if not sentences:
        return [], found
    terms = Terms(published.lexical.stems, published.lexical.rarity)
    features = Weighing(narrow, found, terms).features(sentences)
    words, around = (features[:, FEATURES.index(name)] for name in ("words", "words_around"))
    asked = published.embedder.embed_queries([subject])[0]
    said = np.concatenate(
        [published.sentence_vectors(one.passage.passage_id) @ asked for one in found]
    )
    best: dict[str, Sentence] = {}
    for i in np.argsort(-(words + said), kind="stable").tolist():
        release = found[sentences[i].place].release
        if around[i] >= ABOUT and release.published:
            best.setdefault(release.release_id, sentences[i])
    kept = sorted(best.values(), key=lambda one: one.place)[:QUOTED]
    return [_claim(one, found) for one in _by_date(kept, found)], found


def _by_date(sentences: Sequence[Sentence], found: Sequence[Found]) -> list[Sentence]:
    return sorted(sentences, key=lambda one: (str(found[one.place].release.published), one.place))


def _claim(sentence: Sentence, found: Sequence[Found]) -> Claim:
    passage_id = found[sentence.place].passage.passage_id
    return Claim(passage_id, sentence.start, sentence.end, sentence.text)
