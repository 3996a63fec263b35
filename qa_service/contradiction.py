"""False premises: a question that takes for granted what a release denies.

"What sentence did Mr Smith get after his conviction?", where a release says that Smith was acquitted.
Found by opposites: words of the question that a sentence on the same person or body turns round. Few and
plain ones, because a wrong contradiction is worse than an answer that is beside the point.
"""

import re
from collections.abc import Callable, Sequence

from qa_service.facts import asks_across, names_in
from qa_service.sentences import COMMON, Sentence, sentences_of
from qa_service.types import Found

SAY_OTHERWISE = "The releases say otherwise."

_AGREED = (
    r"\b(?:agree|accept|allow|permit|consent|host|approve|grant|offer)(?:s|d|ed|ing|ted|ting)?\b"
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
        (r"\b(?:violat|breach|break|infring)\w*", r"\bno evidence\b|\bnot violat\w+", True),
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
_NEGATED = re.compile(r"\b(?:not|never|no|refuse\w*|reject\w*|acquitt\w*|n['’]t)\b", re.IGNORECASE)


def find_contradiction(
    question: str, found: Sequence[Found], stems: Callable[[str], Sequence[str]]
) -> tuple[Sentence, Found] | None:
    """The first sentence found that denies what the question takes for granted, and where it stands.

    It names whom the question names first, and, where the opposites are everyday words, shares
    another word with the question.
    """
    names = names_in(question)
    if not names or asks_across(question) or _WHETHER.search(question) or _NEGATED.search(question):
        return None
    denials = [
        (denied, alone)
        for taken, denied, alone in _OPPOSITES
        if taken.search(question) and not denied.search(question)
    ]
    named = set(stems(names[0].partition(" of ")[0])[-1:])
    other = set(stems(question)) - set(stems(" ".join([COMMON, *names])))
    for sentence in sentences_of(found) if denials else ():
        words = set(stems(sentence.text))
        for denied, alone in denials:
            if named <= words and denied.search(sentence.text) and (alone or words & other):
                return sentence, found[sentence.place]
    return None
