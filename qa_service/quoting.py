"""What a language model says that a passage says, found again in the passage, as its whole sentences.

A fragment can say the opposite of its sentence ("fish would be taken off the menu", of a report that
was denied), so whatever is found is widened to the sentences that it stands in.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from qa_service.passages import split_sentences

Span = tuple[int, int]

SHARED = 0.5
"""A sentence of a passage is what a model's own words were made from if it has this share of their
telling words and every number. Of 212 sentences that people wrote as answers to CLAPNQ's questions, and
that are not verbatim, 93 % are found so, 98 % of these in a sentence that the set's authors marked as
evidence; in the passage of another question none is found (``benchmarks/measure_paraphrase.py``).
"""
LEAST = 3
"""Fewer telling words than this are too few to tell which sentence they were made from."""

_LOOKALIKES = {
    **dict.fromkeys("\"“”„‟«»″'‘’‚‛‹›′`´", "'"),
    **dict.fromkeys("-‐‑‒–—−", "-"),
}
_MARKS = re.compile(r"(?:[\[【]\s*\d{1,3}(?:\s*,\s*\d{1,3})*\s*[\]】]\s*)+")
_BULLET = re.compile(r"^(?:[-*•>#]+|\d{1,2}[.)])\s+|^(?=\*\*)")
_NAMED = re.compile(r"^(?:passage|source)\s*\[?(\d{1,3})\]?\s*[:.,-]\s*", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“«](.+?)[\"”»]")
_OUTERMOST = re.compile(r"[\"“«](.+)[\"”»]")
_EDGES = " \t.…,;:*-–—"
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)
_DECLINES = re.compile(
    r"\W*(?:NO[ _]ANSWER\b|(?i:no[ _]answer\W*$|(?:the|these|none of the)\s(?:\w+\s)?passages?\s"
    r"(?:do(?:es)? not|do(?:es)?n['’]t|answers?\b)))"
)


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a reply and the numbers of the passages given for it, of which it may have none."""

    numbers: tuple[int, ...]
    text: str

    @property
    def quoted(self) -> list[str]:
        """What stands in quotation marks."""
        return _QUOTED.findall(self.text)


def read_reply(reply: str) -> list[Said]:
    """The pieces of a reply of lines such as ``[2] "exact words"``; the number may come after, too."""
    return [said for line in lines_of(reply) for said in _pieces(line)]


def lines_of(reply: str) -> list[str]:
    """The lines that say something: without thoughts, fences, bullets and lines that announce others."""
    lines = (line.strip() for line in _THOUGHTS.sub("", reply).splitlines())
    bare = (_NAMED.sub(r"[\1] ", _BULLET.sub("", line).strip("*").strip()) for line in lines)
    return [line for line in bare if re.search(r"\w", line) and not line.startswith("```")]


def declines(line: str) -> bool:
    """Whether a line says that the passages do not answer."""
    return _DECLINES.match(line) is not None


def find_quote(quote: str, text: str) -> Span | None:
    """The sentences of ``text`` that ``quote`` stands in: exactly, or but for how it is typed.

    That is case, white space, and the forms of quotation marks and dashes. What stands in several
    sentences that differ tells nothing of which is meant, and is not found.
    """
    for wanted in dict.fromkeys((quote.strip(), quote.strip(_EDGES))):
        if not re.search(r"\w", wanted):
            continue
        found = list(_exact(wanted, text)) or list(_folded(wanted, text))
        spans = [_widened(span, text) for span in found]
        if len({text[start:end] for start, end in spans}) == 1:
            return spans[0]
    return None


def find_paraphrased(said: str, text: str, telling: Callable[[str], set[str]]) -> Span | None:
    """The sentence of ``text`` that the model's own words were made from; ``telling`` are its words."""
    wanted, numbers = telling(said), set(re.findall(r"\d+", said))
    if len(wanted) < LEAST:
        return None
    sentences = list(split_sentences(text))
    shares = [len(wanted & telling(text[a:b])) / len(wanted) for a, b in sentences]
    best = max(range(len(shares)), key=shares.__getitem__, default=None)
    if best is None or shares[best] < SHARED:
        return None
    start, end = sentences[best]
    return (start, end) if numbers <= set(re.findall(r"\d+", text[start:end])) else None


def find_said(
    said: Said, texts: Sequence[str], telling: Callable[[str], set[str]]
) -> list[tuple[int, Span] | None]:
    """Where each thing said stands: the place of its passage in ``texts`` and the span, or ``None``."""
    cited = [number - 1 for number in said.numbers if 0 < number <= len(texts)]
    whole = _first(cited, texts, partial(find_quote, said.text))
    if whole:
        return [whole]
    if not said.quoted:
        return [_first(cited, texts, lambda text: find_paraphrased(said.text, text, telling))]
    outermost = _OUTERMOST.search(said.text)
    inner = outermost and _first(cited, texts, partial(find_quote, outermost[1]))
    if inner:
        return [inner]
    return [_first(cited, texts, partial(find_quote, quote)) for quote in said.quoted]


def _first(
    cited: Sequence[int], texts: Sequence[str], find: Callable[[str], Span | None]
) -> tuple[int, Span] | None:
    found = ((place, find(texts[place])) for place in cited)
    return next(((place, span) for place, span in found if span), None)


def _pieces(line: str) -> Iterator[Said]:
    """A line cut at its numbers. They come before what they belong to if the line begins with one."""
    marks = list(_MARKS.finditer(line))
    edges = [0, *(edge for mark in marks for edge in mark.span()), len(line)]
    texts = [line[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True)]
    numbers = [tuple(map(int, re.findall(r"\d+", mark[0]))) for mark in marks]
    leads = not re.search(r"\w", texts[0])
    owners = [(), *numbers] if leads else [*numbers, numbers[-1] if numbers else ()]
    for owner, text in zip(owners, texts, strict=True):
        if re.search(r"\w", text) and (owner or not text.endswith(":")):
            yield Said(owner, text.strip(": \t"))


def _exact(wanted: str, text: str) -> Iterator[Span]:
    start = text.find(wanted)
    while start >= 0:
        if _whole_words(text, start, start + len(wanted)):
            yield start, start + len(wanted)
        start = text.find(wanted, start + 1)


def _folded(wanted: str, text: str) -> Iterator[Span]:
    folded, origins = _fold(text)
    for start, end in _exact(_fold(wanted)[0].strip(), folded):
        yield origins[start], origins[end - 1] + 1


def _fold(text: str) -> tuple[str, list[int]]:
    """Without differences of typing, and where each character came from (``ß`` gives two)."""
    kept: list[str] = []
    origins: list[int] = []
    for at, character in enumerate(text):
        plain = " " if character.isspace() else _LOOKALIKES.get(character, character).casefold()
        if plain == " " and kept[-1:] == [" "]:
            continue
        kept += plain
        origins += [at] * len(plain)
    return "".join(kept), origins


def _whole_words(text: str, start: int, end: int) -> bool:
    """Whether no word is cut; letters of scripts without spaces are no words to be cut."""
    return not (_cuts(text, start) or _cuts(text, end))


def _cuts(text: str, at: int) -> bool:
    around = text[max(0, at - 1) : at + 1] if at else ""
    return len(around) == 2 and all(c.isalnum() and c < "\u0e00" for c in around)


def _widened(span: Span, text: str) -> Span:
    touched = [(a, b) for a, b in split_sentences(text) if a < span[1] and span[0] < b]
    return (touched[0][0], touched[-1][1]) if touched else span
