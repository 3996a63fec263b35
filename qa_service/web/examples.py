"""Questions to begin with, of names that the newest releases speak of most."""

from collections import Counter
from itertools import chain, zip_longest

from qa_service.facts import names_in
from qa_service.index import Generation
from qa_service.types import Filters, Release

NEWEST = 40
FORMS = (
    "What do the releases say about {}?",
    "When was {} first mentioned?",
    "How many releases mention {}?",
)
LONGEST = 40
LOOKED_AT = 5000
"""Characters of a release in which names are looked for."""
TITLES = frozenset(
    "Ambassador Attorney Captain Chairman Chairwoman Deputy Director District Dr Excellency General Her "
    "His Honourable Honorable Judge Lord Madam Minister Mr Mrs Ms President Prime Prof Professor "
    "Secretary Sir Special Agent Assistant Acting Charge In The".split()
)


def examples_of(generation: Generation) -> tuple[str, ...]:
    """A question of each form, each about another name; fewer where the releases have few names."""
    releases = generation.catalogue.releases(Filters(), NEWEST, 0)
    by_rank = zip_longest(
        *map(_names, releases), fillvalue=""
    )  # of every release one, then a second
    chosen: list[str] = []
    for name in filter(None, chain.from_iterable(by_rank)):
        if not any(_alike(name, one) for one in chosen):
            chosen.append(name)
    return tuple(form.format(name) for form, name in zip(FORMS, chosen, strict=False))


def _names(release: Release) -> list[str]:
    """Names of the body in two to four words, the most frequent first."""
    body = release.text[release.body_start : release.body_end][:LOOKED_AT]
    names = (_without_titles(name) for name in names_in(body))
    counts = Counter(
        {
            name: body.count(name)
            for name in names
            if 2 <= len(name.split()) <= 4
            and len(name) <= LONGEST
            and name.replace(" ", "").isalpha()
        }
    )
    return [name for name, _ in counts.most_common()]


def _without_titles(name: str) -> str:
    words = name.split()
    while words and words[0] in TITLES:
        words = words[1:]
    return " ".join(words) if words and words[0][0].isupper() else ""


def _alike(one: str, other: str) -> bool:
    return bool(set(one.lower().split()) & set(other.lower().split()))
