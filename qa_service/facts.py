"""What kind of fact a question asks for, and where facts of a kind stand in a text."""

import re
from typing import Literal

from qa_service.types import Query

_MONTH = (
    r"(?:Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_COUNT = (
    r"(?:\d[\d,.]*\d|\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?)"
)
_SCALE = r"(?: ?(?:thousand|million|billion|trillion))?"

FACTS: dict[str, re.Pattern[str]] = {
    "date": re.compile(
        rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)? )?{_MONTH}(?![a-z])"
        r"(?: \d{1,2}(?:st|nd|rd|th)?\b)?(?:,? \d{4}\b)?"
        r"|\b(?:19|20)\d\d\b|\b(?:yesterday|today|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
    ),
    "money": re.compile(
        rf"(?:US|U\.S\.)?[$€£¥] ?\d(?:[\d,.]*\d)?{_SCALE}"
        rf"|\b{_COUNT}{_SCALE} (?:dollars?|euros?|pounds?|riels?|cents?)\b",
        re.IGNORECASE,
    ),
    "percent": re.compile(rf"\b{_COUNT} ?(?:%|percent|per cent)", re.IGNORECASE),
    "duration": re.compile(
        rf"\b{_COUNT}(?:[- ]and[- ]a[- ]half)?[- ](?:years?|months?|weeks?|days?|hours?|minutes?"
        r"|decades?)\b|\blife (?:in prison|sentence|imprisonment)\b|\bdecades?\b",
        re.IGNORECASE,
    ),
    "number": re.compile(rf"\b{_COUNT}\b", re.IGNORECASE),
    "name": re.compile(
        r"\b[A-Z][\w.&'’-]*(?: (?:(?:of|the|and|for|de|van) )?[A-Z][\w.&'’-]*)+"
        r"|(?<=[a-z,;:] )[A-Z][\w&'’-]+"
    ),
    "place": re.compile(
        r"(?:(?<=\b[Ii]n )|(?<=\bat )|(?<=\bnear )|(?<=\bfrom )|(?<=\bof ))(?:the )?"
        rf"(?!{_MONTH}(?![a-z]))"
        r"[A-Z][\w.'’-]+(?:,? [A-Z][\w.'’-]+)*"
    ),
    "speech": re.compile(
        r"[“”\"]|\b(?:said|says|stated|added|noted|declared|reiterated|told|according to)\b"
    ),
    "law": re.compile(
        r"\bAct\b|\bU\.?S\.?C\b|\b[Ss]ection \d|\bTitle [IVX\d]+|\b(?:statute|treaty|code|law)\b"
    ),
    "reason": re.compile(
        r"\b(?:because|due to|in order to|so that|as a result|since|therefore|led to"
        r"|for (?:his|her|their|its|\w+ing)|stem(?:s|med|ming) from|on (?:the )?grounds|aimed at|aims? to"
        r"|(?:designed|intended) to|to (?:ensure|support|protect|help|prevent|avoid|promote|improve"
        r"|increase|reduce|enable|allow|provide|make|gain|obtain|conceal|hide|evade|influence|resolve|settle|address"
        r"|meet|strengthen|expand|secure))\b",
        re.IGNORECASE,
    ),
}
"""Kind of fact → where such facts stand. English; another language finds numbers and money only."""

