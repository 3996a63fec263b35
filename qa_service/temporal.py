"""Dates and periods as English words them: where they stand in a text, and which days they mean."""

import calendar
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

from qa_service.readers.dates import DAY_FIRST, ISO, MONTH, MONTH_FIRST, match_date, month_number
from qa_service.types import Order, Period, When

Days = tuple[date, date] | None

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_QUARTERS = ("first", "second", "third", "fourth")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120}
_STEPS = {"last": -1, "previous": -1, "this": 0, "current": 0, "next": 1}

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_ENDS = r"(?![\d%/]|[,.]\d|-\d)"
_ORDINAL = r"(?:st|nd|rd|th)?"
_UP_TO = r"(?:\s*[-–—]\s*|\s+(?:to|until|till|through|and)\s+)(?:the\s+)?"
_DAY_RANGE = (
    rf"\b(?:(?:from|between)\s+(?:the\s+)?)?(?P<day>\d{{1,2}}){_ORDINAL}{_UP_TO}(?P<to>\d{{1,2}}){_ORDINAL}"
    rf"(?:\s+of)?\s+{MONTH},?\s+(?P<year>\d{{4}})\b",
    rf"\b(?:(?:from|between)\s+)?{MONTH}\s+(?P<day>\d{{1,2}}){_ORDINAL}{_UP_TO}(?P<to>\d{{1,2}}){_ORDINAL}"
    r",?\s+(?P<year>\d{4})\b",
)
_DAY_IN_ROW = (
    rf"(?<![\d.,-])\b(?P<day>\d{{1,2}}){_ORDINAL}(?=(?:(?:\s*,\s*|,?\s+(?:and|or)\s+)(?:the\s+)?\d{{1,2}}{_ORDINAL}){{1,9}}"
    rf"(?:\s+of)?\s+{MONTH},?\s+(?P<year>\d{{4}})\b)"
)
_AFTER_MONTH = re.compile(rf"\b{MONTH}\s+(?:\d{{1,2}}{_ORDINAL}\s*,\s*)*$")
_ALIKE = str.maketrans("ſıİ\u212a", "siik")
"""Letters that a pattern which ignores case takes for others."""
_COUNT = rf"(?P<count>\d{{1,3}}|an?|{'|'.join(_NUMBERS)})"
_UNIT = r"(?P<unit>day|week|month|quarter|year|decade)s?"
_YEARLESS = (
    rf"\b{MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,?\s*\d{{4}})",
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+{MONTH}(?!\w)(?!,?\s*\d{{4}})",
)
_PREPOSITION = re.compile(
    r"\b(?:in|during|since|before|after|by|until|till|through|throughout|from|to|between|and|or|early|late"
    r"|mid|as of|(?:end|start|beginning|course|spring|summer|autumn|fall|winter|half|most|rest|all|part"
    r"|weeks?|months?|quarters?|years?) of"
    r"|prior to|up to|fiscal year|the years?)[\s-]+$",
    re.IGNORECASE,
)
_RANGE_OPENS = re.compile(r"\b(?:between|from)(?:\s+the)?\s+$", re.IGNORECASE)
_BETWEEN = re.compile(r"\s+(?:and|&)(?:\s+the)?\s+", re.IGNORECASE)
_ROW = re.compile(r"\s*(?:,|[-–—&]|,?\s+(?:and|or))\s*", re.IGNORECASE)
_ROW_ENDS = re.compile(r"\s*(?:$|[?!.,;:)&–—-]|and\b|or\b)", re.IGNORECASE)
_TO = re.compile(r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill\b|\bthrough\b|\bup to\b)\s*", re.IGNORECASE)
_JOIN = re.compile(r"\s*(?:[,–-]|\b(?:and|or|to|until|through)\b)*\s*", re.IGNORECASE)
_OPENS = re.compile(
    r"\b(?P<word>since|from|after|before|prior to|earlier than|until|till|by|up to)\s+(?:the\s+)?"
    r"(?:(?P<part>end|start|beginning) of\s+)?$",
    re.IGNORECASE,
)
_ORDERS: tuple[tuple[Order, re.Pattern[str]], ...] = (
    ("newest", re.compile(
        r"\b(?:latest|newest|most recent(?:ly)?|last (?:thing|word|time|statement|release|update|report"
        r"|announcement|announced|said|reported|mentioned|known))\b", re.IGNORECASE)),
    ("oldest", re.compile(
        r"\b(?:earliest|(?:the|was|is|were) first(?: (?:one|time|case|statement|release|report|mention"
        r"|announcement))?(?= (?:one|time|case|statement|release|report|mention|announcement|to|that"
        r"|announced|said|reported|mentioned)\b)|first (?:announced|said|reported|mentioned|spoke))\b",
        re.IGNORECASE)),
)  # fmt: skip


