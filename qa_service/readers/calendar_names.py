"""Names of months and days, and the order of day and month, in the languages that CLDR knows (by Babel)."""

import contextlib
import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

_LINKED = re.compile(r"^(?:de |di |d')")
"""What CLDR puts before some names ("d'abril"); where it stands in a date, the date's form has it."""


def month_named(word: str, language: str = "") -> int:
    """1 to 12 for the name of a month, 0 for anything else.

    In ``language`` (ISO 639, may be empty) abbreviations count, too. In all others whole names do, unless
    they are different months in different languages, as "listopad" is.
    """
    name = _key(word)
    return _months_of(language).get(name, 0) or _months_of_all().get(name, 0)


def is_day_name(word: str, language: str) -> bool:
    """Whether a word is the name of a day of the week in ``language``."""
    return _key(word) in _days_of(language)


def day_first_in(locale: str) -> bool | None:
    """Whether a locale ("en-GB", "fr", "en_US") puts the day before the month; ``None``: unknown.

    Unknown is English of no country, and what begins with the year: 03/04/2022 is foreign there.
    """
    from babel import Locale, UnknownLocaleError

    parts = locale.strip().replace("_", "-").split("-")
    if parts[0].lower() == "en" and len(parts) == 1:
        return None
    for known in (parts, parts[:1]):
        with contextlib.suppress(ValueError, UnknownLocaleError):
            pattern = str(Locale.parse("-".join(known), sep="-").date_formats["short"].pattern)
            letters = re.sub(r"[^dMy]", "", pattern)
            return None if letters.startswith("y") else letters.startswith("d")
    return None


@functools.cache
def _months_of(language: str) -> Mapping[str, int]:
    return dict(_months(language, ("wide", "abbreviated")))


@functools.cache
def _months_of_all() -> Mapping[str, int]:
    """Half a second, once, for a process that meets a date in no language that it was told of."""
    from babel import localedata

    meant: dict[str, set[int]] = defaultdict(set)
    for name in localedata.locale_identifiers():
        if "_" not in name:
            for month, number in _months(name, ("wide",)):
                meant[month].add(number)
    return {month: min(numbers) for month, numbers in meant.items() if len(numbers) == 1}


@functools.cache
def _days_of(language: str) -> frozenset[str]:
    return frozenset(
        _key(name) for kind in ("wide", "abbreviated") for name in _names(language, "days", kind)
    )


def _months(language: str, kinds: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for kind in kinds:
        for name, number in _names(language, "months", kind).items():
            yield _key(name), int(number)


def _names(language: str, what: str, kind: str) -> dict[str, int]:
    """Names in dates and by themselves; references to other tables are passed over."""
    from babel import localedata

    if not re.fullmatch(r"[a-z]{2,3}", language) or not localedata.exists(language):
        return {}
    found: dict[str, int] = {}
    tables: Any = localedata.load(language)[what]
    for use in ("format", "stand-alone"):
        table = tables[use][kind]
        table = table[1] if isinstance(table, tuple) else table
        if isinstance(table, Mapping):
            found |= {str(name): number for number, name in table.items()}
    return found


def _key(name: str) -> str:
    return _LINKED.sub("", name.casefold().replace("’", "'").rstrip("."))
