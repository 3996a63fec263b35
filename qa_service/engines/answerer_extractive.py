"""The built-in answerer: the sentences that small trained models take for the answer.

A linear model ranks all sentences, a reader reads the best few again with the question, and a third gives
the confidence. ``benchmarks/train_answerer.py`` and ``benchmarks/train_reader.py`` trained them, and
measure them on questions that they have not seen.
"""

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa_service.engines import LexicalIndex, Reader, Tools
from qa_service.facts import (
    FACTS,
    asks_for_several,
    find_facts,
    is_gathered,
    issue_asked,
    names_in,
    without_names,
)
from qa_service.passages import whole_list
from qa_service.searchable import plain
from qa_service.sentences import FEATURES, Features, Sentence, Terms, Weighing, sentences_of
from qa_service.speakers import speaker_asked, whole_speech
from qa_service.types import Claim, Draft, Found, Query

WEIGHTS = Path(__file__).with_name("answerer_extractive.json")
PASSAGES, PASSAGES_ACROSS = 8, 14
"""Passages that are looked at."""
READ, READ_ACROSS = 5, 10
"""Sentences that the reader reads; more where the answer has to be gathered."""
MEANINGS = 3
QUOTES = 3
QUOTES_ACROSS = 6
ISSUE_CONFIDENCE = 0.9
UNHEARD_OF = 0.5
"""What remains of the confidence if the question names somebody whom no passage found mentions."""

ALIKE = 0.7
"""Share of the words of the shorter of two sentences from which they say the same."""
STRANGER = 0.2
"""What remains if it has a name that is in no release and like no word found: so have 24 of 1,404 questions
of seven sets that cannot be answered, and 1 of 1,642 that can."""
NOWHERE = "No release has the name “{name}”."

NEAR = 0.2
NEAR_ACROSS = 0.05
"""A further quote is given if the model finds it at least this likely, relative to the first; for a
question over several releases less is asked. Of the gold quotes of 133 questions over the justice releases
75.5 % are cited with these and 75.1 with 0.35 and 0.1; of what is cited 52.7 % is gold instead of 56.8.
"""

