"""What stands around the news in a release and is not to be answered from.

End marks and what follows them, "About the company", media contacts, legal notices, and the
furniture of pages. Kept in the text, marked by its span.
"""

import re
from collections.abc import Iterator, Sequence

from qa_service.readers.extract import Span
from qa_service.readers.letterhead_words import ABOUT, CONTACTS

BLOCK = re.compile(r"\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")
_END_MARK = re.compile(
    r"(?:#\s*){3,}|\*?-+\s*30\s*-+\*?|[-–—*\s]*(?:ENDS?|FIN|ENDE|FIM|FINE"
    r"|End of (?:press |news )?release)[-–—*.\s]*"
)
_ABOUT = re.compile(
    r"(?:#+ |\*\*)?(?:About|ABOUT)\s+(?:the\s+|The\s+|THE\s+)?(?:[A-Z“\"]|\d+[A-Za-z])[^\n]*"
)
_ABOUT_ELSEWHERE = re.compile(rf"(?:#+ |\*\*)?(?:{ABOUT})[^\n]*")
_CONTACT = re.compile(
    r"(?i)(?:#+ |\*\*)?(?:(?:media|press|news(?:room)?|public(?: relations)?|pr|investor)s?(?: relations?)?"
    r"(?: and \w+)? (?:contacts?|enquir(?:y|ies)|inquir(?:y|ies))|contacts?(?: information| us)?\s*(?::|$)"
    rf"|{CONTACTS}"
    r"|for (?:further|more|additional|media) (?:information|details|inquiries|enquiries)\b[^\n]{0,60}"
    r"\b(?:contact|visit|call|email|e-mail|see)\b)"
)
_FURNITURE = re.compile(
    r"(?i)(?:share (?:this|on)\b.{0,60}|(?:tweet|print|email|e-mail|facebook|twitter|linkedin|whatsapp"
    r"|telegram|copy link|download(?: as)? pdf)(?:\W+(?:this|page|article|release))?"
    r"|follow us\b.{0,80}|subscribe\b.{0,80}|sign up (?:for|to)\b.{0,80}|back to (?:top|news|list).{0,20}"
    r"|skip to (?:main )?content|read (?:more|also|next)\W*|related (?:news|articles|releases|links)"
    r".{0,40}"
    r"|(?:previous|next)(?: article| release| page)?\W*|home\W+(?:news|press)\b.{0,80}"
    r"|(?:©|\(c\)|copyright)\s.{0,120}|.{0,60}\ball rights reserved\b.{0,60}"
    r"|.{0,80}\bcookies?\b.{0,40}policy.{0,40}"
    r"|view original content\b.*|logo\s*-?\s*https?://\S+)"
)
_LEGAL = re.compile(
    r"(?i)(?:#+ |\*\*)?(?:(?:cautionary|safe harbou?r)\b.{0,60}|forward[- ]looking"
    r" (?:statements?|information).{0,60}|disclaimer\W*)"
)
_DETAIL = re.compile(
    r"(?i)[\w.+-]+@[\w-]+\.\w+|(?:t[eé]l(?:[eé]fon[eo]?)?|phone|mobile|fax|email|e-mail|web(?:site)?|address)\b\s*[.:]"
    r"|\+?\(?\d[\d\s().-]{7,}\d|https?://|\bwww\."
)
_HEADING_WORDS = 10
_SHORT_WORDS = 25


def find_boilerplate(text: str) -> tuple[Span, ...]:
    """The spans of blocks (see the module), in order."""
    blocks = [match.span() for match in BLOCK.finditer(text)]
    return tuple(_marked(text, blocks))


def merge(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, without overlaps."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return tuple(merged)


def _marked(text: str, blocks: Sequence[Span]) -> Iterator[Span]:
    ended, kind = False, ""
    for start, end in blocks:
        block = text[start:end].strip()
        late = start >= 0.4 * len(text)
        ended = ended or (start >= 0.3 * len(text) and _END_MARK.fullmatch(block) is not None)
        kind = _kind(block, late, kind)
        if ended or kind or _END_MARK.fullmatch(block) or _FURNITURE.fullmatch(block):
            yield start, end


def _kind(block: str, late: bool, before: str) -> str:
    """Which kind of boilerplate a block is: what begins as one goes on as its shape allows."""
    short = len(block.split()) <= _SHORT_WORDS
    first = block.split("\n", 1)[0]
    if late and _ABOUT.match(block) and (not short or len(first.split()) <= _HEADING_WORDS):
        return "about" if short and not _ends_sentence(block) else "about it"
    if late and short and _ABOUT_ELSEWHERE.match(block) and not _ends_sentence(block):
        return "about"
    if _CONTACT.match(block) and (late or _DETAIL.search(block)) and len(block.split()) <= 45:
        return "contact"
    if (late and _LEGAL.match(block)) or before == "legal":
        return "legal"
    if before == "about":
        return "about it"
    goes_on = before == "contact" and short
    return (
        "contact"
        if goes_on and (_DETAIL.search(block) or (late and not _ends_sentence(block)))
        else ""
    )


def _ends_sentence(block: str) -> bool:
    return block.rstrip("”\"') ").endswith((".", "!", "?"))
