"""Dates as press releases print them, in any language. Ambiguous ones (03/04/2022) stay unknown.

Which of two numbers is the day is told by the numbers themselves, by full stops between them (which
only countries that put the day first write), or by how the file writes dates, :class:`DateStyle`.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from qa_service.readers.calendar_names import month_named

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTH = (
    r"(?P<month>(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?))\.?"
)
DAY_FIRST = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{MONTH},?\s+(?P<year>\d{{4}})\b"
)
MONTH_FIRST = re.compile(rf"\b{MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})\b")
ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b")
NUMERIC = re.compile(
    r"(?<![\d./-])(?P<one>\d{1,2})(?P<mark>[./-])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\d./-]\d|\d)"
)
_NAME = r"(?P<month>[^\W\d_][^\s\d,;:()/–—]{1,20}?)\.?"
_YEAR = r"(?P<year>\d{4})(?!\d)"
_DAY_NAMED = re.compile(
    r"(?:(?:ថ្ងៃ\S*\s*)?(?:ទី\s*)|วันที่\s*)?(?<![\d./-])(?P<day>\d{1,2})(?:\.|ers?\b|re\b|[ºª°]|-?го\b)?"
    rf"\s*(?:(?:de|di|da)\s+|d['’]|ខែ\s*|เดือน\s*|ב)?{_NAME},?"
    rf"\s*(?:(?:del?|do|di)\s+|ឆ្នាំ\s*|พ\.ศ\.\s*)?{_YEAR}(?:\s*(?:г|р)\.)?"
)
_NAME_FIRST = re.compile(rf"(?<!\w){_NAME}\s+(?P<day>\d{{1,2}}),?\s+(?:del?\s+)?{_YEAR}")
_YEAR_NAMED = re.compile(
    r"(?<![\d./-])(?P<year>\d{4})\.?\s+(?:m\.\s+)?"
    rf"{_NAME}\s+(?P<day>\d{{1,2}})(?!\d)(?:\.|\s+d\.)?"
)
_NUMBERED = (
    re.compile(
        r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일]"
    ),
    re.compile(
        r"(?i:ngày\s+)?(?P<day>\d{1,2})\s+tháng\s+(?P<month>\d{1,2}),?\s+(?:năm\s+)?(?P<year>\d{4})"
    ),
)
_BUDDHIST = 543
"""Years that Thailand is ahead of the rest."""


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How a file writes dates: its language (ISO 639, or empty), and whether days stand before months."""

    language: str = ""
    day_first: bool | None = None


UNKNOWN = DateStyle()


def find_date(text: str, style: DateStyle = UNKNOWN) -> tuple[date, int, int] | None:
    """The first printed date in ``text``, with its span; ``None`` where there is none."""
    english = (DAY_FIRST, MONTH_FIRST, ISO, NUMERIC)
    others = (_DAY_NAMED, _NAME_FIRST, _YEAR_NAMED, *_NUMBERED)
    found = [match for form in english if (match := form.search(text))]
    found += [match for form in others for match in form.finditer(text)]
    for match in sorted(found, key=re.Match.start):
        if match.re in english:
            day = numeric_date(match, style) if match.re is NUMERIC else match_date(match)
        else:
            day = _foreign_date(match, style)
        if day is not None:
            return day, match.start(), match.end()
    return None


def parse_date(value: object, style: DateStyle = UNKNOWN) -> date | None:
    """A date given as metadata: ISO 8601 or RFC 5322 (with or without a time), or as printed."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or not isinstance(value, str):
        return value if isinstance(value, date) else None
    value = value.strip()
    found = find_date(value, style)
    if found and found[1:] == (0, len(value)):
        return found[0]
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        with contextlib.suppress(ValueError, IndexError, OverflowError):
            return parse(value).date()
    return None


def ambiguous_date(text: str, style: DateStyle = UNKNOWN) -> str:
    """The first date in ``text`` of which it cannot be told which number is the day, or nothing."""
    if style.day_first is not None:
        return ""
    matches = (m for m in NUMERIC.finditer(text) if numeric_date(m, UNKNOWN) is None)
    return next((m.group() for m in matches if numeric_date(m, DateStyle(day_first=True))), "")


def language_of_locale(locale: str) -> str:
    """The language of a locale such as "en-GB", or nothing."""
    match = re.match(r"([A-Za-z]{2,3})(?![A-Za-z])", locale.strip())
    return match[1].lower() if match else ""


def match_date(match: re.Match[str]) -> date | None:
    """The day that a match of one of the first three forms names, if there is such a day."""
    try:
        return date(int(match["year"]), month_number(match["month"]), int(match["day"]))
    except ValueError:
        return None


def numeric_date(match: re.Match[str], style: DateStyle) -> date | None:
    """The day that a match of ``NUMERIC`` names, if it can be told and there is such a day."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    day_first = style.day_first
    if match["mark"] == "." or one > 12 or one == two:
        day_first = True
    elif two > 12:
        day_first = False
    if day_first is None:
        return None
    day, month = (one, two) if day_first else (two, one)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def month_number(name: str) -> int:
    """1 to 12 for a month's name, its abbreviation or its number."""
    if name.isdigit():
        return int(name)
    short = name.casefold()[:3]  # a pattern that ignores case takes "ſ" for an s
    return 1 + next(i for i, month in enumerate(MONTHS) if month.startswith(short))


def _foreign_date(match: re.Match[str], style: DateStyle) -> date | None:
    """The day that a match of a form with a name of any language names, if there is such a day."""
    name, year = match["month"], int(match["year"])
    if match.re is _NAME_FIRST and style.language in ("", "en"):
        return None  # "Mars 16, 2022" is a month in French only
    month = int(name) if name.isdigit() else month_named(name, style.language)
    if month and year > 2400 and re.match("[\u0e01-\u0e2e]", name):
        year -= _BUDDHIST
    try:
        return date(year, month, int(match["day"]))
    except ValueError:
        return None