_COLUMNS = (*FEATURES, "meaning", "nameless", "below_nameless")
_THING = re.compile(
    r"\bwhat (?:is|was|are|were) (?:the |its |their |his |her )(?:[\w'’-]+ )??"
    r"(?!(?:names?|dates?|nature|goals?|purpose|meaning|terms|basis|reasons?|aims?|steps|total|number|kinds?"
    r"|types?|words?|outcome|results?)\b)(?P<thing>[a-z]{3,}) (?:of|in|for)\b",
    re.IGNORECASE,
)
"""Of 12 such questions of five sets whose thing stands in no passage found, 8 cannot be answered."""
_TELLING = [
    _COLUMNS.index(name)
    for name in (
        "words", "words_around", "words_before", "context_words", "context_around", "pairs", "fact",
        "no_fact", "fact_and_new_words", "focus", "focus_before", "rare_here", "meaning", "nameless",
        "names_here", "certain_fact", "no_certain_fact",
    )
]  # fmt: skip
_PLAIN = [_COLUMNS.index(name) for name in ("names_here", "certain_fact", "no_certain_fact")]
_GREATEST = [_COLUMNS.index(name) for name in ("words_around", "meaning")]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """Standardised features times weights, plus a bias. ``mean``, ``spread``, ``weights``: ``(n,)``."""

    mean: Floats
    spread: Floats
    weights: Floats
    bias: float = 0.0

    def __call__(self, features: Features) -> Floats:
        """Shape ``(rows,)``."""
        return np.asarray((features - self.mean) / self.spread @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Models:
    """``sentence``: that it answers; ``both``: by the reader too; ``confidence``: that the best does."""

    sentence: Linear
    both: Linear
    confidence: Linear


@dataclass(frozen=True, slots=True)
class Read:
    """Sentences with their features, best first; ``read``: the reader's log odds of those that it read."""

    sentences: list[Sentence]
    features: Features
    scores: Floats
    read: Floats


class ExtractiveAnswerer:
    """Verbatim sentences, ranked by shared words, expected facts, place, meaning, and by reading."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def warm_up(self) -> None:
        """Load the models, and read one sentence."""
        models()
        self._reader.read("Who?", [("", "Nobody.")])

    def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
        """The best sentences, the best first; for a question about the release its letterhead."""
        if about_issue := _issue_claim(query.text, found):
            return Draft((about_issue,), ISSUE_CONFIDENCE)
        across = is_gathered(query)
        found = found[: PASSAGES_ACROSS if across else PASSAGES]
        read = self.read(query, found, tools)
        if not read.sentences:
            return Draft((), 0.0)
        chosen = [read.sentences[i] for i in _choose(read, found, query.text, across)]
        if across:
            newest_first = query.when is not None and query.when.order == "newest"
            chosen = in_order_of_dates(chosen, found, newest_first)
        speech = bool(speaker_asked(query.text))
        claims = tuple(dict.fromkeys(_claim(one, found, speech) for one in chosen))
        row = confidence_features(read, found)
        likely = float(1 / (1 + np.exp(-models().confidence(row[None])[0])))
        if strange := strangers_in(query.text, found, tools.lexical, tools.embedder.knows):
            notes = tuple(NOWHERE.format(name=name) for name in strange)
            return Draft(claims, STRANGER * likely, notes=notes)
        unheard = unheard_of(query.text, found, tools.embedder.knows)
        unheard += missing_thing(query.text, found, tools.lexical.stems)
        return Draft(claims, UNHEARD_OF * likely if unheard else likely)

    def read(self, query: Query, found: Sequence[Found], tools: Tools) -> Read:
        """Every sentence of the passages, the best first."""
        sentences = sentences_of(found)
        if not sentences:
            return Read([], np.empty((0, len(_COLUMNS))), np.empty(0), np.empty(0))
        terms = Terms(tools.lexical.stems, tools.lexical.rarity)
        features = Weighing(query, found, terms, tools.embedder.knows).features(sentences)
        features = with_meaning(query.text, found, features, tools)
        scores = models().sentence(features)
        best = np.argsort(-scores, kind="stable")[
            : (READ_ACROSS if is_gathered(query) else READ)
        ].tolist()
        pairs = [(found[sentences[i].place].release.title, sentences[i].text) for i in best]
        odds = self._reader.read(query.text, pairs).astype(np.float64)
        return ranked(sentences, features, scores, odds, models().both)


@cache
def models() -> Models:
    """The trained models that the package carries."""
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))

    def linear(name: str) -> Linear:
        part = stored[name]
        mean, spread, weights = (np.array(part[key]) for key in ("mean", "spread", "weights"))
        return Linear(mean, spread, weights, part["bias"])

    return Models(*map(linear, ("sentence", "both", "confidence")))


def ranked(
    sentences: Sequence[Sentence], features: Features, scores: Floats, odds: Floats, both: Linear
) -> Read:
    """All sentences, the best first, when the best by ``scores`` have been read with ``odds``."""
    final = both(beside_odds(features, scores, odds))
    order = np.argsort(-final, kind="stable")
    return Read([sentences[i] for i in order], features[order], final[order], odds)


def beside_odds(features: Features, scores: Floats, odds: Floats) -> Floats:
    """Shape ``(sentences, 5)``: the scores, the odds of the best by them, and what is plain to see.

    What was not read counts as the least likely of what was read.
    """
    known = np.full(len(scores), odds.min())
    known[np.argsort(-scores, kind="stable")[: len(odds)]] = odds
    return np.column_stack([scores, known, features[:, _PLAIN]])


def with_meaning(
    question: str, found: Sequence[Found], features: Features, tools: Tools
) -> Features:
    """The features of the sentences of ``found`` and :data:`MEANINGS` more columns.

    The cosine with the question, that with the question without its names (they say which release
    is meant, and that is found already), and how far the latter is from the best.
    """
    asked = tools.query_vectors([plain(question), plain(without_names(question))])
    said = np.vstack([tools.sentence_vectors(one.passage) for one in found])
    whole, nameless = (said @ asked.T).T
    return np.column_stack([features, whole, nameless, nameless - nameless.max()])


def strangers_in(
    question: str, found: Sequence[Found], lexical: LexicalIndex, common: Callable[[str], bool]
) -> list[str]:
    """Words of names in the question that no release has, and that no word found is nearly spelt like.

    A single word that is common ("Europe") is no such name: a release may speak of it in others.
    """
    words = [
        word for name in _names(question, common) for word in re.findall(r"[^\W\d_]{4,}", name)
    ]
    new = [word for word in words if all(lexical.rarity(s) >= 1 for s in lexical.stems(word))]
    text = " ".join(f"{one.release.title} {one.passage.text}" for one in found) if new else ""
    known = {word for word in re.findall(r"\w+", text.lower()) if len(word) > 3}
    return [word for word in new if not difflib.get_close_matches(word.lower(), known, 1, 0.7)]


def unheard_of(question: str, found: Sequence[Found], common: Callable[[str], bool]) -> list[str]:
    """Names in the question of which no passage has a word, however spelt."""
    text = " ".join(f"{one.release.title} {one.passage.text}" for one in found).lower()
    words = {word for word in re.findall(r"\w+", text) if len(word) > 3}

    def known(word: str) -> bool:
        return word in text or bool(difflib.get_close_matches(word, words, 1, 0.75))

    return [name for name in _names(question, common) if not any(map(known, name.lower().split()))]


def _names(question: str, common: Callable[[str], bool]) -> list[str]:
    """The names in a question, without dates and what is no letter."""
    parts = [part for name in names_in(question) for part in name.split(" and ")]
    undated = (part for part in parts if not FACTS["date"].search(part))
    names = [re.findall(r"[^\W\d_]{3,}", part) for part in undated]
    return [
        " ".join(name)
        for name in names
        if name and not (len(name) == 1 and common(name[0].lower()))
    ]


def missing_thing(
    question: str, found: Sequence[Found], stems: Callable[[str], list[str]]
) -> list[str]:
    """The thing of which something is asked, "the population of Cambodia", if no passage has the word."""
    match = _THING.search(question)
    if match is None:
        return []
    known = {stem for one in found for stem in stems(f"{one.release.title} {one.passage.text}")}
    return [stem for stem in stems(match["thing"]) if stem not in known]


def confidence_features(read: Read, found: Sequence[Found]) -> Floats:
    """Shape ``(n,)``: those of the best sentence, how clearly it is best, and the greatest found."""
    scores, features = read.scores, read.features
    likely = np.exp(scores - scores[0])
    likely /= likely.sum()
    margin = scores[0] - scores[1] if len(scores) > 1 else 3.0
    return np.concatenate([
        features[0, _TELLING],
        features[:, _GREATEST].max(axis=0),
        [scores[0], margin, likely[0], max(one.dense for one in found)],
        [read.read.max(), np.logaddexp.reduce(read.read)],
    ])  # fmt: skip


def in_order_of_dates(
    sentences: Sequence[Sentence], found: Sequence[Found], newest_first: bool
) -> list[Sentence]:
    """Sentences in the order of their releases' dates; those of one day stay as they are."""

    def day(sentence: Sentence) -> int:
        published = found[sentence.place].release.published
        return published.toordinal() if published else 0

    return sorted(sentences, key=day, reverse=newest_first)


def _choose(read: Read, found: Sequence[Found], question: str, across: bool) -> list[int]:
    """The best, and what comes near it and says something else."""
    most, near = (QUOTES_ACROSS, NEAR_ACROSS) if across else (QUOTES, NEAR)
    close = np.flatnonzero(read.scores >= read.scores[0] + np.log(near)).tolist()
    if across:
        close = [i for i in close if _supplies(read, i, question)] or close
    chosen: list[int] = []
    for i in close:
        text = read.sentences[i].text
        heading = text.isupper() and bool(chosen)  # it says nothing more
        if (
            len(chosen) < most
            and not heading
            and not any(_repeats(read, found, i, j) for j in chosen)
        ):
            chosen.append(i)
    return chosen


def _supplies(read: Read, i: int, question: str) -> bool:
    """Whether a sentence has a fact of the kind asked for, or a name where a list of things is."""
    if read.features[i, _PLAIN[2]]:
        return False
    kind = bool(read.features[i, _PLAIN[1]])
    return (
        kind
        or not asks_for_several(question)
        or bool(find_facts("name", read.sentences[i].text, question))
    )


def _repeats(read: Read, found: Sequence[Found], i: int, j: int) -> bool:
    """Whether sentence ``i`` says what ``j`` does; with other names or numbers, of another release, not."""
    one, other = (read.sentences[place] for place in (i, j))
    words, others = (set(re.findall(r"\w+", each.text.lower())) for each in (one, other))
    if len(words & others) <= ALIKE * min(len(words), len(others)):
        return False
    apart = found[one.place].release.release_id != found[other.place].release.release_id
    return not (apart and _named_and_counted(one.text) - _named_and_counted(other.text))


def _named_and_counted(text: str) -> set[str]:
    return {*names_in(text), *re.findall(r"\d[\d.,]*\d|\d", text)}


def _issue_claim(question: str, found: Sequence[Found]) -> Claim | None:
    """The dateline, or the issuer's name in the text, of the best release, if a passage has it."""
    asked = issue_asked(question)
    best = [one for one in found if one.release.release_id == found[0].release.release_id]
    for one in best if asked else []:
        release, passage = one.release, one.passage
        start, end = release.dateline_start, release.dateline_end
        if asked == "issuer":
            start = release.text.find(release.issuer)
            end = start + len(release.issuer)
        if passage.start <= start < end <= passage.end:
            return Claim(passage.passage_id, start, end, release.text[start:end])
    return None


def _claim(sentence: Sentence, found: Sequence[Found], speech: bool) -> Claim:
    """The sentence; an item of a list with all of it, for alone it says little; so with a ``speech``."""
    passage = found[sentence.place].passage
    span = sentence.start - passage.start, sentence.end - passage.start
    start, end = whole_list(passage.text, *span)
    if speech and (start, end) == span:
        start, end = whole_speech(passage.text, *span)
    text = passage.text[start:end]
    return Claim(passage.passage_id, passage.start + start, passage.start + end, text)
