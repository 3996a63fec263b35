"""BM25 on a Milvus server that has it (2.5 or newer): k1 = 1.2, b = 0.75, as the local engine.

Texts are sent as the words that the local engine makes of them, so that both find the same passages; how
rare a word is, which the server does not tell, stands in a small file beside the collection's name.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from qa_service.engines import Allowed, Entries, Entry, Progress, silent
from qa_service.engines.milvus.collection import AT_ONCE, MilvusCollection
from qa_service.engines.milvus.filters import add_fields, as_row, expressions
from qa_service.engines.milvus.naming import Pointer
from qa_service.engines.milvus.server import Server
from qa_service.errors import GenerationCorrupt
from qa_service.types import Numbers, Scores

HASHES = "words.npy"
COUNTS = "counts.npy"
BITS = 63
"""Numbers are below ``2 ** BITS``."""

LONGEST_BYTES = 65_535
"""What a text field of the server holds at most."""

SENT_BYTES = 8_000_000
"""Of texts, sent at once; the server takes 64 MB."""

K1, B = 1.2, 0.75
INVERTED = {
    "index_type": "SPARSE_INVERTED_INDEX",
    "metric_type": "BM25",
    "params": {"bm25_k1": K1, "bm25_b": B},
}
NO_BM25 = "Milvus {version} has no BM25 (2.5 has): the words are indexed here, by tantivy"


class MilvusLexical(MilvusCollection):
    """One collection: numbers, words, and what they can be filtered by."""

    vector_field = "sparse"
    writes_all: ClassVar[bool] = True

    def __init__(self, folder: Path, pointer: Pointer, built: bool) -> None:
        super().__init__(folder, pointer, built)
        self._waiting: list[dict[str, Any]] = []
        self._waiting_bytes = 0
        self._counted: Counter[int] = Counter()
        self._texts = 0
        self._hashes: Numbers = np.empty(0, np.int64)
        self._counts: Numbers = np.empty(0, np.int64)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Start an empty collection, or take up that of a build of the same that was killed."""
        return cls._begin(folder, 0, _schema)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Connect to the collection that is named in ``folder``.

        Raises:
            GenerationCorrupt: none is named, the server does not have it, or a file beside it is damaged.
        """
        opened = super().open(folder)
        try:
            opened._hashes = np.load(folder / HASHES, mmap_mode="r")
            opened._counts = np.load(folder / COUNTS, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise GenerationCorrupt(f"{folder}: {error}; rebuild with `qa build`") from error
        return opened

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
        """Send everything: no weight counts a word that is gone. What a killed build sent stays."""
        del source, changed
        made = cls.create(folder)
        parts = max(1, size // AT_ONCE)
        ends = [(at << BITS) // parts for at in range(parts + 1)]
        for first, end in itertools.pairwise(ends):
            made.add(entries.between(first, end))
        made.save(progress)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add texts; they are found after :meth:`save`."""
        for entry in entries:
            words = self.stems(entry.text)
            self._counted.update({_hashed(word) for word in words})
            self._texts += 1
            self._waiting.append(
                as_row(entry.number, entry.facets)
                | {"release": entry.release, "text": _fitting(list(map(_sent, words)))}
            )
            self._waiting_bytes += len(self._waiting[-1]["text"])
            if len(self._waiting) >= AT_ONCE or self._waiting_bytes >= SENT_BYTES:
                self._send_waiting()

    def remove(self, numbers: Numbers) -> None:
        """Remove texts; the weights of words go on counting them, until the server compacts."""
        self._send_waiting()
        self._delete(numbers)

    def save(self, progress: Progress = silent) -> None:
        """Make it durable on the server, and write how many texts have each word."""
        self._send_waiting()
        self._ready = False
        self._finish(lambda _rows: INVERTED, progress)
        self._hashes = np.array(sorted(self._counted), np.int64)
        self._counts = np.array([self._texts, *(self._counted[h] for h in self._hashes.tolist())])
        np.save(self._folder / HASHES, self._hashes)
        np.save(self._folder / COUNTS, self._counts)

    def search(self, text: str, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` texts with the highest BM25 for the words of ``text``."""
        sent = " ".join(map(_sent, dict.fromkeys(self.stems(text))))
        asked = {"data": [sent], "search_params": {"metric_type": "BM25", "params": {}}}
        return self._best(k if sent else 0, expressions(allowed), lambda _wanted, _filtered: asked)

    def having(self, stems: Sequence[str], allowed: Allowed | None) -> Numbers:
        """All texts that have every one of the words, ascending."""
        every = " and ".join(f"text_match(text, '{_sent(stem)}')" for stem in stems)
        found = [np.empty(0, np.int64)]
        for filtered in expressions(allowed) if every else ():
            both = f"{every} and ({filtered})" if filtered else every
            found += [
                np.array([row["number"] for row in rows], np.int64)
                for rows in self._pages(both, [])
            ]
        return np.sort(np.concatenate(found))

    def stems(self, text: str) -> list[str]:
        """The words of ``text``, folded and stemmed."""
        return type(self).words(text)

    def rarity(self, stem: str) -> float:
        """The weight that BM25 gives the word, over that of a word in no text."""
        hashed = _hashed(stem)
        at = int(np.searchsorted(self._hashes, hashed))
        known = at < len(self._hashes) and self._hashes[at] == hashed
        texts = int(self._counts[0]) if len(self._counts) else 0
        with_it = int(self._counts[at + 1]) if known else 0
        weight = math.log1p((texts - with_it + 0.5) / (with_it + 0.5))
        return weight / math.log1p((texts + 0.5) / 0.5)

    def _send_waiting(self) -> None:
        if self._expected is not None:
            self._expected += len(self._waiting)
        numbers = np.array([row["number"] for row in self._waiting], np.int64)
        self._send([self._waiting[at] for at in self._missing(numbers).tolist()])
        self._waiting, self._waiting_bytes = [], 0

    def _as_scores(self, distances: Scores) -> Scores:
        return np.abs(distances)  # milvus-lite gives BM25 with the other sign

    def _provisional_index(self) -> dict[str, Any]:
        return INVERTED


def why_not(server: Server) -> str:
    """Why words cannot be indexed on this server; empty if they can.

    Raises:
        EngineError: it cannot be reached.
    """
    return "" if server.has_bm25 else NO_BM25.format(version=server.version)


def _schema() -> Any:
    from pymilvus import DataType, Function, FunctionType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False)
    add_fields(schema)
    schema.add_field(
        "text",
        DataType.VARCHAR,
        max_length=LONGEST_BYTES,
        enable_analyzer=True,
        enable_match=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    weighing = Function(
        name="bm25",
        function_type=FunctionType.BM25,
        input_field_names=["text"],
        output_field_names=["sparse"],
    )
    schema.add_function(weighing)
    return schema


def _hashed(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big") >> 1


def _sent(word: str) -> str:
    """A word as the server's tokenizer keeps it whole: ASCII letters and digits."""
    return word if word.isascii() and word.isalnum() else f"x{_hashed(word):016x}"


def _fitting(words: Sequence[str]) -> str:
    """The words in as many bytes as the server takes: of a longer text each is there more seldom.

    BM25 weighs how often a word is there beside how long the text is, so the weights stay about the same.
    """
    text = " ".join(words)
    if len(text) <= LONGEST_BYTES:
        return text
    counts = Counter(words)
    share = LONGEST_BYTES / len(text)
    while len(text) > LONGEST_BYTES and share > 1 / len(words):
        text = " ".join(word for word, n in counts.items() for _ in range(max(1, int(n * share))))
        share *= 0.8
    return text if len(text) <= LONGEST_BYTES else text[:LONGEST_BYTES].rpartition(" ")[0]
