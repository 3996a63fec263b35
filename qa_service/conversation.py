"""A follow-up and the turns before it, as one question that stands alone."""

from collections.abc import Sequence

from qa_service.facts import names_in
from qa_service.types import Turn

NAMES = 6
"""Names from the conversation that a stand-alone question may be given."""


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