def read_when(question: str, as_of: date) -> When | None:
    """What a question says of time; ``None`` if nothing.

    Relative periods are counted from ``as_of``. A day without a year, a year that is part of a name
    ("the 2018 summit", "Vision 2030"), "today" and "next year" are not taken for periods.
    """
    plain = question.translate(_ALIKE)
    periods = tuple(_bounded(plain, _meant(plain, as_of)))
    spans = [(period.start, period.end) for period in periods]
    order: Order = ""
    for name, pattern in _ORDERS:
        if not order and (match := pattern.search(plain)):
            order = name
            spans.append(match.span())
    words = tuple(question[start:end] for start, end in sorted(spans))
    return When(as_of, periods, order, words) if spans else None


def days_mentioned(text: str, published: date | None) -> set[tuple[date, date]]:
    """The days and periods that a release mentions, resolved against its date where that is known."""
    found = find_periods(text, published)
    return {(p.first, p.last) for p in found if p.first is not None and p.last is not None}


def find_periods(text: str, as_of: date | None) -> list[Period]:
    """Every period in ``text``, in order; where two overlap, the more precise one.

    Without ``as_of``, relative ones ("last year", "on Friday") and days without a year are left out.
    """
    text = text.translate(_ALIKE)
    found: list[Period] = []
    taken = bytearray(len(text))
    for pattern, resolve in _FORMS:
        for match in pattern.finditer(text):
            start, end = match.span()
            days: Days = None
            if not any(taken[start:end]):
                with suppress(ValueError, OverflowError):  # the calendar does not reach so far
                    days = resolve(match, as_of)
            if days is not None:
                found.append(Period(*days, start, end))
                taken[start:end] = b"\1" * (end - start)
    return sorted(found, key=lambda period: period.start)


def month_days(year: int, month: int) -> tuple[date, date]:
    """The first and the last day of a month; one beyond 1 to 12 counts on into other years."""
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _meant(question: str, as_of: date) -> list[Period]:
    """The closed periods that a question asks about."""
    found: list[Period] = []
    for period in find_periods(question, as_of):
        if _is_meant(question, period) or (found and _is_next_year(question, found[-1], period)):
            found.append(period)
    dated = [p for p in found if not _is_yearless(question, p)]
    for period in reversed([p for p in found if p not in dated]):
        following = next((p for p in dated if p.start >= period.end), None)
        if following is None or not _JOIN.fullmatch(question[period.end : following.start]):
            continue
        moved = _moved(question, period, following.first.year) if following.first else None
        if moved is not None:
            dated.append(moved)
            dated.sort(key=lambda one: one.start)
    return dated


def _moved(question: str, period: Period, year: int) -> Period | None:
    """A day or month without its year, in that year."""
    match = next(m for form in _YEARLESS_OR_MONTH if (m := form.match(question, period.start)))
    days = _in_year(match, year)
    return replace(period, first=days[0], last=days[1]) if days else None


def _is_next_year(question: str, before: Period, period: Period) -> bool:
    """Whether a bare year goes on from one that is meant: "in 2016, 2017 and 2018"."""
    words = (question[one.start : one.end] for one in (before, period))
    in_row = _ROW.fullmatch(question[before.end : period.start])
    years = all(word.isdigit() and len(word) == 4 for word in words)
    return bool(years and in_row and _ROW_ENDS.match(question, period.end))


def _is_meant(question: str, period: Period) -> bool:
    word = question[period.start : period.end]
    if word.isdigit() and len(word) == 4:
        return _PREPOSITION.search(question[: period.start]) is not None
    return not re.match(
        r"(?i:next|today|tomorrow|on |(?:mon|tues|wednes|thurs|fri|satur|sun)day)", word
    )


