"""A follow-up and the turns before it, as one question that stands alone."""

from collections.abc import Sequence

from qa_service.types import Turn

QUESTIONS = 2
"""Earlier questions that join the query."""


def standalone_question(question: str, history: Sequence[Turn], max_chars: int) -> str:
    """The last questions of the user, then this one, within ``max_chars``."""
    asked = [turn.text.strip() for turn in history if turn.role == "user" and turn.text.strip()]
    joined = question.strip()
    for earlier in reversed(asked[-QUESTIONS:]):
        if len(earlier) + 1 + len(joined) > max_chars:
            break
        joined = f"{earlier} {joined}"
    return joined
