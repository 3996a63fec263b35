"""The sentences of retrieved passages, and what speaks for each as the answer to a question."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qa_service.direct import facts_asked, kind_asked
from qa_service.facts import find_facts, kinds_asked, names_in
from qa_service.passages import split_sentences
from qa_service.speakers import is_speaker, speaker_asked, speakers_in
from qa_service.types import Found, Query

Features = NDArray[np.float64]
"""Shape ``(sentences, features)``."""

FEATURES = (
    "words", "words_around", "words_before", "context_words", "context_around", "pairs", "fact",
    "no_fact", "fact_and_new_words", "rank", "below_best", "length", "short", "lead",
    "colon", "focus", "focus_before", "rare_here", "words_beyond_title", "said_by_asked", "said_by_other",
    "names_here", "certain_fact", "no_certain_fact",
)  # fmt: skip

COMMON = (
    "a about after all also an and any are as at be been before being but by can could did do does "
    "for from had has have he her his how i if in into is it its me more much many of on or our "
    "over please said say says she should so some such tell than that the their them then there "
    "these they this those to under until up was we were what when where which while who whom whose "
    "why will with would you your one two three four five"
)


_STEM = 8
"""Letters of a stem that must agree: "reconsider" and "reconsideration" are stemmed differently."""

_MISPRINT = 0.8
"""How much of a speaker's surname must agree: a release that prints "Blinens" means Blinken."""
_FLOOR = 0.3
"""The weight of a word that stands in every passage: in a small corpus most words of a question do."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an index sees words. ``rarity`` is 0 (in every passage) to 1 (in none)."""

    stems: Callable[[str], list[str]]
    rarity: Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters ``start`` to ``end`` of the release of ``found[place]``, and the sentence before."""

    place: int
    order: int
    start: int
    end: int
    text: str
    before: str


def sentences_of(found: Sequence[Found]) -> list[Sentence]:
    """Every sentence of the passages, in their order."""
    sentences = []
    for place, one in enumerate(found):
        before = ""
        for order, (start, end) in enumerate(split_sentences(one.passage.text)):
            text = one.passage.text[start:end]
            at = one.passage.start
            sentences.append(Sentence(place, order, at + start, at + end, text, before))
            before = text
    return sentences


class Weighing:
    """The words of one question with their weights, compared with the sentences found for it."""

    def __init__(
        self,
        query: Query,
        found: Sequence[Found],
        terms: Terms,
        knows: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._query = query
        self._found = found
        self._terms = terms
        common = set(self._cut(COMMON))
        text = without_periods(query)
        self._stems = self._cut(text)
        self._asked = set(self._stems) - common
        self._context = set(self._cut(query.context)) - common - self._asked
        self._pairs = {p for p in pairwise(self._stems) if not common.issuperset(p)}
        self._rarity = {
            stem[:_STEM]: _FLOOR + (1 - _FLOOR) * terms.rarity(stem)
            for stem in sorted(
                {*terms.stems(text), *terms.stems(query.context)}, key=terms.rarity
            )  # of those that are cut to the same letters the rarest counts
        }
        self._kinds = kinds_asked(query.text)
        self._around = [set(self._cut(f"{one.release.title} {one.passage.text}")) for one in found]
        self._speaker = speaker_asked(query.text)
        self._said = [self._is_said(one.passage.text) for one in found]
        self._titles = [set(self._cut(one.release.title)) for one in found]
        self._certain = kind_asked(query.text)
        self._named = _named(text, found, knows)

    def features(self, sentences: Sequence[Sentence]) -> Features:
        """A row a sentence, a column for each of :data:`FEATURES`."""
        stems = [self._cut(sentence.text) for sentence in sentences]
        sets = [set(words) for words in stems]
        released = [self._found[sentence.place].release.release_id for sentence in sentences]
        in_release = Counter(
            (release, stem)
            for release, words in zip(released, sets, strict=True)
            for stem in words & self._asked
        )
        sizes = Counter(released)
        here = Counter(stem for words in sets for stem in words & self._asked)
        rare_here = {stem: np.log(1 + len(sets) / (1 + n)) for stem, n in here.items()}
        rows = []
        for sentence, words, own, release in zip(sentences, stems, sets, released, strict=True):
            titled = self._titles[sentence.place]
            focus = {
                stem: rarity
                * (1 - in_release[release, stem] / (sizes[release] + 1))
                * (0.3 if stem in titled else 1.0)
                for stem, rarity in self._rarity.items()
                if stem in self._asked
            }
            rows.append(self._row(sentence, words, own, focus, rare_here))
        return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))

    def _row(
        self,
        sentence: Sentence,
        words: Sequence[str],
        own: set[str],
        focus: dict[str, float],
        rare_here: dict[str, float],
    ) -> list[float]:
        one = self._found[sentence.place]
        around, titled = self._around[sentence.place], self._titles[sentence.place]
        before = set(self._cut(sentence.before)) - own
        share = self._share(self._asked, own)
        kinds = [find_facts(kind, sentence.text, self._query.text) for kind in self._kinds]
        fact = float(any(kinds))
        certain = float(bool(
            self._certain and facts_asked(self._certain, self._query.text, sentence.text)
        ))  # fmt: skip
        return [
            share,
            self._share(self._asked, around),
            self._share(self._asked, before),
            self._share(self._context, own),
            self._share(self._context, around),
            len(self._pairs & set(pairwise(words))) / max(1, len(self._pairs)),
            fact,
            float(bool(kinds) and not fact),
            fact * (1 - share),
            1 / (sentence.place + 1),
            one.score - self._found[0].score,
            float(np.log1p(len(words))) / 4,
            float(len(words) < 6),
            float(one.passage.start <= one.release.body_start + 5),
            float(sentence.text.endswith(":")),
            _part(focus, own),
            _part(focus, before),
            _part(rare_here, own),
            self._share(self._asked - titled, own),
            float(self._said[sentence.place] is True),
            float(self._is_said(sentence.text) is False),
            self._named[one.release.release_id],
            certain,
            float(bool(self._certain)) - certain,
        ]

    def _is_said(self, text: str) -> bool | None:
        """Whether the text has the speaker whose words are asked for, or only others; else ``None``."""
        speakers = speakers_in(text) if self._speaker else []
        return (
            any(is_speaker(self._speaker, one, _MISPRINT) for one in speakers) if speakers else None
        )

    def _cut(self, text: str) -> list[str]:
        return [stem[:_STEM] for stem in self._terms.stems(text)]

    def _share(self, wanted: set[str], have: set[str]) -> float:
        """The share of the weight of the words wanted that is there."""
        # A set has another order in every process: exact sums are the same in all.
        total = math.fsum(self._rarity[stem] for stem in wanted)
        return math.fsum(self._rarity[stem] for stem in wanted & have) / total if total else 0.0


def without_periods(query: Query) -> str:
    """The question without its periods: the releases found are of them, and seldom repeat them."""
    text = query.text
    for period in sorted(query.when.periods if query.when else (), key=lambda one: -one.start):
        text = text[: period.start] + text[period.end :]
    return text


def _named(question: str, found: Sequence[Found], knows: Callable[[str], bool]) -> dict[str, float]:
    """By release, how much of the question's names it has: of each name the share of its words.

    A single word that the embedder ``knows`` ("Europe") and in none of the releases does not count: they
    may speak of it in others.
    """
    words = [re.findall(r"[^\W_]{3,}", name.lower()) for name in names_in(question)]
    releases = {one.release.release_id: one.release for one in found}
    texts = {name: f"{one.title} {one.text}".lower() for name, one in releases.items()}

    def counts(parts: list[str]) -> bool:
        known = len(parts) == 1 and knows(parts[0])
        return not known or any(parts[0][:_STEM] in text for text in texts.values())

    names = [{word[:_STEM] for word in parts} for parts in words if parts and counts(parts)]
    if not names:
        return dict.fromkeys(releases, 1.0)
    have = {}
    for release, text in texts.items():
        shares = [sum(word in text for word in name) / len(name) for name in names]
        have[release] = sum(shares) / len(shares)
    return have


def _part(weights: dict[str, float], have: set[str]) -> float:
    total = sum(weights.values())
    return sum(weight for stem, weight in weights.items() if stem in have) / total if total else 0.0
