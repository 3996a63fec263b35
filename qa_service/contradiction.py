"""False premises: a question that takes for granted what a release denies.

"What sentence did Mr Smith get after his conviction?", where a release says that Smith was acquitted.
Found by opposites, words of the question that a sentence on the same person or body turns round, and by
the question's own words with a "not" before them. Few and plain ones, because a wrong contradiction is
worse than an answer that is beside the point.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from qa_service.facts import FACTS, asks_across, names_in
from qa_service.passages import whole_list
from qa_service.sentences import COMMON, Sentence, sentences_of
from qa_service.types import Found

SAY_OTHERWISE = "The releases say otherwise."

Stems = Callable[[str], Sequence[str]]

_AGREED = (
    r"\b(?:agree|accept|allow|permit|consent|host|approve|grant|offer)(?:s|d|ed|ing|ted|ting)?\b"
)
_MORE_OR_LESS = (
    r"\bwhy\b.*\b(?:short|long|high|low|larg|small|bigg|light|heavi|harsh|strict)er\b.*\bthan\b"
)
_OPPOSITES = tuple(
    (re.compile(taken, re.IGNORECASE), re.compile(denied, re.IGNORECASE), alone)
    for taken, denied, alone in (
        (
            r"\bconvict\w*|\bfound guilty\b|\bguilty verdict\b",
            r"\bacquitt\w+|\bnot guilty\b|\bmistrial\b",
            True,
        ),
        (
            r"\b(?:behind bars|in prison|in jail)\b|\bprison (?:sentence|term)\b",
            r"^(?!.*\bprison\b).*(?:\bprobation\b|\bacquitt\w+)",
            True,
        ),
        (
            r"\bguilty plea\b|\b(?:plead|pleaded|pled) guilty\b",
            r"\b(?:proceeded|went) to trial\b|\bpleaded not guilty\b",
            True,
        ),
        (
            r"\bjur(?:y|ors)\b.*\b(?:f[io]u?nd|convict|deliberat)\w*|\bverdict\b",
            r"\b(?:pleaded|pled|plea of) guilty\b|\bguilty plea\b",
            True,
        ),
        (r"\b(?:violat|breach|break|infring)\w*", r"\bno evidence\b|\bnot violat\w+", True),
        (r"\b(?:died|death|killed|buried)\b", r"\bsurviv(?:ed|es)\b|\bunharmed\b", True),
        (r"\bacquitt\w+", r"\bconvicted\b|\bfound\b.*\bguilty\b|\bpleaded guilty\b", True),
        (_MORE_OR_LESS, r"\b(?:identical to|the same as|unchanged from|no different from)\b", True),
        (
            r"\b(?:resign|quit|step(?:ped|ping)? down|leav|departure)\w*|\bleft\b",
            r"\b(?:remains?|will remain|stays? on|will stay on|continues? to serve) (?:as|in)\b",
            True,
        ),
        (
            r"\b(?:admit|admission|confess|acknowledg)\w*",
            r"\b(?:den(?:y|ies|ied)|reject(?:s|ed)?) (?:any|all|the|having|wrongdoing|that)\b",
            False,
        ),
        (
            _AGREED,
            r"\b(?:not|never|cannot)\s+(?:\w+\s+)?(?:permit|allow|agree|accept|consent|host|approve|grant)\w*"
            r"|\brefus(?:es|ed)\s+to\b|\breject(?:s|ed)\b",
            False,
        ),
    )
)  # fmt: skip
"""What a question takes for granted and what denies it; whether the name alone must be shared."""
_WHETHER = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b", re.IGNORECASE
)
"""What asks whether something is so takes nothing for granted."""
_NEGATED = re.compile(
    r"\b(?:not|never|no|without|refuse\w*|reject\w*|den(?:y|ies|ied)|n['’]t)\b", re.IGNORECASE
)
_NOT = re.compile(
    r"\b(?:not|never|cannot|no longer|\w+n['’]t|(?:refus|declin|fail)(?:e|es|ed) to)"
    r"(?P<after>(?:\s+[\w-]+){1,5})",
    re.IGNORECASE,
)
"""What turns the words after it round."""
_IF = re.compile(r"\bif\b", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:did|does|do|has|have|had|will)\s+(?:(?:the|an?|its|his|her|their)\s+)?(?:[A-Z][\w&'’.-]*\s+)+"
    r"(?P<verb>[a-z]{3,})"
)
"""What somebody named did, in "When did the Ministry approve it?"."""
_BODIES = frozenset(
    "county city state department ministry bank company group corporation university college court council "
    "union republic association committee agency office party".split()
)
"""What many bodies are called: the word before it tells them apart."""

SHARED = 2
"""Words that a sentence must share with the question for its "not" to turn the question's verb round."""


