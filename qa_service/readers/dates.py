"""Dates as press releases print them. Ambiguous ones (03/04/2022) stay unknown."""

import re
from datetime import date, datetime

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


def find_date(text: str) -> tuple[date, int, int] | None:
    """The first printed date in ``text``, with its span; ``None`` where there is none."""
    found = [match for form in (DAY_FIRST, MONTH_FIRST, ISO) if (match := form.search(text))]
    for match in sorted(found, key=re.Match.start):
        if (day := match_date(match)) is not None:
            return day, match.start(), match.end()
    return None


def parse_date(value: object) -> date | None:
    """A date given as metadata: ISO 8601 (with or without a time), or as printed; else ``None``."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip()).date()
    except ValueError:
        found = find_date(value)
        return found[0] if found and found[1:] == (0, len(value.strip())) else None


def match_date(match: re.Match[str]) -> date | None:
    """The day that a match of one of the three forms names, if there is such a day."""
    try:
        return date(int(match["year"]), month_number(match["month"]), int(match["day"]))
    except ValueError:
        return None


def month_number(name: str) -> int:
    """1 to 12 for a month's name, its abbreviation or its number."""
    if name.isdigit():
        return int(name)
    short = name.casefold()[:3]  # a pattern that ignores case takes "ſ" for an s
    return 1 + next(i for i, month in enumerate(MONTHS) if month.startswith(short))
