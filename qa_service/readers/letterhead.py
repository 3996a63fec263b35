"""What the letterhead and the dateline of a plain text say: title, issuer, date and place.

A letterhead is the short blocks before the first paragraph of prose. Nothing is invented: what is
not printed stays empty.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qa_service.readers.calendar_names import is_day_name
from qa_service.readers.dates import UNKNOWN, DateStyle, ambiguous_date, find_date
from qa_service.readers.extract import Span
from qa_service.readers.language import MARKS, word_count
from qa_service.readers.letterhead_words import BEFORE_DATES, INSTITUTIONS, MARKERS

SENTENCE_WORDS = 12
"""Behind a marker or a date a block of this many words that ends as a sentence does is prose, too."""
PROSE_WORDS = 40
"""A block of at least this many words is prose; the longest title among 3,268 releases has 41
words, but it is one of 16 over 30."""

_BLOCK = re.compile(r"\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")
_MARKER = re.compile(
    rf"(?:{'|'.join(MARKERS)})(?:\W+n(?:o|r|[°º]|um|úm)?\.?\W*[\d/.-]+)?[^\w{MARKS[1:-1]}]*",
    re.IGNORECASE,
)
_ISSUER = re.compile(rf"\b(?:{'|'.join(INSTITUTIONS)})", re.IGNORECASE)
_LETTER = rf"[\w.'’{MARKS[1:-1]}-]"
_PLACE = (
    rf"(?P<place>[^\W\d_]{_LETTER}*(?: {_LETTER}+){{0,3}}(?:, [^\W\d_](?:{_LETTER}| )*?){{0,2}})"
)
_CLOSING = re.compile(rf"{_PLACE},?\s*$")
_OPENING = re.compile(rf"\**{_PLACE}(?:,\s*|\s*[(\[–—-]+\s*|\s*)$")
_AFTER_DATELINE = re.compile(
    r"[)\]]?\**\.?\s*(?:/[^/\n]{2,40}/|\([^)\n]{2,40}\))?\s*(?:--+|[–—:៖-])\s"
)
_BYLINE = re.compile(
    r"(?i:(?:issued |published |released )?by(?::\s*|\s+)|(?:from|source|issuer):\s*)"
    r"(?P<who>(?:the )?[A-Z][^\n|;,]{1,80}?)(?:\s*[|;,–—-]\s*(?P<rest>[^\n]{0,40}))?\.?"
)
_SOURCE = re.compile(r"(?:SOURCE|Source)(?::\s*|\s+)(?P<who>[A-Z][^\n]{1,80})")
_MARKED_ISSUER = re.compile(
    rf"(?P<who>[^\n]{{3,80}}?)\s+[-–—|]\s+(?:{_MARKER.pattern})", re.IGNORECASE
)
_NAME = re.compile(
    r"(?i)(?:the )?(?:royal )?(?:ministry|embassy|consulate|department|office|bureau|permanent mission"
    r"|government|kingdom|republic|secretariat)\b(?: general)?(?: of| for| in|,|$)"
    r"(?!.*\b(?:to|on|with|and its)\b)"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_AROUND_DATE = re.compile(rf"(?i)\b{_WEEKDAY}\b|[^\w{MARKS[1:-1]}]")
_LAST_WORD = re.compile(r"(?:^|[\s,]+)([^\s,]+)[\s,]*$")
_NUMBER = re.compile(r"(?i)(?:no|nr|ref|number|press release no)\b\.?:?\s*[\w/.-]{1,20}")
_PLACE_ALONE = re.compile(
    r"(?P<place>[A-Z][A-Z .'’-]{2,30}(?:, [A-Z][\w.]{1,20})?)\s*(?:\([^)\n]{2,30}\)\s*)?[–—-]{1,2}\s"
)
_SENTENCE = re.compile(
    rf"(?:(?<!\bInc)(?<!\bCorp)(?<!\bLtd)(?<=[a-z0-9)”\"à-ÿа-я»{MARKS[1:-1]}]{{2}})[.!?]|[។。])[”\"»]?\s*$"
)
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
    text: str, style: DateStyle = UNKNOWN, without: Sequence[Span] = ()
) -> Letterhead:
    """Read the blocks before the first prose, and the dateline at either end of the body.

    Blocks in the spans ``without`` (in order) are passed over: they are no part of the release itself.
    """
    blocks = [match.span() for match in _BLOCK.finditer(text)]
    blocks = [span for span in blocks if not any(a <= span[0] < b for a, b in without)]
    if not blocks:
        return Letterhead(body=(0, len(text)))
    prose = _first_prose(text, blocks, style)
    if prose is None:
        prose = _behind_date_line(text, blocks, style)
    if prose is None:
        published, place, dateline = _dateline(text, [], blocks, style)
        return Letterhead("", "", published, place, (0, len(text)), dateline)
    head = [unit for span in blocks[:prose] for unit in _units(text, span, style)]
    rest = blocks[prose:]
    published, place, dateline = _dateline(text, head, rest, style)
    closing = len(rest) > 1 and dateline[0] >= rest[-1][0]
    end = rest[-2][1] if closing else len(text)
    lines = [_plain(text[a:b]) for a, b in head]
    by, by_date = _byline(lines, [text[a:b] for a, b in rest[-4:]], style)
    title, issuer = _title_and_issuer(
        [*lines[:1], *(x for x in lines[1:] if not _is_byline(x))], style
    )
    around = "\n".join([*lines, text[rest[0][0] : rest[0][0] + 160], text[slice(*rest[-1])][-160:]])
    return Letterhead(
        title, issuer, published, place or _place_before(text, rest[0]), (rest[0][0], end), dateline,
        marked=any(map(_has_marker, lines)), by=by, by_date=by_date,
        ambiguous="" if published or by_date else ambiguous_date(around, style),
    )  # fmt: skip


def is_marker(line: str) -> bool:
    """Whether a line says that this is a press release, and nothing else."""
    return _MARKER.fullmatch(line) is not None


def usable_title(title: str) -> str:
    """A title of a file's properties, unless a program made it of a file's name."""
    made = r"(?i)^(?:untitled|microsoft word|document\d*)|\.(?:docx?|odt|rtf|indd|pdf|html?)$"
    return "" if re.search(made, title) else title


def is_institution(line: str) -> bool:
    """Whether a line reads like the name of a ministry, a company or the like."""
    return _ISSUER.search(line) is not None and word_count(line) <= 15


def _first_prose(text: str, blocks: Sequence[Span], style: DateStyle) -> int | None:
    """The first block that is prose; behind what only a letterhead has, a sentence is enough."""
    headed = False
    for i, span in enumerate(blocks):
        block = text[slice(*span)]
        lines, words = block.count("\n") + 1, word_count(block)
        long = words >= PROSE_WORDS and words / lines > 12
        sentence = headed and words >= SENTENCE_WORDS and _SENTENCE.search(block) is not None
        if long or sentence or _opening(text, span, style):
            return i
        units = (_plain(text[a:b]) for a, b in _units(text, span, style))
        headed = headed or any(_has_marker(x) or _is_date_line(x, style) for x in units)
    return None


def _behind_date_line(text: str, blocks: Sequence[Span], style: DateStyle) -> int | None:
    """Where a short text begins: behind a line near its top that is nothing but its date."""
    dated = (
        i
        for i, span in enumerate(blocks[:4])
        if i and _is_date_line(_plain(text[slice(*span)]), style)
    )
    first = next(dated, None)
    return first + 1 if first is not None and first + 1 < len(blocks) else None


def _units(text: str, span: Span, style: DateStyle) -> list[Span]:
    """The lines of a block of the letterhead, if one of them says what it is; else the block."""
    lines = [
        (span[0] + match.start(), span[0] + match.end())
        for match in re.finditer(r"[^\s][^\n]*", text[slice(*span)])
    ]
    telling = (_plain(text[a:b]) for a, b in lines)
    return (
        lines
        if any(is_marker(x) or _is_date_line(x, style) or _is_byline(x) for x in telling)
        else [span]
    )


def _place_before(text: str, span: Span) -> str:
    """The place in "WASHINGTON – The minister": a dateline whose date stands elsewhere."""
    match = _PLACE_ALONE.match(text[span[0] : min(span[1], span[0] + 80)])
    return match["place"].strip(" ,") if match else ""


def _is_byline(line: str) -> bool:
    match = _BYLINE.fullmatch(line)
    return match is not None and len(match["who"].split()) <= 10


def _byline(head: Sequence[str], last: Sequence[str], style: DateStyle) -> tuple[str, date | None]:
    """The name and the date in "By the Port Authority, 5 March 2024"; "SOURCE Acme Corp" at the end."""
    for line in head[1:]:
        if _is_byline(line) and (match := _BYLINE.fullmatch(line)):
            found = find_date(match["rest"] or "", style)
            return match["who"].strip(), found[0] if found else None
    sources = filter(None, map(_SOURCE.fullmatch, last))
    return next((match["who"].strip() for match in sources), ""), None


def _has_marker(line: str) -> bool:
    return is_marker(line) or _MARKED_ISSUER.fullmatch(line) is not None


def _title_and_issuer(head: Sequence[str], style: DateStyle) -> tuple[str, str]:
    """The title is what stands behind the last marker, or first; the issuer stands above it."""
    markers = [i for i, line in enumerate(head) if _has_marker(line)]
    titles = [
        i
        for i, line in enumerate(head)
        if i not in markers and not _is_date_line(line, style) and not _NUMBER.fullmatch(line)
    ]
    behind = [i for i in titles if markers and i > markers[-1]]
    candidates = behind if markers else titles
    if not candidates:
        return "", _issuer(head)
    at = next((i for i in candidates if not _is_name(head[i])), candidates[0])
    if markers and at > candidates[0] and _is_name(head[candidates[-1]]):
        at = candidates[0]
    return head[at], _issuer(head[:at])


def _issuer(lines: Sequence[str]) -> str:
    for line in lines:
        if (marked := _MARKED_ISSUER.fullmatch(line)) is not None:
            return _in_title_case(marked["who"].strip())
        if is_institution(line):
            return _in_title_case(line)
    return ""


def _is_name(line: str) -> bool:
    """Whether a line is the name of an institution and nothing else: it has no verb that we know of."""
    return _NAME.match(line) is not None and len(line.split()) <= 9


def _dateline(
    text: str, head: Sequence[Span], rest: Sequence[Span], style: DateStyle
) -> tuple[date | None, str, Span]:
    for read, span in ((_closing, rest[-1]), (_opening, rest[0])):
        if (found := read(text, span, style)) is not None:
            return found
    for span in head:
        block = text[slice(*span)]
        if _is_date_line(_plain(block), style) and (found_date := find_date(block, style)):
            return found_date[0], "", span
        if (found := _closing(text, span, style)) is not None and _is_only_place(block, found[1]):
            return found
    return None, "", (0, 0)


def _is_only_place(block: str, place: str) -> bool:
    """A line such as "Lindholm, 5 March 2024": a title may end in a date, too."""
    return place.istitle() and _plain(block).startswith(f"{place}, ")


def _closing(text: str, span: Span, style: DateStyle) -> tuple[date | None, str, Span] | None:
    """The last block is a place and a date, nothing else: "Phnom Penh, 16 May 2022"."""
    block = text[slice(*span)]
    found = find_date(block, style)
    if found is None or block[found[2] :].strip(" .*_)"):
        return None
    if not block[: found[1]].strip("*_ ("):
        return found[0], "", span
    place = _CLOSING.fullmatch(_without_day_words(block[: found[1]].lstrip("*_ ("), style))
    return (found[0], place["place"].strip(), span) if place else None


def _opening(text: str, span: Span, style: DateStyle) -> tuple[date | None, str, Span] | None:
    """The first prose opens with place, date and a dash: "KABUL, Afghanistan (Jan. 25, 2013) –"."""
    block = text[span[0] : min(span[1], span[0] + 160)]
    found = find_date(block, style)
    if found is None:
        return None
    place = _OPENING.fullmatch(_without_day_words(block[: found[1]].lstrip("("), style))
    after = _AFTER_DATELINE.match(block, found[2])
    if place is None or after is None:
        return None
    return found[0], place["place"].strip(" ,"), (span[0], span[0] + found[2])


def _is_date_line(block: str, style: DateStyle) -> bool:
    found = find_date(block, DateStyle(style.language, day_first=True))
    if found is None:
        return False
    rest = _AROUND_DATE.sub(" ", block[: found[1]] + " " + block[found[2] :])
    return all(_is_before_date(word, style) for word in rest.split())


def _is_before_date(word: str, style: DateStyle) -> bool:
    small = word.casefold() in BEFORE_DATES and not word.isupper()  # "TORONTO, ON"
    known = small or re.fullmatch(_WEEKDAY, word, re.IGNORECASE)
    return bool(known) or is_day_name(word, style.language)


def _without_day_words(before: str, style: DateStyle) -> str:
    """What stands before a date, without "le", "den", "Monday," at its end."""
    while (last := _LAST_WORD.search(before)) and _is_before_date(last[1], style):
        before = before[: last.start()]
    return before


def _plain(block: str) -> str:
    """One line, without Markdown's marks of emphasis and headings."""
    return " ".join(re.sub(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}|^#+ ", "", block, flags=re.M).split())


def _in_title_case(name: str) -> str:
    if not name.isupper():
        return name
    words = [word if "." in word else word.capitalize() for word in name.split()]
    return " ".join(w.lower() if i and w.lower() in _SMALL else w for i, w in enumerate(words))
