"""Rankings to an answer whose every citation quotes its release."""

from qa_service.answer.asking import UNREAD, Asked, Looked, ask, ask_in_steps, notes_on
from qa_service.answer.checking import NO_EVIDENCE, check_claim, check_draft
from qa_service.answer.gathering import in_figures

__all__ = [
    "NO_EVIDENCE",
    "UNREAD",
    "Asked",
    "Looked",
    "ask",
    "ask_in_steps",
    "check_claim",
    "check_draft",
    "in_figures",
    "notes_on",
]
