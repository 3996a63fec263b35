"""Text as it is searched: what typesetting did to it undone, with the way back to the text itself.

A quote is never altered. Only what is embedded, indexed and looked through for facts is: words that a
line break cut are whole, ligatures are letters, no-break spaces are spaces, quotation marks straight.
"""

import bisect
import re
from dataclasses import dataclass

Span = tuple[int, int]

_SPACES = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_CHANGES = re.compile(
    rf"(?P<broken>(?<=[^\W\d_])[-\u2010]\n(?=[^\W\d_A-Z]))|(?P<unseen>[\u00ad\u2060\ufeff])"
    rf"|(?P<space>[{_SPACES}])|(?P<letters>[\ufb00-\ufb06])|(?P<mark>[“”„‟«»‘’‚‛‹›\u2010\u2011])"
)
_LETTERS = dict(
    zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", "ff fi fl ffi ffl st st".split(), strict=True)
)
_MARKS = {
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("‘’‚‛‹›", "'"),
    **dict.fromkeys("‐‑", "-"),
}


@dataclass(frozen=True, slots=True)
class Searchable:
    """``text``; for each change its span there and in the original, in order."""

    text: str
    changes: tuple[tuple[Span, Span], ...] = ()

    def span(self, start: int, end: int) -> Span:
        """The span of the original that ``text[start:end]`` was made of.

        A word that begins or ends inside a ligature takes all of it.
        """
        return self._start(start), self._end(end)

    def _start(self, offset: int) -> int:
        at = bisect.bisect_right(self.changes, offset, key=lambda change: change[0][0])
        if at and offset < self.changes[at - 1][0][1]:
            return self.changes[at - 1][1][0]
        return self._beyond(at, offset)

    def _end(self, offset: int) -> int:
        at = bisect.bisect_left(self.changes, offset, key=lambda change: change[0][0])
        if at and offset <= self.changes[at - 1][0][1]:
            return self.changes[at - 1][1][1]
        return self._beyond(at, offset)

    def _beyond(self, at: int, offset: int) -> int:
        """The place of an offset behind the first ``at`` changes."""
        (_, here), (_, there) = self.changes[at - 1] if at else ((0, 0), (0, 0))
        return there + offset - here


def searchable(text: str) -> Searchable:
    """The text as it is searched."""
    parts: list[str] = []
    changes: list[tuple[Span, Span]] = []
    done = length = 0
    for match in _CHANGES.finditer(text):
        between, made = text[done : match.start()], _made(match)
        parts += [between, made]
        start = length + len(between)
        length, done = start + len(made), match.end()
        changes.append(((start, length), match.span()))
    return Searchable("".join([*parts, text[done:]]), tuple(changes))


def plain(text: str) -> str:
    """The text as it is searched, without the way back."""
    if (
        text.isascii() and "-\n" not in text
    ):  # nothing to change, and known at a hundredth of the cost
        return text
    return _CHANGES.sub(_made, text)


def _made(match: re.Match[str]) -> str:
    if match["broken"] or match["unseen"]:
        return ""
    if match["space"]:
        return " "
    return _LETTERS.get(match.group()) or _MARKS[match.group()]