def _is_yearless(question: str, period: Period) -> bool:
    word = question[period.start : period.end]
    return any(form.fullmatch(word) for form in _YEARLESS_OR_MONTH)


def _bounded(question: str, periods: list[Period]) -> Iterator[Period]:
    """Join "from A to B", and open what "since", "before" and the like open."""
    waiting = list(periods)
    while waiting:
        one = waiting.pop(0)
        opens = _RANGE_OPENS.search(question[: one.start])
        gap = question[one.end : waiting[0].start] if waiting else ""
        if waiting and (_TO.fullmatch(gap) or (opens and _BETWEEN.fullmatch(gap))):
            last = waiting.pop(0)
            first, end = _in_order(question, one, last)
            yield Period(first, end, opens.start() if opens else one.start, last.end)
        else:
            yield _opened(one, question[: one.start])


def _in_order(question: str, one: Period, other: Period) -> tuple[date | None, date | None]:
    """The ends of a range; "November to February 2022" begins in 2021."""
    if one.first and other.last and one.first > other.last and _is_yearless(question, one):
        one = _moved(question, one, one.first.year - 1) or one
    days = [day for day in (one.first, one.last, other.first, other.last) if day]
    return min(days), max(days)


def _opened(period: Period, before: str) -> Period:
    match = _OPENS.search(before)
    if match is None or period.first is None or period.last is None:
        return period
    opened = replace(period, start=match.start())
    day, part = timedelta(1), (match["part"] or "").lower()
    match re.sub(r"\s+", " ", match["word"].lower()):
        case "after" if part in ("", "end") and period.last < date.max:
            return replace(opened, first=period.last + day, last=None)
        case "since" | "from" | "after":
            return replace(opened, last=None)
        case "before" | "prior to" | "earlier than" if part != "end" and period.first > date.min:
            return replace(opened, first=None, last=period.first - day)
    return replace(opened, first=None)


def _day(match: re.Match[str], _as_of: date | None) -> Days:
    day = match_date(match)
    return (day, day) if day else None


def _day_range(match: re.Match[str], _as_of: date | None) -> Days:
    """As in "13-15 May 2022"; with "and" only after "between"."""
    said = match.group().lower()
    if " and " in said and not said.startswith("between"):
        return None
    of = month_days(int(match["year"]), month_number(match["month"]))[0]
    first, last = (of.replace(day=int(match[name])) for name in ("day", "to"))
    return (first, last) if first <= last else None


def _day_in_row(match: re.Match[str], as_of: date | None) -> Days:
    """The 3 of "3 and 5 June 2022", not of "June 3 and 5 July 2022"."""
    return (
        None
        if _AFTER_MONTH.search(match.string[max(0, match.start() - 60) : match.start()])
        else _day(match, as_of)
    )


def _month(match: re.Match[str], _as_of: date | None) -> Days:
    return month_days(int(match["year"]), month_number(match["month"]))


def _quarter(match: re.Match[str], _as_of: date | None) -> Days:
    quarter = int(match["q"] or 1 + _QUARTERS.index(match["word"].lower()))
    year = int(match["year"])
    return month_days(year, 3 * quarter - 2)[0], month_days(year, 3 * quarter)[1]


def _years(match: re.Match[str], _as_of: date | None) -> Days:
    first = int(match["year"])
    last = int(f"{first // 100}{match['last'][-2:]}") if match["last"] else first
    return (date(first, 1, 1), date(last, 12, 31)) if first <= last else None


def _decade(match: re.Match[str], _as_of: date | None) -> Days:
    first = int(match["year"])
    return date(first, 1, 1), date(first + 9, 12, 31)


def _near(match: re.Match[str], as_of: date | None) -> Days:
    """A day or month without its year: the nearest to ``as_of``."""
    if as_of is None or not match["month"][0].isupper():
        return None
    near = (_in_year(match, as_of.year + step) for step in (-1, 0, 1))
    return min((days for days in near if days), key=lambda d: abs(d[0] - as_of), default=None)


def _in_year(match: re.Match[str], year: int) -> Days:
    with suppress(ValueError):
        month = month_number(match["month"])
        if "day" not in match.groupdict():
            return month_days(year, month)
        day = date(year, month, int(match["day"]))
        return day, day
    return None


