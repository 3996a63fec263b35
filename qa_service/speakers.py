"""Who says what a sentence says, and whose words a question asks for.

"…," said Minister Mira Okonkwo of the Ministry of Ports.  Okonkwo added that …  English, by the verbs of
speech; a sentence that names nobody beside such a verb has no speaker.
"""

import difflib
import re

from qa_service.facts import names_in
from qa_service.passages import split_sentences

_SAYS = (
    r"(?:said|says|say|stated|states|added|adds|noted|notes|announced|declared|reiterated|stressed|emphasi[sz]ed"
    r"|underlined|underscored|explained|remarked|commented|continued|concluded|told|wrote|warned|argued|affirmed"
    r"|reaffirmed|expressed|thanked|urged|called|welcomed|praised|condemned|acknowledged|pledged|confirmed|insisted"
    r"|recalled|highlighted|hailed|requested|appealed|hoped|asked)"
)
_INVERTED = (
    r"(?:said|says|stated|added|noted|explained|remarked|commented|continued|concluded|wrote|declared|warned"
    r"|stressed|emphasi[sz]ed|argued|recalled)"
)
"""Verbs after which the speaker may stand: "…, said Okonkwo"; "thanked Okonkwo" is another matter."""
_PART = r"(?:(?:[A-Z]\.)+|(?:Jr|Sr|Dr|Mr|Mrs|Ms|St|Lt|Col|Gen)\.|[A-Z][\w&'’-]*(?:\.[\w&'’-]+)*)"
_LINK = r"(?:of|for|and|the|de|van|al|bin)"
_NAME = rf"{_PART}(?: (?:{_LINK} )*{_PART})*"
_TITLED = rf"(?:(?:the|then|former|acting)[ -])*(?:{_LINK} )*{_NAME}"
_AFTER = re.compile(rf"\b{_INVERTED}(?: by)? (?P<who>{_TITLED})")
_BEFORE = re.compile(
    rf"(?P<who>{_NAME})"
    rf"(?:, [^,.;“”\"]{{2,90}},)? (?:(?:also|further|then|has|had|have) )*{_SAYS}\b"
)
_ACCORDING = re.compile(rf"\b[Aa]ccording to (?P<who>{_TITLED})")

_NAMED = r"(?P<who>(?:(?:the|[Tt]hen|[Ff]ormer|[Aa]cting) )*[A-Z](?:(?! to ).)*?)"
_ASKED = tuple(
    re.compile(form)
    for form in (
        rf"\b(?:did|does|do|has|have|had|would) {_NAMED},? (?:also |ever |exactly |actually )?"
        r"(?:say|said|tell|told|call|called|describe|characteri[sz]e|put|sum|state|announce|argue|claim"
        r"|comment|remark|think|thank|ask|urge|stress|play|compare|respond|react|add|note|declare|express|write|make)\b",
        rf"\b(?:was|were|is|are) {_NAMED}(?:'s|’s|s['’]) (?:exact )?(?:words?|comments?|remarks?"
        r"|statements?|views?|reactions?|response|position|opinion)\b",
        rf"\b(?:words?|comments?|remarks?|statements?|quotes?) (?:by|of|from) {_NAMED}(?=[?.,!]|$| (?:about"
        r"|on|regarding|concerning|in|after|when|to)\b)",
        rf"\b[Aa]ccording to {_NAMED}(?=[?.,!]|$)",
    )
)
_OFFICE = re.compile(r"\b(?:of|for|in|at)\b")
IN_ONE_BREATH = 3
_MINOR = frozenset("the then former acting jr sr ii iii h e mr mrs ms dr".split())


def speakers_in(sentence: str) -> list[str]:
    """Whom the sentence says to speak, with titles, in the order of appearance."""
    found = [
        (match.start(), match["who"])
        for pattern in (_BEFORE, _AFTER, _ACCORDING)
        for match in pattern.finditer(sentence)
    ]
    return [who.rstrip(" .,") for _, who in sorted(found)]


def speaker_asked(question: str) -> str:
    """The person or body whose words are asked for, or nothing."""
    match = next((found for form in _ASKED if (found := form.search(question))), None)
    if match is None:
        return ""
    who = match["who"].strip()
    return who if names_in(f"x {who}") else ""


def is_speaker(asked: str, who: str, alike: float = 1.0) -> bool:
    """Whether ``who``, as a release names a speaker, is the one asked for: by the surname, or the office.

    "Jeff Sessions" is "Attorney General Sessions", and "the Attorney General" is too. ``alike``: how much
    of a surname must agree; a release may misprint it.
    """
    wanted, named = (_words(_OFFICE.split(one)[0]) for one in (asked, who))
    if asked[:4].lower() == "the " and set(wanted) <= set(named):
        return bool(wanted)
    if not wanted or not named:
        return False
    return difflib.SequenceMatcher(None, wanted[-1], named[-1]).ratio() >= alike


def whole_speech(text: str, start: int, end: int) -> tuple[int, int]:
    """What is said in one breath: "…," said Okonkwo. "…"; or just the sentence ``start`` to ``end``.

    From the sentence that names the speaker to the end of the paragraph, at most :data:`IN_ONE_BREATH`
    sentences.
    """
    spans = split_sentences(text)
    at = first = spans.index((start, end))
    while (
        first and not _AFTER.search(text[slice(*spans[first])]) and at - first < IN_ONE_BREATH - 1
    ):
        if "\n" in text[spans[first - 1][0] : spans[first][0]]:
            break
        first -= 1
    if not _AFTER.search(text[slice(*spans[first])]):
        return start, end
    last = first
    while last + 1 < len(spans) and last + 1 - first < IN_ONE_BREATH:
        following = text[slice(*spans[last + 1])]
        if "\n" in text[spans[last][1] : spans[last + 1][0]] or speakers_in(following):
            break
        last += 1
    return (spans[first][0], spans[last][1]) if last >= at else (start, end)


def _words(name: str) -> list[str]:
    words = re.findall(r"\w+", re.sub(r"['’]s\b", "", name).lower())
    return [word for word in words if word not in _MINOR and len(word) > 1]