_ASKED: tuple[tuple[str, str], ...] = (
    ("money", r"how much\b|how (?:large|big) (?:was|were|is) the (?:fine|bribe|loss|penalty|payment|award)"
     r"|\b(?:amount|sum|price|fine|penalty|cost|forfeit|pa(?:y|yed|id)|cash|money|worth|salary|fee)\b"),
    ("number", r"\bhow (?:many|often)\b|\b(?:number|count) of\b"),
    ("percent", r"\b(?:percent|percentage|per cent|share|proportion|rate)\b"),
    ("duration", r"\bhow long\b|\bhow (?:many|much) (?:months|years|days|weeks|hours|time)\b"
     r"|\bwhat (?:sentence|period|punishment|term)\b|\bsentenced? (?:to|did)\b|\bbehind bars\b"),
    ("date", r"\bwhen\b|\b(?:what|which) (?:date|day|year|month|time)\b|\bdate of\b|\bon what\b"),
    ("name", r"\bwho(?:m|se)?\b|\bwhich (?!date|day|year|month)\w+|\bnames?d?\b|\bcalled\b"
     r"|\bwhat (?:company|firm|bank|agency|office|court|city|country|state|university|school|judge"
     r"|group|organi[sz]ation|model|book|brand)\b"),
    ("place", r"\bwhere\b|\b(?:what|which) (?:city|country|state|county|town|place|venue|district)\b"),
    ("reason", r"\bwhy\b|\bwhat (?:reason|caused|led)\b|\bhow come\b|\bwhat for\b"),
    ("speech", r"\bwhat (?:did|does|do|has|have) .*\b(?:say|said|tell|call|state|announce|argue|claim)\b"
     r"|\bhow did .* (?:describe|put|characteri[sz]e|sum|react|respond)\b|\b(?:words?|quote|comment)\b"),
    ("law", r"\b(?:law|act|statute|provision|treaty|convention)s?\b"),
)  # fmt: skip
_ASKED_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKED)
_ISSUE = re.compile(
    r"\b(?P<asked>when|where|who|which|what)\b.*\b(?:release|statement|communiqu[eé])\b"
    r".*\b(?:issued|published|released|dated|put out|come out|came out)\b"
    r"|\b(?P<issuer>who|which|what)\b.*\b(?:issued|published|released|put out)\b"
    r".*\b(?:release|statement|communiqu[eé])\b",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"\b(?:list|name) (?:all|the|two|three|four|some)\b|\b(?:which|what) (?:two|three|four|five"
    r"|(?!(?:was|is|has|does|this)\b)\w*[^\Ws]s)\b"
    r"(?! did| was| is| has| does)|\bwhat (?:are|were) the\b(?!.*\bwords\b)|\bwho (?:are|were) the\b"
    r"|\ball (?:the|of)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\?|\b(?:who|whom|whose|what|when|where|why|how|which)\b"
    r"|^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|list|name|give|tell"
    r"|compare|explain|describe|show|find|summari[sz]e)\b",
    re.IGNORECASE,
)
_ACROSS = re.compile(
    r"\bcompar\w+|\badd(?:ing|ed)? .*\bup\b|\badding up\b|\bin order\b|\bso far\b|\beach\b|\bboth\b"
    r"|\brespectively\b|\ball (?:the|of|those|two|three|four|five|six|seven|eight|nine|ten)\b"
    r"|\bhow (?:many|much) (?:more|fewer|less)\b|\bby how (?:much|many)\b|\bhow many times\b"
    r"|\bhow (?:did|has|have|do|does|were|was) .*\b(?:chang|evolv|develop|differ|shift|grow|dealt)\w*"
    r"|\b(?:larg|small|long|short|high|low|bigg|few|new|earli|lat)est\b|\bmost (?:recent|often)\b"
    r"|\b(?:longer|shorter|larger|smaller|higher|lower|more|fewer|earlier|later) than\b|\bwho got \w+er\b"
    r"|\bcame first\b|\b(?:first|last) (?:one|thing|time|statement|release|announc|mention|report)\w*"
    r"|\btally\b|\bover the (?:course|years)\b|\bwith which\b|\bin which\b|\bby the end of\b|\bbetween\b",
    re.IGNORECASE,
)


_NAME = re.compile(r"[A-Z][\w&'’-]*(?:\.(?=\w)[\w.]+|\.(?= [A-Z]\w+))?"
                   r"(?: (?:(?:of|the|and|v\.|for|de|van) )?"
                   r"(?:[A-Z]\.(?= [A-Z])|[A-Z0-9][\w&'’-]*))*")  # fmt: skip
_BEFORE_A_WORD = " \n“\"‘'(["
_OPENERS = frozenset(
    "a an and any anyone anything are at but by can could did do does for from had has have he her "
    "his how i if in is it its may no not of on or our she should so that the their there these "
    "they this those three to two was we were what when where which who whom whose why will with "
    "would yes you".split()
)


def kinds_asked(question: str) -> frozenset[str]:
    """The kinds of fact, keys of :data:`FACTS`, of which one would answer the question."""
    return frozenset(kind for kind, pattern in _ASKED_PATTERNS if pattern.search(question))


def asks_for_several(question: str) -> bool:
    """Whether the question asks for a list."""
    return bool(_LIST.search(question))


def is_question(text: str) -> bool:
    """Whether something is asked, rather than a subject named in a few words or a headline."""
    return _QUESTION.search(text) is not None


def asks_across(question: str) -> bool:
    """Whether the answer may have to be gathered: a list, a sum, a comparison, the latest of several."""
    return asks_for_several(question) or _ACROSS.search(question) is not None


def is_gathered(query: Query) -> bool:
    """Whether the answer may have to be gathered from several releases; a facet's is not."""
    return not query.facet and asks_across(query.text)


def without_names(question: str) -> str:
    """The question without the words after the first that begin with a capital."""
    first, *others = question.split() or [question]
    return " ".join([first, *(word for word in others if not re.match(r"[A-Z]", word))])


def issue_asked(question: str) -> Literal["dateline", "issuer", ""]:
    """Whether the question is about the release itself: when and where it was issued, or by whom."""
    match = _ISSUE.search(question)
    if match is None:
        return ""
    timed = {"date", "place"} & kinds_asked(question)
    return "dateline" if timed and not match["issuer"] else "issuer"


def find_facts(kind: str, text: str, known: str = "") -> list[tuple[int, int]]:
    """The spans of facts of a kind in ``text`` that do not stand in ``known`` (the question)."""
    found = ((match.start(), match.end()) for match in FACTS[kind].finditer(text))
    return [(start, end) for start, end in found if not _stands(text[start:end], known)]


def _stands(fact: str, known: str) -> bool:
    whole = rf"(?<!\w){re.escape(fact.strip(' .'))}(?!\w)"
    return re.search(whole, known, re.IGNORECASE) is not None


def names_in(text: str) -> list[str]:
    """Names by their capitals, in the order of appearance, without words that only open a sentence."""
    names = []
    for match in _NAME.finditer(text):
        words = match.group().split(" ")
        while words and words[0].lower() in _OPENERS:
            words = words[1:]
        before = text[: match.start()].rstrip(_BEFORE_A_WORD)
        opens = not before or before[-1] in ".?!"
        if words and not (opens and len(words) == 1 and len(match.group().split()) == 1):
            names.append(" ".join(words).rstrip("."))
    return list(dict.fromkeys(names))
