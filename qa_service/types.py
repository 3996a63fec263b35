"""The values that flow from the corpus to an answer. Frozen, without behaviour, without I/O.

Offsets are counted in Unicode code points of ``Release.text``, from 0, end exclusive: what
``text[start:end]`` means in Python.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape ``(n, dim)``, rows of unit length."""

Numbers = NDArray[np.int64]
"""Shape ``(n,)``: passages by number. A number is made from the id and the same in every generation."""

Scores = NDArray[np.float32]
"""Shape ``(n,)``: higher is better, always."""

Status = Literal["answered", "no_evidence", "clarify", "contradicted"]


@dataclass(frozen=True, slots=True)
class Release:
    """One press release as it was read. ``text`` is never altered after reading.

    ``body_start`` and ``body_end`` bound the text without letterhead and closing dateline;
    ``dateline_start`` and ``dateline_end`` bound the place and date of issue (equal when the
    text has none). An empty string or ``None`` means unknown: nothing is invented.
    ``pages`` has the offset at which each page begins, and is empty for what has no pages.
    ``boilerplate`` has spans, in order, that are shown but not answered from ("About us", contacts).
    ``superseded_by`` is the id of the version that corrects this one, or empty.
    """

    release_id: str
    title: str
    text: str
    published: date | None = None
    issuer: str = ""
    url: str = ""
    language: str = ""
    place: str = ""
    source: str = ""
    body_start: int = 0
    body_end: int = 0
    dateline_start: int = 0
    dateline_end: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pages: tuple[int, ...] = ()
    boilerplate: tuple[tuple[int, int], ...] = ()
    superseded_by: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A release beside where each of its facts was read, by field, and what is doubtful about them."""

    release: Release
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A release that is in the corpus but not to be shown or answered from, and why."""

    release_id: str
    title: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of a release: ``release.text[start:end] == text``."""

    passage_id: str
    release_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a line of one, that is not in the corpus, and why. An outcome, not an error.

    ``copy_of``: the file that is taken instead, because it says the same; then nothing is lost.
    """

    source: str
    reason: str
    copy_of: str = ""


Order = Literal["newest", "oldest", ""]


@dataclass(frozen=True, slots=True)
class Period:
    """Days ``first`` to ``last``, both included, ``None`` for an open end; named by ``text[start:end]``."""

    first: date | None
    last: date | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Event:
    """What a question tells time by ("the summit"), and the release whose date was taken for it."""

    words: str
    release_id: str
    title: str
    published: date


@dataclass(frozen=True, slots=True)
class When:
    """What a question says of time: alternative periods, and whether the newest or oldest is wanted.

    Relative dates were counted from ``as_of``; ``words`` are those of the question that said so.
    ``event`` is there where a release gave the day that a period opens or closes with.
    """

    as_of: date
    periods: tuple[Period, ...]
    order: Order
    words: tuple[str, ...]
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A word of the question that no release has, and what was searched for in its place."""

    written: str
    searched: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which releases may be searched. Empty means all; several values of one kind mean any of them.

    ``date_from`` and ``date_to`` bound the date of issue. Of ``periods`` a release must be issued in
    one, or mention a day or period within it. ``metadata`` has pairs of a field and a value; all
    fields must agree. Explicit bounds leave out undated releases, periods do not.
    """

    date_from: date | None = None
    date_to: date | None = None
    issuers: tuple[str, ...] = ()
    release_ids: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    periods: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What is sent to the indexes. ``text`` is not blank; ``context`` is what was said before it.

    ``when`` and ``corrections`` say how ``text`` and ``filters`` came from what was asked; ``facet`` is
    the one of several names or days that this part of a question is about.
    """

    text: str
    filters: Filters = Filters()
    context: str = ""
    when: When | None = None
    corrections: tuple[Correction, ...] = ()
    facet: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. Higher scores are better; ties are broken by ``passage_id``."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hits in descending order of score; the rank of ``hits[i]`` is ``i + 1``."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was retrieved, beside its release and what each stage thought of it.

    ``twins`` are the passages that say the same in near-duplicate releases, with those.
    """

    passage: Passage
    release: Release
    rank: int
    score: float
    lexical: float = 0.0
    dense: float = 0.0
    twins: tuple[tuple[Passage, Release], ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What an answerer wants to quote: characters ``start`` to ``end`` of the release of ``passage_id``.

    ``quote`` is what the answerer believes stands there; it is checked, not trusted.
    """

    passage_id: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An answerer's proposal. ``confidence``: 0 to 1, that the releases answer the question.

    ``dropped``: what the answerer itself found to be wrong; ``notes``: what a reader should know of it.
    """

    claims: tuple[Claim, ...]
    confidence: float
    dropped: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that can be checked: ``release.text[start:end] == quote``.

    ``person``: whom a quote that begins with "He" means, by the sentence before it; else empty.
    """

    n: int
    release_id: str
    passage_id: str
    start: int
    end: int
    quote: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Direct:
    """What answers by itself, inside the quote of citation ``n``: ``release.text[start:end] == text``.

    ``means``: the day that "yesterday" was, counted from the date of the release; else empty.
    """

    n: int
    start: int
    end: int
    text: str
    means: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """A release that mentions what was asked for: the sentence ``text[start:end]`` does so first.

    ``titled``: only the title does, and the sentence is the first of the release.
    """

    release: Release
    passage: Passage
    start: int
    end: int
    titled: bool = False


@dataclass(frozen=True, slots=True)
class Mentions:
    """All releases that mention ``phrase``, the newest first; ``which`` of them were asked for.

    ``said``: ``phrase`` is a person, and each sentence that quotes them is listed.
    """

    phrase: str
    which: Literal["all", "oldest", "newest"]
    releases: tuple[Mention, ...]
    said: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """``answered`` and ``contradicted`` have at least one citation, ``no_evidence`` and ``clarify`` none.

    ``choices``: the releases that could be meant, if it is to be clarified. ``direct``: the date, sum,
    number or name that was asked for, where that is clear. ``dropped`` counts the claims that did not
    quote their release exactly. ``notes``: what a reader should know of how the answer came about.
    """

    status: Status
    text: str
    citations: tuple[Citation, ...]
    confidence: float
    generation_id: str
    dropped: int = 0
    direct: Direct | None = None
    mentions: Mentions | None = None
    choices: tuple[Release, ...] = ()
    notes: tuple[str, ...] = ()
