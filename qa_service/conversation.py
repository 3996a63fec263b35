"""A follow-up and the turns before it: what it leans on, and the question that it would be alone.

A turn that names its own subject and has no word for something said before starts a new topic: nothing
of the old one is dragged along. Any other is searched together with the turn that set the topic, the
turn before it and, of the replies since, the short ones and the names in the long.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa_service.facts import names_in
from qa_service.rewriting import Meant, PickLike, first_like, meant_by, rewritten
from qa_service.types import Turn

NAMES = 6
"""Names from the conversation that a stand-alone question may be given."""
NAMES_OF_A_REPLY = 4
"""Names of one reply that help to search; it quotes many."""
SHORT_REPLY = 200
"""Characters of a reply that is searched with in full."""
SHORT = 3
"""A turn of so few words leans on the turns before it."""
SHORT_UNNAMED = 6
"""The same for a turn that names nobody and nothing."""

_REFERS = re.compile(
    r"\b(?:he|she|him|hers?|his|its?|they|them|theirs?|this|these|those|there(?! (?:is|are|was|were)\b)"
    r"|then|ones?|others?|another|both|such|else|same|instead|similar|former|latter"
    r"|himself|herself|itself|themselves)\b"
    r"|(?<!so )\bthat\b(?=\W*$|[,?]| (?:was|is|time|case|year)\b)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\W*(?:and|but|so|or|also|what about|how about|anything|anyone|i mean|i meant|sorry|no|yes|not)\b",
    re.IGNORECASE,
)
_AND_ITS = re.compile(
    r"(?<=\w),? and (?=(?:why|how|where|when|what|who|is|are|its|his|her|their)\b)"
)
_DEFINES = re.compile(
    r"(?:what|who) (?:is|are|was|were|causes|caused) (?:an? )?"
    r"(?!(?:the|common|good|other|main|famous|important|different|some|best|most|key|possible|going)\b)"
    r"(?!(?:he|she|it|they|this|that|these|those|his|her|its|their|wrong|left|new|next|meant)\b)"
    r"[\w’'-]+(?: [\w’'-]+)?\W*",
    re.IGNORECASE,
)
_THE_KNOWN = re.compile(r"\bthe [a-z]")


@dataclass(frozen=True, slots=True)
class StandAlone:
    """``question``: in words of its own. ``context``: what else of the conversation helps to find it.

    ``left_out``: what a reader has to know where the question could not be put in other words.
    """

    question: str
    context: str = ""
    left_out: str = ""


def stand_alone(
    question: str, history: Sequence[Turn], max_chars: int, pick: PickLike = first_like
) -> StandAlone:
    """The question as it would be asked without the turns before it; a new topic is left as it is.

    ``pick`` chooses, of several names, the one most like another: in "And Myanmar?" the country is meant.
    """
    if not history or len(question) > max_chars or not leans(question):
        return StandAlone(question)
    question = question.strip()
    base, meant, topic = "", Meant(), 0
    for at, turn in enumerate(history):
        if turn.role != "user":
            continue
        own = not base or not leans(turn.text)
        base = turn.text.strip() if own else rewritten(turn.text, base, meant, pick)
        topic = at if own else topic
        reply = " ".join(one.text for one in history[at + 1 : at + 2] if one.role != "user")
        meant = meant_by(base, reply, meant, new=own)
    words = rewritten(question, base, meant, pick)
    if len(words) > max_chars:
        words = question
    parts = _parts(history, topic)
    added = "" if words != question else _left_out(question, parts, meant.thing) or base
    return StandAlone(words, _within(parts, max_chars), added.rstrip(" ?.!"))


def _left_out(question: str, parts: Sequence[str], thing: str) -> str:
    """What the conversation names and the question does not."""
    known, found = question.lower(), list[str]()
    for name in (thing, *(name for part in parts for name in names_in(part))):
        if name and not any(name.lower() in one for one in (known, *map(str.lower, found))):
            found.append(name)
    return ", ".join(found[:NAMES])


def leans(question: str) -> bool:
    """Whether a question refers to something said before it, by its words alone."""
    question = _AND_ITS.split(question.strip())[0]  # "What is Galileo and why is it important?"
    if _DEFINES.fullmatch(question):
        return False
    if _REFERS.search(question) or _GOES_ON.match(question):
        return True
    count = len(question.split())
    if count <= SHORT or names_in(question):
        return count <= SHORT
    return count <= SHORT_UNNAMED or bool(_THE_KNOWN.search(question))


def _parts(history: Sequence[Turn], topic: int) -> list[str]:
    """The turn that set the topic, the replies since, long ones as names, and the user's last turn."""
    users = [at for at, turn in enumerate(history) if turn.role == "user"]
    parts = []
    for at, turn in enumerate(history):
        if at >= topic and turn.role != "user":
            named = ", ".join(names_in(turn.text)[:NAMES_OF_A_REPLY])
            parts.append(turn.text if len(turn.text) <= SHORT_REPLY else named)
        elif users and at in (topic, users[-1]):
            parts.append(turn.text)
    return [" ".join(part.split()) for part in parts]


def _within(parts: Sequence[str], max_chars: int) -> str:
    """The parts, the newest kept where they are too long together."""
    kept: list[str] = []
    for part in reversed(parts):
        max_chars -= len(part) + 1
        if max_chars < -1:
            break
        kept.append(part)
    return " ".join(filter(None, reversed(kept)))