@dataclass(frozen=True, slots=True)
class Premise:
    """What a question takes for granted: of whom, in which words, and what would deny it.

    ``verb``: what somebody is said to have done, if that is plain to see.
    """

    named: str
    words: frozenset[str]
    verb: frozenset[str]
    denials: tuple[tuple[re.Pattern[str], re.Pattern[str], bool], ...]


def find_contradiction(
    question: str, found: Sequence[Found], stems: Stems
) -> tuple[Sentence, Found] | None:
    """The first sentence found that denies what the question takes for granted, and where it stands.

    It names the person or body that the question names in several words, or first, and, where the
    opposites are everyday words, shares another word with the question. If another sentence affirms
    what was taken for granted, nothing is denied.
    """
    premise = _premise(question, stems)
    if premise is None:
        return None
    told = [one for one in _with_lists(found) if premise.named in stems(one.text)]
    denied = next(_denying(premise, told, stems), None)
    return (denied, found[denied.place]) if denied else None


def _premise(question: str, stems: Stems) -> Premise | None:
    names = [name for name in names_in(question) if not FACTS["date"].search(name)]
    compared = asks_across(question) and not re.search(_MORE_OR_LESS, question, re.IGNORECASE)
    if not names or compared or _WHETHER.search(question) or _NEGATED.search(question):
        return None
    named = next((name for name in names if " " in name), names[0])
    words = frozenset(stems(question)) - frozenset(stems(" ".join([COMMON, *names])))
    denials = tuple(
        (taken, denied, alone)
        for taken, denied, alone in _OPPOSITES
        if taken.search(question) and not denied.search(question)
    )
    verb = _VERB.search(question)
    return Premise(
        _telling(named, stems), words, frozenset(stems(verb["verb"]) if verb else ()), denials
    )


def _telling(name: str, stems: Stems) -> str:
    """The stem that stands for a name: the surname, or what a body is called apart from its kind."""
    words = name.partition(" of ")[0].split()
    own = [word for word in words if word.lower().strip(".") not in _BODIES] or words
    return next(iter(reversed(stems(own[-1]))), "")


def _with_lists(found: Sequence[Found]) -> Iterator[Sentence]:
    """Every sentence; one that announces a list with the whole of it."""
    for sentence in sentences_of(found):
        passage = found[sentence.place].passage
        start, end = sentence.start - passage.start, sentence.end - passage.start
        first, last = whole_list(passage.text, start, end)
        if first == start and last > end:
            yield replace(sentence, end=passage.start + last, text=passage.text[first:last])
        else:
            yield sentence


def _denying(premise: Premise, told: Sequence[Sentence], stems: Stems) -> Iterator[Sentence]:
    shared = [len(premise.words & set(stems(one.text))) for one in told]
    for taken, denied, alone in premise.denials:
        denying = [
            (share, one)
            for share, one in zip(shared, told, strict=True)
            if denied.search(one.text) and (alone or share)
        ]
        affirmed = [
            share
            for share, one in zip(shared, told, strict=True)
            if taken.search(one.text) and not denied.search(one.text) and not _IF.search(one.text)
        ]
        yield from (one for share, one in denying if share > max(affirmed, default=-1))
    for share, one in zip(shared, told, strict=True):
        for stem in _turned(one.text, stems) & premise.verb:
            affirmed = [
                other_share
                for other_share, other in zip(shared, told, strict=True)
                if stem in stems(other.text) and stem not in _turned(other.text, stems)
            ]
            if share >= SHARED and share > max(affirmed, default=-1):
                yield one


def _turned(text: str, stems: Stems) -> set[str]:
    """The stems that stand after a "not"."""
    return {stem for match in _NOT.finditer(text) for stem in stems(match["after"])}
