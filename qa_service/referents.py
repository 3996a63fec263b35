"""Whom a quote means that begins with "He": the person of whom the sentence before it speaks.

The name stands in the release; it is shown beside the quote, which is never altered. Said only where the
sentence before begins with the name, or has one honorific and so one person; a wrong name would be worse
than none.
"""

import re

from qa_service.facts import FACTS
from qa_service.passages import split_sentences
from qa_service.types import Release

LOOK_BACK = 900
"""Characters before a quote in which the sentence before it is looked for."""

_HONORIFIC = (
    r"(?:(?:His|Her)\s+(?:Excellency|Majesty|Highness|Honou?r)|H\.\s?E\.|Mr\.?|Mrs\.?|Ms\.?|Dr\.?)"
)
_OFFICE = (
    r"(?:(?:Former|Acting|Deputy|Assistant|Associate|Principal|Vice|Prime|U\.S\.|Attorney|General|Minister|"
    r"Secretary|President|Ambassador|Judge|Senator|Representative|Director|Sheriff|Officer|Special|Agent)\s+)"
)
_PART = r"(?:[A-Z][a-z’'-]+[A-Z]?[\w’'-]*|[A-Z]\.)"
_NAME = (
    rf"(?P<name>{_PART}(?:\s+(?:(?:de|van|al|bin)\s+)?{_PART}){{0,3}}(?:\s+(?:Jr\.|Sr\.|II|III))?)"
)
_HE = re.compile(r"\W*(?P<word>He|She|His|Her)\b(?!\s+(?:Excellency|Majesty|Highness|Honou?r)\b)")
_SUBJECT = re.compile(rf"[“\"\s]*(?:{_HONORIFIC}\s+)?{_OFFICE}*{_NAME}(?=,\s|\s+[a-z])")
_HONOURED = re.compile(rf"{_HONORIFIC}\s+{_OFFICE}*{_NAME}(?=[,.]?\s|$)")
_NO_PERSON = re.compile(
    r"\b(?:The|This|That|These|Those|In|On|At|As|By|For|From|After|Before|During|When|While|Since|If|According|"
    r"Under|Following|Although|However|Also|And|But|Its?|They|We|You|There|Each|Both|All|Some|Many|No|One|Two|"
    r"Another|Today|Department|Division|Office|Court|Act|Bank|University|Service|Agency|Commission|Ministry|"
    r"Government|Committee|Congress|Union|Nations|States|Kingdom|County|City|District|Bureau|Police|Summit|Council|"
    r"Association|Fund|Inc|Corp|Company|International|Group|Junction|Justice|Defendants?|Victims?|Prosecutors|"
    r"Investigators|Evidence|Agents|Officials|Members|Companies|Federal|United|House|Island|Airport|"
    r"Energy|Holdings|Technologies|Systems|Solutions|Pharma\w*|Airlines|Motors|Foods|Capital|Partners|Industries|"
    r"Media|Networks?|Labs?|Software|Health|Therapeutics|Power|Oil|Gas|Mining|Ltd|LLC|PLC|GmbH|Authority|Museum)\b"
)


def person_meant(release: Release, start: int, end: int) -> str:
    """The name of the person that the quote's opening pronoun stands for; nothing if that is not plain."""
    opening = _HE.match(release.text[start:end])
    if not opening:
        return ""
    opens = max(release.body_start, start - LOOK_BACK)
    before = release.text[opens:start]
    for span in reversed(split_sentences(before)):
        sentence = before[slice(*span)]
        again = _HE.match(sentence)
        if again is None:
            return _spoken_of(sentence, release.text[: opens + span[0]])
        if again["word"][0] != opening["word"][0]:
            return ""
    return ""


def is_person(name: str) -> bool:
    """Whether a name has the shape of a person's in full, offices before it or not."""
    name = name.partition(" of ")[0]
    person = re.sub(rf"^(?:{_HONORIFIC}\s+|{_OFFICE})+", "", name)
    shape = re.fullmatch(_NAME, person) and (" " in person or person != name)
    return bool(shape) and not _NO_PERSON.search(person)


def _spoken_of(sentence: str, earlier: str) -> str:
    """The person that a sentence begins with, or the only one whom it gives an honorific."""
    subject = _SUBJECT.match(sentence)
    if subject and (name := _in_full(subject["name"], earlier)):
        return name
    honoured = {match["name"] for match in _HONOURED.finditer(sentence)}
    return _in_full(honoured.pop(), earlier) if len(honoured) == 1 else ""


def _in_full(name: str, earlier: str) -> str:
    """A person's name; a surname alone as the text has it in full before, if in one way only."""
    if _NO_PERSON.search(name) or FACTS["date"].search(name):
        return ""
    if " " in name:
        return name
    full = re.compile(rf"\b{_PART}(?:\s+{_PART}){{0,2}}\s+{re.escape(name)}\b")
    found = {re.sub(rf"^{_OFFICE}+", "", match) for match in full.findall(earlier)}
    whole = {one for one in found if " " in one and not _NO_PERSON.search(one)}
    return whole.pop() if len(whole) == 1 else ""
