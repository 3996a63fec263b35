"""All that a person is quoted with: "List all statements by Okonkwo", "What has she said about the port?".

Gathered over the whole index, like mentions: a sentence counts if it names the person beside a verb of
speech, and what is asked about stands in its passage, or in the title or the lead of its release.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qa_service.facts import names_in
from qa_service.mentions import is_within, trimmed
from qa_service.passages import split_sentences
from qa_service.search import Published
from qa_service.sentences import COMMON
from qa_service.speakers import is_speaker, speakers_in
from qa_service.types import Mention, Mentions, Passage, Query, Release

_WORDS = r"(?:statements?|quotes?|quotations?|remarks?|comments?|words?)"
_NAMED = r"(?P<who>(?:(?:the|then|former|acting) )*[A-Z][^?.!,]*?)"
_ABOUT = (
    r"(?:\s+(?:about|on|regarding|concerning|as to)\s+(?P<about>[^?]+?))?(?:\s+so far|\s+to date)?"
    r"\s*[?.!]*$"
)
_OPENING = '“"'
LEAD = 600
"""Characters of a release's body that, with its title, say what it is about."""
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"\b[Aa]ll (?:of )?(?:the )?(?:public )?{_WORDS} (?:made )?(?:by|of|from) {_NAMED}{_ABOUT}",
        rf"\b(?:[Ll]ist|[Ss]how|[Ff]ind|[Gg]ive|[Gg]ather|[Cc]ollect)\b(?: me| us)?"
        rf"(?: every| each| the| any)? {_WORDS} (?:made )?(?:by|of|from) {_NAMED}{_ABOUT}",
        rf"\b(?:[Ee]very|[Aa]ny) {_WORDS} (?:made )?(?:by|of|from) {_NAMED}{_ABOUT}",
        rf"\b(?:[Ee]verything|[Aa]ll)(?: that)? {_NAMED} (?:has |have |had |ever )*said{_ABOUT}",
        rf"\b[Ww]hat (?:all )?(?:has|have) {_NAMED} (?:ever )?said{_ABOUT}",
        rf"\b[Aa]ll (?:of )?{_NAMED}(?:'s|’s|s['’]) (?:public )?{_WORDS}{_ABOUT}",
    )
)


def statements_asked(query: Query) -> tuple[str, str] | None:
    """The person and what about, if all statements are asked for; ``None`` if it is another question."""
    match = next((found for form in _FORMS if (found := form.search(query.text))), None)
    if match is None:
        return None
    who, about = trimmed(match["who"], query), trimmed(match["about"] or "", query)
    return (who, about) if names_in(f"x {who}") else None


def find_statements(published: Published, query: Query, who: str, about: str) -> Mentions | None:
    """Every sentence that quotes the person, the newest release first; ``None`` if there is none.

    Of the periods in the question a release must be issued in one.
    """
    stems = published.lexical.stems
    common = set(stems(COMMON))
    topic = {stem for stem in stems(about) if stem not in common}
    surname = stems(who.partition(" of ")[0])[-1:]
    if not surname:
        return None
    allowed = published.allowed(replace(query.filters, periods=()))
    numbers = published.lexical.having(surname, allowed)
    of = published.release_numbers(numbers)
    known = np.unique(of)
    releases = dict(zip(known.tolist(), published.releases_numbered(known), strict=True))
    found = [
        one
        for number, passage in zip(of.tolist(), published.passages_numbered(numbers), strict=True)
        if is_within(releases[number], query)
        and topic <= set(stems(f"{_matter(releases[number])} {passage.text}"))
        for one in statements_in(passage, releases[number], who)
    ]
    if not found:
        return None
    found.sort(key=lambda one: (one.release.release_id, one.start))
    found.sort(key=lambda one: -(one.release.published.toordinal() if one.release.published else 0))
    phrase = f"{who}, about {about}" if about else who
    return Mentions(phrase, "all", tuple(found), said=True)


def _matter(release: Release) -> str:
    return f"{release.title} {release.text[release.body_start : release.body_start + LEAD]}"


def statements_in(passage: Passage, release: Release, who: str) -> list[Mention]:
    """What the passage quotes this person with: sentences that name them, and the rest of the quote."""
    text, spans = passage.text, split_sentences(passage.text)
    found: list[Mention] = []
    done = 0
    for at, (start, end) in enumerate(spans):
        if start >= done and any(is_speaker(who, one) for one in speakers_in(text[start:end])):
            first, done = _whole_quote(text, spans, at, done)
            found.append(Mention(release, passage, passage.start + first, passage.start + done))
    return found


def _whole_quote(
    text: str, spans: Sequence[tuple[int, int]], at: int, earliest: int
) -> tuple[int, int]:
    """From the sentence that opens the quote to the last that goes on with it, in its paragraph."""
    first = last = at
    while (
        first
        and spans[first - 1][0] >= earliest
        and _balance(text[spans[first][0] : spans[at][1]]) < 0
    ):
        first -= 1
    start = spans[first][0]
    while (
        last + 1 < len(spans)
        and "\n" not in text[spans[last][1] : spans[last + 1][0]]
        and (text[spans[last + 1][0]] in _OPENING or _balance(text[start : spans[last][1]]) > 0)
    ):
        last += 1
    return start, spans[last][1]


def _balance(text: str) -> int:
    """Quotes opened and not closed; straight ones open and close in turn, and one alone closes."""
    curly = text.count("“") - text.count("”")
    return curly or -(text.count('"') % 2)
