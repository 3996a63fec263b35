"""The seams: what an engine must do. An engine imports our types and errors and nothing else of ours.

Engines know a passage by its number, which it has in every generation. ``create`` starts an empty
index that belongs to ``folder``, ``save`` makes it durable there, ``open`` reads it back without writing.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Protocol, Self

from qa_service.types import Draft, Filters, Found, Numbers, Passage, Query, Scores, Vectors


@dataclass(frozen=True, slots=True)
class Allowed:
    """The passages a search may return, ascending, and the numbers of the releases they fill.

    A filter always keeps or drops whole releases, so both name the same set; an engine takes the
    one that is cheaper for it. ``filters``: what made the set, for an engine that has :class:`Facets`;
    ``None`` where it was made otherwise.
    """

    releases: Numbers
    passages: Numbers
    filters: Filters | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """What a passage's release can be filtered by; ``fields`` has pairs of a field and a value."""

    release: int = 0
    published: date | None = None
    issuer: str = ""
    language: str = ""
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a lexical index is given of a passage (or of a whole release, under its own number)."""

    number: int
    release: int
    text: str
    facets: Facets = Facets()


class Bar(Protocol):
    """Progress of one step."""

    def update(self, n: int) -> object:
        """``n`` more are done."""


Progress = Callable[[str, int | None], AbstractContextManager[Bar]]
"""Starts a bar: what is counted, and how many there will be (``None``: not known)."""


class _Silent:
    def update(self, n: int) -> object:
        return n


@contextlib.contextmanager
def silent(_name: str, _total: int | None) -> Iterator[Bar]:
    """No progress is shown."""
    yield _Silent()


class Embedder(Protocol):
    """Texts to unit vectors. Queries and passages apart: many models prefix them differently."""

    @property
    def fingerprint(self) -> str:
        """The identity of the vectors: model, weights, prefixes. Equal means comparable."""

    @property
    def dim(self) -> int:
        """The length of a vector."""

    def reads(self, text: str) -> bool:
        """Whether the model's vocabulary covers the script of ``text``; if not, vectors mean nothing."""

    def knows(self, word: str) -> bool:
        """Whether the model has ``word``, in lower case, as a whole: a common word of its language."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Shape ``(len(texts), dim)``, unit rows, in the order of ``texts``."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Shape ``(len(texts), dim)``, unit rows, in the order of ``texts``."""


class DenseIndex(Protocol):
    """Inner product on unit vectors."""

    @property
    def kind(self) -> str:
        """How vectors are found, for those who read the manifest: exact, or by what approximation."""

    @classmethod
    def create(cls, folder: Path, dim: int) -> Self:
        """Start an empty index."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a saved index for reading."""

    @classmethod
    def revise(cls, source: Path, folder: Path, progress: Progress = silent) -> Self:
        """Open what is saved in ``source``, to be changed and saved into ``folder``."""

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Remove what a saved index has elsewhere; the folder itself is removed by others."""

    @classmethod
    def publish(cls, folder: Path) -> None:
        """Tell elsewhere that this saved index is about to be the current one."""

    def check(self) -> None:
        """Raise if searches cannot be answered now, where that depends on another machine."""

    def add(self, numbers: Numbers, vectors: Vectors, facets: Sequence[Facets] = ()) -> None:
        """Add vectors under numbers that are not there yet, with what each can be filtered by."""

    def remove(self, numbers: Numbers) -> None:
        """Remove the vectors of these numbers; unknown ones are ignored."""

    def save(self, progress: Progress = silent) -> None:
        """Write the index into its folder."""

    def search(self, vector: Vectors, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` best for one vector of shape ``(dim,)``; best first, ties by number."""

    def score(self, vector: Vectors, numbers: Numbers) -> Scores:
        """The scores of these numbers, all of which are there, for one vector."""


class Entries(Protocol):
    """The texts of a lexical index by number."""

    def between(self, first: int, end: int) -> Iterable[Entry]:
        """All with numbers from ``first``, below ``end``, ascending."""

    def of(self, numbers: Numbers) -> Iterable[Entry]:
        """All with one of these numbers, which ascend."""


class LexicalIndex(Protocol):
    """BM25 over texts."""

    writes_all: ClassVar[bool]
    """Whether :meth:`write` takes over nothing of the last index."""

    @classmethod
    def write(
        cls,
        folder: Path,
        size: int,
        entries: Entries,
        source: Path | None,
        changed: tuple[Numbers, Numbers],
        progress: Progress = silent,
    ) -> None:
        """Write a whole index of as much text as ``size`` passages have into ``folder``.

        What is saved in ``source`` differs from it only under the numbers ``changed``, those added and
        those removed, each ascending; one with another text is in both.
        """

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Start an empty index."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a saved index for reading."""

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Remove what a saved index has elsewhere; the folder itself is removed by others."""

    @classmethod
    def publish(cls, folder: Path) -> None:
        """Tell elsewhere that this saved index is about to be the current one."""

    def check(self) -> None:
        """Raise if searches cannot be answered now, where that depends on another machine."""

    def add(self, entries: Iterable[Entry]) -> None:
        """Add passages under numbers that are not there yet."""

    def remove(self, numbers: Numbers) -> None:
        """Remove the passages of these numbers; unknown ones are ignored."""

    def save(self) -> None:
        """Write the index into its folder."""

    def search(self, text: str, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` best for a text; best first, ties by number. No shared term, no hit."""

    def having(self, stems: Sequence[str], allowed: Allowed | None) -> Numbers:
        """All passages that have every one of the words, ascending."""

    def stems(self, text: str) -> list[str]:
        """The words of a text as the index has them, in order."""

    def rarity(self, stem: str) -> float:
        """0 for a word in every passage, 1 for one in none: its BM25 weight over the greatest."""


class Reranker(Protocol):
    """Reads the question and a passage together; slower and closer than comparing vectors."""

    def rerank(self, question: str, texts: Sequence[str]) -> Scores:
        """Shape ``(len(texts),)``: how well each text answers the question."""


class Reader(Protocol):
    """Reads the question and a sentence together."""

    def read(self, question: str, sentences: Sequence[tuple[str, str]]) -> Scores:
        """Shape ``(len(sentences),)``: log odds that each, with its release's title, answers."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an answerer may use beside the passages: the words and vectors of the generation.

    ``sentence_vectors`` gives those of a passage, shape ``(sentences, dim)``, in the order of its text;
    ``query_vectors`` what the embedder's ``embed_queries`` would, but no wording is embedded twice.
    """

    lexical: LexicalIndex
    embedder: Embedder
    sentence_vectors: Callable[[Passage], Vectors]
    query_vectors: Callable[[Sequence[str]], Vectors]


class Answerer(Protocol):
    """Retrieved passages to a draft. What it says is checked by ``qa_service.answer``."""

    def warm_up(self) -> None:
        """Load what the first answer would wait for."""

    def answer(self, query: Query, found: Sequence[Found], tools: Tools) -> Draft:
        """Propose the quotes that answer ``query.text``, in the order in which they should be read."""
