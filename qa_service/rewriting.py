"""A follow-up in words of its own: "And Myanmar?" after "What did Blinken say about Cambodia?".

By rules, in English; a turn that no rule fits is left as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa_service.facts import names_in
from qa_service.referents import is_person

PickLike = Callable[[str, Sequence[str]], str]
"""Of several names, the one most like the first argument."""
_OWNER = "’s"
LONGEST = 6
"""Words of what "what about …" may name, and of a subject that a pronoun may stand for."""

_INSTEAD = re.compile(
    r"\W*(?:(?:and|but|no|sorry|oh|ok)\b\W*)*(?:(?:what|how) about|i meant?|and|no|not \w+ but)\b[,\s]*"
    r"(?P<how>(?:in|for|with|about|by|from|to|of|on|at)\s+)?(?P<what>[^?.!,]+?)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\babout\s+[^?.!,]+?(?=\s*(?:[?.!,]|$)|\s+(?:in|on|during|since|before|after|at)\b)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_MONTH = re.compile(rf"\b(?:{_MONTHS})\b")
_NEAR_YEAR = re.compile(
    r"(?:the )?(?:(?P<before>year before(?: that)?|previous year|prior year|preceding year)"
    r"|(?P<after>year after(?: that)?|next year|following year))$",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:tell me (?:more |something )?about|describe|explain|what happened (?:to|in|at|with)|what causes?"
    r"|(?:what|who|how) (?:is|are|was|were)|what(?:'|’)s|what do you know about)\s+"
    r"(?:(?:an?|the (?:history|role|purpose|definition|meaning|aims?|origins?|main \w+) of)\s+)?"
    r"(?P<subject>.+?)"
    r"(?=\s*(?:[?.!,;]|$)|\s(?:and|that|which|who|accused|charged|said|doing|known|called|started|about"
    r"|in \d{4}|during|for)\b)",
    re.IGNORECASE,
)
_TELL = re.compile(
    r"(?:tell me (?:more )?about|(?:and )?(?:what|how) about|describe) "
    r"(?P<subject>(?:the (?=[A-Z]))?(?!the |its? |th|h(?:e|is|er|im)\b)[\w’-]+(?: [\w’-]+){,3}?)"
    r"(?: and .*)?[ ?.]*$"
)  # what a turn turns to, though it may lean on the turns before
_ASKS_A_NAME = re.compile(
    r"\W*(?:who|which|what \w+)\b(?! (?:is|was|are|were) [A-Z])", re.IGNORECASE
)
_HE = re.compile(r"\b(?:he|she|him)\b", re.IGNORECASE)
_HIS = re.compile(r"\b(?:his|her(?=\s+[a-z]\w+))\b", re.IGNORECASE)
_HER = re.compile(r"\bher\b", re.IGNORECASE)
_IT = re.compile(r"\bit\b(?!\s+(?:true|possible|clear|said|about time)\b)(?!['’])", re.IGNORECASE)
_ITS = re.compile(r"\bits\b", re.IGNORECASE)
_THEY = re.compile(r"\b(?:they|them)\b(?!['’])", re.IGNORECASE)
_THEIR = re.compile(r"\btheir\b", re.IGNORECASE)
_MANY = re.compile(r".*(?:\band\b.*|[^s]s)$")
_IS_DATE = re.compile(rf"(?:(?:{_MONTHS}) )?(?:\d+,? ?)*$")
_ANOTHER_CLAUSE = re.compile(
    r"[,.;:?!]\s|\b(?:and|but|if|that|because|when|while|than|who|which)\b", re.IGNORECASE
)
"""Before a pronoun: what it stands for may be in the same question."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom and what a pronoun would stand for; empty where that is not plain."""

    person: str = ""
    thing: str = ""


def first_like(_: str, names: Sequence[str]) -> str:
    """The last name: what a question is about mostly stands at its end."""
    return names[-1]


def meant_by(question: str, reply: str, before: Meant, *, new: bool) -> Meant:
    """What "he" and "it" mean after a question and its reply; ``new``: the question set its topic."""
    named = [*names_in(question), *names_in(reply)]
    asked = names_in(reply) if _ASKS_A_NAME.match(question) else []
    people = [name for name in (*asked, *named) if is_person(name)]
    people = people or [name for name in named if name.isalpha()]
    person = people[0] if people and (new or not before.person) else before.person
    if not new:
        told = _TELL.match(question.strip())
        return Meant(person, told["subject"] if told else before.thing)
    subject = _SUBJECT.match(question.strip())
    things = [] if question[:3].lower() == "who" else asked[:1]
    if subject and len(subject["subject"].split()) <= LONGEST and subject["subject"] not in people:
        return Meant(person, subject["subject"])
    plain = [name for name in things if not is_person(name) and not _IS_DATE.match(name)]
    return Meant(person, plain[0] if plain else "")


def rewritten(question: str, base: str, meant: Meant, pick: PickLike) -> str:
    """The follow-up with what it leaves out, after the question ``base``."""
    question = " ".join(question.split())
    return _with_instead(question, base, pick) or _with_names(question, meant)


def _with_instead(question: str, base: str, pick: PickLike) -> str:
    """The question before with something else in its place: "And Myanmar?"."""
    found = _INSTEAD.match(question)
    if not found or not base:
        return ""
    what = found["what"].strip()
    near, years = _NEAR_YEAR.match(what), _YEAR.findall(base)
    if near:
        if not years:
            return ""
        what = str(int(years[-1]) + (1 if near["after"] else -1))
    for kind in (_YEAR, _MONTH):
        if kind.fullmatch(what):
            return _replaced(kind, base, what)
    if (found["how"] or "").strip().lower() == "about" and _ABOUT.search(base):
        return _ABOUT.sub(lambda _: f"about {what}", base, count=1)
    names = [name for name in names_in(base) if name.lower() not in what.lower()]
    if not names or len(what.split()) > LONGEST or names_in(f"x {what}") != [what]:
        return ""
    return base.replace(pick(what, names), what)


def _replaced(kind: re.Pattern[str], base: str, what: str) -> str:
    """The last of its kind replaced, or, where there is none, "in" it added."""
    found = list(kind.finditer(base))
    if found:
        return base[: found[-1].start()] + what + base[found[-1].end() :]
    words = base.rstrip(" ?.!")
    return f"{words} in {what}{base[len(words) :].strip()}"


def _with_names(question: str, meant: Meant) -> str:
    """The first pronoun of each kind replaced by whom or what it stands for."""
    one = "" if _HE.search(question) or _HIS.search(question) else meant.thing
    many = meant.thing if _MANY.match(meant.thing) else ""
    for pattern, name, owns in (
        (_HIS, meant.person, True),
        (_HE, meant.person, False),
        (_HER, meant.person, False),
        (_ITS, one, True),
        (_IT, one, False),
        (_THEIR, many, True),
        (_THEY, many, False),
    ):
        found = pattern.search(question)
        if not found or not name or name.lower() in question.lower():
            continue
        before = question[: found.start()]
        if not _ANOTHER_CLAUSE.search(before[2:]):
            question = f"{before}{name}{_OWNER if owns else ''}{question[found.end() :]}"
    return question
