"""A follow-up and the turns before it, as one question that stands alone."""

import re
from collections.abc import Sequence

from qa_service.types import Turn

NAMES = 6
"""Names from the conversation that a stand-alone question may be given."""

_NAME = re.compile(r"[A-Z][\w&'’-]*(?:\.(?=\w)[\w.]+|\.(?= [A-Z]\w+))?"
                   r"(?: (?:(?:of|the|and|v\.|for|de|van) )?[A-Z0-9][\w&'’-]*)*")  # fmt: skip
_BEFORE_A_WORD = " \n“\"‘'(["
_OPENERS = frozenset(
    "a an and any anyone anything are at but by can could did do does for from had has have he her "
    "his how i if in is it its may no not of on or our she should so that the their there these "
    "they this those three to two was we were what when where which who whom whose why will with "
    "would yes you".split()
)


def context_of(history: Sequence[Turn], max_chars: int) -> str:
    """What was said before, the newest turns first to be kept, within ``max_chars``."""
    kept: list[str] = []
    for turn in reversed(history):
        text = " ".join(turn.text.split())
        max_chars -= len(text) + 1
        if max_chars < 0:
            break
        kept.append(text)
    return " ".join(reversed(kept)).strip()


def standalone_question(question: str, context: str) -> str:
    """The question and, in brackets, the names from the conversation that it leaves out."""
    question = question.strip()
    known = question.lower()
    left_out = [name for name in names_in(context) if name.lower() not in known]
    return f"{question} ({', '.join(left_out[:NAMES])})" if left_out else question


def names_in(text: str) -> list[str]:
    """Names by their capitals, in the order of appearance, without words that only open a sentence."""
    names = []
    for match in _NAME.finditer(text):
        words = match.group().split(" ")
        while words and words[0].lower() in _OPENERS:
            words = words[1:]
        before = text[: match.start()].rstrip(_BEFORE_A_WORD)
        opens = not before or before[-1] in ".?!"
        if words and not (opens and len(words) == 1 and len(match.group().split()) == 1):
            names.append(" ".join(words).rstrip("."))
    return list(dict.fromkeys(names))
