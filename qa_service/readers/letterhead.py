"""What the letterhead and the dateline of a plain text say: title, issuer, date and place.

A letterhead is the short blocks before the first paragraph of prose. Nothing is invented: what is
not printed stays empty.
"""

import re
from dataclasses import dataclass
from datetime import date

from qa_service.readers.dates import find_date

Span = tuple[int, int]

PROSE_WORDS = 40
"""A block of at least this many words is prose; the longest title among 3,268 releases has 41
words, but it is one of 16 over 30."""

_BLOCK = re.compile(r"\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")
_MARKER = re.compile(
    r"(?:(?:joint |official )?(?:press|news|media) (?:release|statement|communiqu[eé])|"
    r"for immediate release|(?:joint )?statement|communiqu[eé]|readout)\W*",
    re.IGNORECASE,
)
_ISSUER = re.compile(
    r"\b(?:ministry|minister|embassy|consulate|department|office|bureau|agency|commission|council|"
    r"authority|secretariat|delegation|mission|government|bank|university|institute|company|"
    r"corporation|inc|ltd|llc|plc|gmbh|association|foundation|union|court|parliament|senate)\b",
    re.IGNORECASE,
)
_PLACE = r"(?P<place>[^\W\d_][\w.'’-]*(?: [\w.'’-]+){0,3}(?:, [^\W\d_][\w.'’ -]*?){0,2})"
_CLOSING = re.compile(rf"{_PLACE},?\s+(?:on |the )*$")
_OPENING = re.compile(rf"\**{_PLACE}(?:,\s*|\s*[(\[–—-]+\s*|\s+)$")
_AFTER_DATELINE = re.compile(r"[)\]]?\**\s*(?:/[^/\n]{2,40}/|\([^)\n]{2,40}\))?\s*(?:--+|[–—:-])\s")
_SMALL = {"of", "and", "the", "for", "in", "on", "to", "de", "du", "des", "la", "et"}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Facts read, and the spans of the body and of the dateline (empty: none)."""

    title: str = ""
    issuer: str = ""
    published: date | None = None
    place: str = ""
    body: Span = (0, 0)
    dateline: Span = (0, 0)


def read_letterhead(text: str) -> Letterhead:
    """Read the blocks before the first prose, and the dateline at either end of the body."""
    blocks = [match.span() for match in _BLOCK.finditer(text)]
    prose = next((i for i, span in enumerate(blocks) if _is_prose(text, span)), None)
    if prose is None:
        return Letterhead(body=(0, len(text)))
    head, rest = blocks[:prose], blocks[prose:]
    published, place, dateline = _dateline(text, head, rest)
    closing = len(rest) > 1 and dateline[0] >= rest[-1][0]
    end = rest[-2][1] if closing else len(text)
    title, issuer = _title_and_issuer([_plain(text[a:b]) for a, b in head])
    return Letterhead(title, issuer, published, place, (rest[0][0], end), dateline)


def read_dateline(text: str) -> tuple[date | None, str, Span]:
    """Date, place and span of the dateline that opens or closes ``text``, where it has one."""
    blocks = [match.span() for match in _BLOCK.finditer(text)]
    return _dateline(text, [], blocks) if blocks else (None, "", (0, 0))


def _is_prose(text: str, span: Span) -> bool:
    block = text[slice(*span)]
    lines = block.count("\n") + 1
    words = len(block.split())
    return (words >= PROSE_WORDS and words / lines > 12) or bool(_opening(text, span))


def _title_and_issuer(head: list[str]) -> tuple[str, str]:
    markers = [i for i, block in enumerate(head) if _MARKER.fullmatch(block)]
    issuers = [i for i, b in enumerate(head) if _ISSUER.search(b) and len(b.split()) <= 15]
    titles = [
        i
        for i, block in enumerate(head)
        if i not in markers and not _is_date_line(block) and (not markers or i > markers[-1])
    ]
    if not titles and not markers:
        return "", ""
    title = head[titles[-1] if markers else titles[0]] if titles else ""
    issuer = next((head[i] for i in issuers if head[i] != title), "")
    return title, _in_title_case(issuer)


def _dateline(text: str, head: list[Span], rest: list[Span]) -> tuple[date | None, str, Span]:
    for read, span in ((_closing, rest[-1]), (_opening, rest[0])):
        if (found := read(text, span)) is not None:
            return found
    for span in head:
        block = text[slice(*span)]
        if _is_date_line(_plain(block)) and (found_date := find_date(block)):
            return found_date[0], "", span
    return None, "", (0, 0)


def _closing(text: str, span: Span) -> tuple[date | None, str, Span] | None:
    """The last block is a place and a date, nothing else: "Phnom Penh, 16 May 2022"."""
    block = text[slice(*span)]
    found = find_date(block)
    if found is None or block[found[2] :].strip(" .*_)"):
        return None
    if not block[: found[1]].strip("*_ "):
        return found[0], "", span
    place = _CLOSING.fullmatch(block[: found[1]].lstrip("*_ "))
    return (found[0], place["place"].strip(), span) if place else None


def _opening(text: str, span: Span) -> tuple[date | None, str, Span] | None:
    """The first prose opens with place, date and a dash: "KABUL, Afghanistan (Jan. 25, 2013) –"."""
    block = text[span[0] : min(span[1], span[0] + 160)]
    found = find_date(block)
    if found is None:
        return None
    place = _OPENING.fullmatch(block[: found[1]])
    after = _AFTER_DATELINE.match(block, found[2])
    if place is None or after is None:
        return None
    return found[0], place["place"].strip(" ,"), (span[0], span[0] + found[2])


def _is_date_line(block: str) -> bool:
    found = find_date(block)
    rest = block[: found[1]] + block[found[2] :] if found else "x"
    return not re.sub(r"(?i)\b(?:date|released?|issued|published|on)\b|\W", "", rest)


def _plain(block: str) -> str:
    """One line, without Markdown's marks of emphasis and headings."""
    return " ".join(re.sub(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}|^#+ ", "", block, flags=re.M).split())


def _in_title_case(name: str) -> str:
    if not name.isupper():
        return name
    words = [word if "." in word else word.capitalize() for word in name.split()]
    return " ".join(w.lower() if i and w.lower() in _SMALL else w for i, w in enumerate(words))