def _weekday(match: re.Match[str], as_of: date | None) -> Days:
    """The last such day before ``as_of``, or that day itself."""
    if as_of is None:
        return None
    day = as_of - timedelta((as_of.weekday() - _WEEKDAYS.index(match["weekday"].lower())) % 7)
    return day, day


def _beside(match: re.Match[str], as_of: date | None) -> Days:
    step = {"yesterday": -1, "today": 0, "tomorrow": 1}[match.group().lower()]
    day = as_of and as_of + timedelta(step)
    return (day, day) if day else None


def _step(match: re.Match[str], as_of: date | None) -> Days:
    """The calendar's: "last year", "this month", "next week"."""
    if as_of is None:
        return None
    step, unit = _STEPS[match["step"].lower()], match["unit"].lower()
    if unit in _DAYS:
        monday = as_of - timedelta(as_of.weekday()) + timedelta(7 * step)
        return monday, monday + timedelta(6)
    size = _MONTHS[unit]
    months = ((12 * as_of.year + as_of.month - 1) // size + step) * size
    return month_days(0, months + 1)[0], month_days(0, months + size)[1]


def _past(match: re.Match[str], as_of: date | None) -> Days:
    """Up to ``as_of``: "the past three weeks"."""
    return (_before(as_of, match), as_of) if as_of else None


def _ago(match: re.Match[str], as_of: date | None) -> Days:
    """The day, week, month or year then: "two years ago"."""
    if as_of is None:
        return None
    day, unit = _before(as_of, match), match["unit"].lower()
    if unit in _DAYS:
        around = timedelta(_DAYS[unit] // 2)
        return day - around, day + around
    if unit == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    return month_days(day.year, day.month)


def _before(day: date, match: re.Match[str]) -> date:
    word, unit = (match["count"] or "1").lower(), match["unit"].lower()
    count = int(word) if word.isdigit() else _NUMBERS.index(word) + 1 if word in _NUMBERS else 1
    if unit in _DAYS:
        return day - timedelta(count * _DAYS[unit])
    last = month_days(day.year, day.month - count * _MONTHS[unit])[1]
    return last.replace(day=min(day.day, last.day))


_YEARLESS_OR_MONTH = tuple(
    re.compile(form) for form in (*_YEARLESS, rf"\b{MONTH}(?![\w.]*\s*\d)\b")
)
_FORMS = tuple(
    (form if isinstance(form, re.Pattern) else re.compile(form, re.IGNORECASE), resolve)
    for form, resolve in (
        *((form, _day_range) for form in _DAY_RANGE),
        (_DAY_IN_ROW, _day_in_row),
        (DAY_FIRST, _day),
        (MONTH_FIRST, _day),
        (ISO, _day),
        (
            rf"\b(?:(?P<word>{'|'.join(_QUARTERS)}) quarter(?: of)?|Q(?P<q>[1-4])),? {_YEAR}\b",
            _quarter,
        ),
        (rf"\b{MONTH},?(?:\s+of)?\s+{_YEAR}\b", _month),
        (rf"\b{_YEAR}[-–](?P<last>(?:20)?\d\d)\b(?!-)", _years),
        (r"\b(?:the )?(?P<year>(?:19|20)\d0)s\b", _decade),
        *((form, _near) for form in _YEARLESS),
        (rf"(?:(?<![\d$€£.,/§-])|(?<=\bmid-))\b{_YEAR}(?P<last>)\b{_ENDS}", _years),
        (r"\b(?:yesterday|today|tomorrow)\b", _beside),
        (
            rf"\b(?P<step>{'|'.join(_STEPS)}) (?P<unit>week|month|quarter|year|decade)\b(?!\s+of\b)",
            _step,
        ),
        (rf"\b(?:past|last) (?:{_COUNT} )?{_UNIT}\b(?!\s+of\b)", _past),
        (rf"\b{_COUNT} {_UNIT} ago\b", _ago),
        (rf"\b(?:on |last )?(?P<weekday>{'|'.join(_WEEKDAYS)})\b", _weekday),
        (rf"\b{MONTH}\b", _near),
    )
)
"""Wordings and how they are resolved, the more precise first."""
