"""What the letterhead and the dateline of a plain text say: title, issuer, date and place.

A letterhead is the short blocks before the first paragraph of prose. Nothing is invented: what is
not printed stays empty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qa_service.readers.dates import ambiguous_date, find_date
from qa_service.readers.extract import Span

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
_BYLINE = re.compile(
    r"(?i:(?:issued |published |released )?by(?::\s*|\s+)|(?:from|source|issuer):\s*)"
    r"(?P<who>(?:the )?[A-Z][^\n|;,]{1,80}?)(?:\s*[|;,–—-]\s*(?P<rest>[^\n]{0,40}))?\.?"
)
_SOURCE = re.compile(r"(?:SOURCE|Source)(?::\s*|\s+)(?P<who>[A-Z][^\n]{1,80})")
_SMALL = {"of", "and", "the", "for", "in", "on", "to", "de", "du", "des", "la", "et"}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Facts read, and the spans of the body and of the dateline (empty: none).

    ``marked``: something like "PRESS RELEASE" stands above the title. ``by``: the name in a byline;
    ``by_date`` the date there. ``ambiguous``: a date of which nobody can tell the day from the month.
    """

    title: str = ""
    issuer: str = ""
    published: date | None = None
    place: str = ""
    body: Span = (0, 0)
    dateline: Span = (0, 0)
    marked: bool = False
    by: str = ""
    by_date: date | None = None
    ambiguous: str = ""


def read_letterhead(
    text: str, day_first: bool | None = None, without: Sequence[Span] = ()
) -> Letterhead:
    """Read the blocks before the first prose, and the dateline at either end of the body.

    Blocks in the spans ``without`` (in order) are passed over: they are no part of the release itself.
    """
    blocks = [match.span() for match in _BLOCK.finditer(text)]
    blocks = [span for span in blocks if not any(a <= span[0] < b for a, b in without)]
    if not blocks:
        return Letterhead(body=(0, len(text)))
    prose = next((i for i, span in enumerate(blocks) if _is_prose(text, span, day_first)), None)
    if prose is None:
        published, place, dateline = _dateline(text, [], blocks, day_first)
        return Letterhead("", "", published, place, (0, len(text)), dateline)
    head, rest = blocks[:prose], blocks[prose:]
    published, place, dateline = _dateline(text, head, rest, day_first)
    closing = len(rest) > 1 and dateline[0] >= rest[-1][0]
    end = rest[-2][1] if closing else len(text)
    lines = [_plain(text[a:b]) for a, b in head]
    by, by_date = _byline(lines, [text[a:b] for a, b in rest[-4:]], day_first)
    title, issuer = _title_and_issuer([*lines[:1], *(x for x in lines[1:] if not _is_byline(x))])
    around = "\n".join([*lines, text[rest[0][0] : rest[0][0] + 160], text[slice(*rest[-1])][-160:]])
    return Letterhead(
        title, issuer, published, place, (rest[0][0], end), dateline,
        marked=any(map(is_marker, lines)), by=by, by_date=by_date,
        ambiguous="" if published or by_date else ambiguous_date(around, day_first),
    )  # fmt: skip


def is_marker(line: str) -> bool:
    """Whether a line says that this is a press release, and nothing else."""
    return _MARKER.fullmatch(line) is not None


def is_institution(line: str) -> bool:
    """Whether a line reads like the name of a ministry, a company or the like."""
    return _ISSUER.search(line) is not None and len(line.split()) <= 15


def _is_prose(text: str, span: Span, day_first: bool | None) -> bool:
    block = text[slice(*span)]
    lines = block.count("\n") + 1
    words = len(block.split())
    return (words >= PROSE_WORDS and words / lines > 12) or bool(_opening(text, span, day_first))


def _is_byline(line: str) -> bool:
    match = _BYLINE.fullmatch(line)
    return match is not None and len(match["who"].split()) <= 10


def _byline(
    head: Sequence[str], last: Sequence[str], day_first: bool | None
) -> tuple[str, date | None]:
    """The name and the date in "By the Port Authority, 5 March 2024"; "SOURCE Acme Corp" at the end."""
    for line in head[1:]:
        if _is_byline(line) and (match := _BYLINE.fullmatch(line)):
            found = find_date(match["rest"] or "", day_first)
            return match["who"].strip(), found[0] if found else None
    sources = filter(None, map(_SOURCE.fullmatch, last))
    return next((match["who"].strip() for match in sources), ""), None


def _title_and_issuer(head: Sequence[str]) -> tuple[str, str]:
    markers = [i for i, block in enumerate(head) if is_marker(block)]
    issuers = [i for i, block in enumerate(head) if is_institution(block)]
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


def _dateline(
    text: str, head: Sequence[Span], rest: Sequence[Span], day_first: bool | None
) -> tuple[date | None, str, Span]:
    for read, span in ((_closing, rest[-1]), (_opening, rest[0])):
        if (found := read(text, span, day_first)) is not None:
            return found
    for span in head:
        block = text[slice(*span)]
        if _is_date_line(_plain(block)) and (found_date := find_date(block, day_first)):
            return found_date[0], "", span
        if (found := _closing(text, span, day_first)) is not None and _is_only_place(
            block, found[1]
        ):
            return found
    return None, "", (0, 0)


def _is_only_place(block: str, place: str) -> bool:
    """A line such as "Lindholm, 5 March 2024": a title may end in a date, too."""
    return place.istitle() and _plain(block).startswith(f"{place}, ")


def _closing(text: str, span: Span, day_first: bool | None) -> tuple[date | None, str, Span] | None:
    """The last block is a place and a date, nothing else: "Phnom Penh, 16 May 2022"."""
    block = text[slice(*span)]
    found = find_date(block, day_first)
    if found is None or block[found[2] :].strip(" .*_)"):
        return None
    if not block[: found[1]].strip("*_ "):
        return found[0], "", span
    place = _CLOSING.fullmatch(block[: found[1]].lstrip("*_ "))
    return (found[0], place["place"].strip(), span) if place else None


def _opening(text: str, span: Span, day_first: bool | None) -> tuple[date | None, str, Span] | None:
    """The first prose opens with place, date and a dash: "KABUL, Afghanistan (Jan. 25, 2013) –"."""
    block = text[span[0] : min(span[1], span[0] + 160)]
    found = find_date(block, day_first)
    if found is None:
        return None
    place = _OPENING.fullmatch(block[: found[1]])
    after = _AFTER_DATELINE.match(block, found[2])
    if place is None or after is None:
        return None
    return found[0], place["place"].strip(" ,"), (span[0], span[0] + found[2])


def _is_date_line(block: str) -> bool:
    found = find_date(block, True)
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
