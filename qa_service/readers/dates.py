"""Dates as press releases print them. Ambiguous ones (03/04/2022) stay unknown.

Which of two numbers is the day is told by the numbers themselves, by full stops between them (which
only countries that put the day first write), or by the locale of the file, ``day_first``.
"""

import contextlib
import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

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
_MONTH_FIRST_REGIONS = {"us", "ph", "pw", "fm", "mh", "bz"}


def find_date(text: str, day_first: bool | None = None) -> tuple[date, int, int] | None:
    """The first printed date in ``text``, with its span; ``None`` where there is none."""
    forms = (DAY_FIRST, MONTH_FIRST, ISO, NUMERIC)
    found = [match for form in forms if (match := form.search(text))]
    for match in sorted(found, key=re.Match.start):
        day = numeric_date(match, day_first) if match.re is NUMERIC else match_date(match)
        if day is not None:
            return day, match.start(), match.end()
    return None


def parse_date(value: object, day_first: bool | None = None) -> date | None:
    """A date given as metadata: ISO 8601 or RFC 5322 (with or without a time), or as printed."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or not isinstance(value, str):
        return value if isinstance(value, date) else None
    value = value.strip()
    found = find_date(value, day_first)
    if found and found[1:] == (0, len(value)):
        return found[0]
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        with contextlib.suppress(ValueError, IndexError, OverflowError):
            return parse(value).date()
    return None


def ambiguous_date(text: str, day_first: bool | None = None) -> str:
    """The first date in ``text`` of which it cannot be told which number is the day, or nothing."""
    if day_first is not None:
        return ""
    matches = (m for m in NUMERIC.finditer(text) if numeric_date(m, None) is None)
    return next((m.group() for m in matches if numeric_date(m, True)), "")


def day_first_in(locale: str) -> bool | None:
    """Whether a locale ("en-GB", "fr", "en_US") puts the day before the month; ``None``: unknown."""
    language, _, region = locale.lower().replace("_", "-").partition("-")
    region = region.rpartition("-")[2]
    if language == "en" and not region:
        return None
    if len(language) not in (2, 3):
        return None
    return region not in _MONTH_FIRST_REGIONS


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


def numeric_date(match: re.Match[str], day_first: bool | None) -> date | None:
    """The day that a match of ``NUMERIC`` names, if it can be told and there is such a day."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
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
