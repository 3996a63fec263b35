"""The built-in answerer: the sentences of the best passages that share most with the question."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qa_service.passages import split_sentences
from qa_service.types import Claim, Draft, Found

QUOTES = 2
PASSAGES = 8
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STOP = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "many",
        "me",
        "more",
        "much",
        "of",
        "on",
        "or",
        "our",
        "over",
        "please",
        "said",
        "say",
        "says",
        "she",
        "should",
        "so",
        "some",
        "such",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "under",
        "until",
        "up",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    claim: Claim
    score: float
    coverage: float
    order: int


class ExtractiveAnswerer:
    """Verbatim sentences, chosen by the share of the question's words found in and around them."""

    def answer(self, question: str, found: Sequence[Found]) -> Draft:
        """The best sentences, in the order in which their passages were found."""
        words = content_words(question)
        if not words or not found:
            return Draft((), 0.0)
        best = sorted(_candidates(words, found[:PASSAGES]), key=lambda c: -c.score)[:QUOTES]
        chosen = [c for c in best if c.score >= 0.6 * best[0].score]
        confidence = _confidence(chosen, found)
        chosen.sort(key=lambda candidate: candidate.order)
        return Draft(tuple(candidate.claim for candidate in chosen), confidence)


def content_words(text: str) -> frozenset[str]:
    """The words that carry meaning, cut to their first six letters as a crude stem."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(word[:6] for word in words if word not in _STOP)


def _candidates(words: frozenset[str], found: Sequence[Found]) -> Iterable[_Candidate]:
    order = 0
    for one in found:
        around = words & content_words(f"{one.release.title} {one.passage.text}")
        for start, end in split_sentences(one.passage.text):
            quote = one.passage.text[start:end]
            own = words & content_words(quote)
            coverage = (len(own) + 0.5 * len(around - own)) / len(words)
            claim = Claim(
                one.passage.passage_id, one.passage.start + start, one.passage.start + end, quote
            )
            order += 1
            yield _Candidate(claim, coverage + 0.3 / one.rank, coverage, order)


def _confidence(chosen: Sequence[_Candidate], found: Sequence[Found]) -> float:
    """Half the best coverage, half the best cosine: both stages must agree that it is there."""
    cosine = max((one.dense for one in found), default=0.0)
    coverage = max(candidate.coverage for candidate in chosen)
    return min(1.0, max(0.0, 0.5 * coverage + 0.5 * cosine))
