"""The words of a sentence that answer a question by themselves: a date, a sum, a number, a name.

Of the facts of the kind that is asked for, the one nearest to the question's words, if that is clear.
``benchmarks/measure_direct.py`` measures how often it is right.
"""

import math
import re
from collections.abc import Callable, Sequence

from qa_service.facts import FACTS, asks_across, find_facts
from qa_service.readers.dates import MONTH
from qa_service.temporal import find_periods
from qa_service.types import Release

Span = tuple[int, int]
Stems = Callable[[str], Sequence[str]]

REACH = 6.0
"""Words away at which a word of the question speaks for a fact by 1/e of what it does beside it."""
CLEAR = 2.0
"""How many times nearer than the next a fact must be. On SQuAD 2.0 and XQuAD en 1.0, 1.5 and 2.0 are
right in 80 / 74, 85 / 79 and 87 / 81 % of the 161 / 291, 130 / 192 and 116 / 169 that are given.
"""

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_COUNT = re.compile(
    r"\b(?:how many|number of|count of)\s+(?:[\w'’-]+\s+){0,2}?(?P<noun>[\w'’-]+)", re.IGNORECASE
)
_ASKED = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("date", r"\bwhen\b|\b(?:what|which) (?:date|day|year|month)\b|\bdate of\b"),
        ("percent", r"\b(?:what|which) (?:share|percentage|proportion|fraction)\b|\bper ?cent"),
        (
            "duration",
            r"\bhow long\b|\bhow many (?:months|years|days|weeks|hours)\b"
            r"|\bwhat (?:prison |jail )?(?:sentence|punishment|term)s?\b"
            r"|\blength of (?:each|the) (?:term|sentence)\b"
            r"|\bhow many (?:more|fewer) (?:months|years|days)\b"
            r"|\bwho (?:got|was (?:given|sentenced|sent away|jailed))\b.*?\blong(?:er|est)\b",
        ),
        ("number", r"\bhow many\b|\b(?:number|count) of\b"),
        (
            "money",
            r"\bhow (?:much|large|big)\b|\bwhat (?:was |is |were )?(?:the )?(?:\w+ ){0,2}"
            r"(?:fine|penalty|amount|sum|price|cost|fee|salary|bribe|award|payment)\b",
        ),
        ("place", r"\bwhere\b|\b(?:what|which) (?:city|country|state|town|place)\b"),
        ("name", r"\bwho(?:m|se)?\b"),
    )
)
"""The kinds of fact that answer by themselves, and the wording that asks for each: the first counts."""
_RELATIVE = re.compile(r"today|yesterday|(?:mon|tues|wednes|thurs|fri|satur|sun)day", re.IGNORECASE)
_QUOTED = re.compile(
    r"\bwhat (?:did|does|do|has|have) .*\b(?:say|said|tell|announce)\b", re.IGNORECASE
)
_WITHIN = re.compile(r"\b(?:in|at|near) (?:the )?$", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_MONTH_DAY = re.compile(rf"\b{MONTH}\s+\d{{1,2}}\b")
_DAY_MONTH = re.compile(rf"\b\d{{1,2}}\s+{MONTH}\b")
_RUN_ON = re.compile(r"\.\s+(?=(?:His|Her|The|He|She|It|They|Mr|Ms|Mrs|H)\b)")
_FULL_STOP = re.compile(r"(?<!\b(?:Inc|Ltd))(?<!\bCorp)(?<=[a-z]{3})\.$")
_OWNER = re.compile(r"['’]s?\b|['’]$")


def find_direct(question: str, sentence: str, stems: Stems) -> Span | None:
    """The span in ``sentence`` of the fact asked for; ``None`` if none is asked, there, or clear."""
    kind = "" if asks_across(question) else kind_asked(question)
    fitting = facts_asked(kind, question, sentence) if kind else []
    asked = set(stems(question))
    words = [match.span() for match in _WORD.finditer(sentence)]
    shared = [span for span in words if asked.intersection(stems(sentence[slice(*span)]))]
    noun = _COUNT.search(question) if kind == "number" else None
    counted = set(stems(noun["noun"])) if noun else set()

    if counted:
        fitting = [fact for fact in fitting if counted & _following(sentence, fact, stems)]

    def nearness(fact: Span) -> float:
        return sum(math.exp(-_words_between(words, fact, span) / REACH) for span in shared)

    ranked = sorted((-nearness(fact), fact) for fact in fitting)
    if not ranked or (len(ranked) > 1 and ranked[0][0] > CLEAR * ranked[1][0]):
        return None
    return ranked[0][1]


def facts_asked(kind: str, question: str, sentence: str) -> list[Span]:
    """The spans in ``sentence`` that could be the fact asked for, of a ``kind`` by :func:`kind_asked`."""
    cut = (_trimmed(sentence, fact) for fact in find_facts(kind, sentence, question))
    return [fact for fact in cut if _fits(kind, sentence, fact)]


def kind_asked(question: str) -> str:
    """The kind of fact that would be a direct answer, or nothing."""
    if _QUOTED.search(question):
        return ""
    found = [
        (match.start(), kind) for kind, wording in _ASKED if (match := wording.search(question))
    ]
    return min(found, key=lambda one: one[0], default=(0, ""))[1]


def day_meant(words: str, release: Release, others: Sequence[Release] = ()) -> str:
    """The day that "yesterday" or "Friday" means; else nothing.

    Written as the release writes dates; if it has none, as the ``others`` do.
    """
    periods = find_periods(words, release.published) if _RELATIVE.fullmatch(words) else []
    days = {(period.first, period.last) for period in periods}
    if len(days) != 1:
        return ""
    [(day, last)] = days
    if day is None or day != last:
        return ""
    orders = (_order(one.text) for one in (release, *others))
    month_first = next(filter(None, orders), 0) > 0
    return f"{day:%B} {day.day}, {day.year}" if month_first else f"{day.day} {day:%B} {day.year}"


def _order(text: str) -> int:
    """Positive if dates mostly have the month first, negative if the day, 0 if there are none."""
    return len(_MONTH_DAY.findall(text)) - len(_DAY_MONTH.findall(text))


def _fits(kind: str, sentence: str, fact: Span) -> bool:
    """Whether it is of the kind for certain: no year for a number, no lone capital for a person."""
    text = sentence[slice(*fact)]
    match kind:
        case "number":
            return not _YEAR.fullmatch(text)
        case "name":
            owner = _OWNER.search(text + sentence[fact[1] : fact[1] + 2])
            return " " in text and not owner and not FACTS["date"].search(text)
        case "place":
            return _WITHIN.search(sentence[: fact[0]]) is not None
    return True


def _trimmed(sentence: str, fact: Span) -> Span:
    """Without a full stop, and what follows an abbreviation: "in Washington, D.C. His Excellency"."""
    match = _RUN_ON.search(sentence, *fact)
    start, end = (fact[0], match.start() + 1) if match else fact
    return start, end - bool(_FULL_STOP.search(sentence[start:end]))


def _following(sentence: str, fact: Span, stems: Stems) -> set[str]:
    """What is counted, in "20 new counts": the words right after a number."""
    return set(stems(" ".join(_WORD.findall(sentence[fact[1] :])[:3])))


def _words_between(words: Sequence[Span], fact: Span, other: Span) -> int:
    first, last = sorted((fact, other))
    return sum(first[1] <= start and end <= last[0] for start, end in words)
