"""BM25 with tantivy: k1 = 1.2, b = 0.75 (Robertson and Zaragoza 2009), fixed by the engine."""

import json
import math
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from qa_service.engines import Allowed, Entries, Entry, Progress, silent
from qa_service.errors import EngineError, GenerationCorrupt
from qa_service.searchable import plain
from qa_service.types import Numbers, Scores

if TYPE_CHECKING:
    import tantivy

ANALYZER = "words"
WORD = r"[\w--_]+"
"""Letters, digits and the marks above and below them, which Khmer and Thai words are full of."""
LOCK = ".tantivy-meta.lock"
META = "meta.json"
BUCKETS = "buckets.json"
BITS = 63
"""Numbers are below ``2 ** BITS``."""
SPARSE = 18.0
"""Buckets are the square root of the passages over this: 16 of 6,000 passages each, 32 of 30,000.

More buckets slow a search, fewer slow a change: over 100,000 passages a search takes 0.77 ms with 1
segment, 1.2 with 8, 1.3 with 16, 1.6 with 32, 3.2 with 64; writing 6,000 passages takes 0.5 s.
"""

WRITER_BYTES = 128_000_000

_HAN_AND_KANA = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_THAI_LAO_BURMESE_KHMER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_UNSPACED = {2: re.compile(f"[{_HAN_AND_KANA}]+"), 3: re.compile(f"[{_THAI_LAO_BURMESE_KHMER}]+")}
"""Scripts without spaces between words, by how many characters are taken for a word, overlapping.

Measured on XQuAD with one, two, three and four characters, nDCG@10: Chinese 95.0, 96.2, 87.2, 76.5;
Thai 31.2, 93.9, 96.8, 96.5.
"""
_INNER = re.compile(r"\.\w\.")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")


class TantivyLexical:
    """A BM25 index over one text field."""

    writes_all: ClassVar[bool] = False

    def __init__(self, index: "tantivy.Index", analyzer: "tantivy.TextAnalyzer") -> None:
        self._index = index
        self._analyzer = analyzer
        self._writer: tantivy.IndexWriter | None = None
        self._searcher = index.searcher()
        self._links: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Start an empty index in ``folder``."""
        import tantivy

        folder.mkdir(parents=True, exist_ok=True)
        return cls(*_with_analyzer(tantivy.Index(_schema(), path=str(folder))))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a saved index.

        Raises:
            GenerationCorrupt: the folder does not hold one.
        """
        import tantivy

        links = None if _can_lock(folder) else _links_to(folder)
        try:
            where = links.name if links else str(folder)
            opened = cls(*_with_analyzer(tantivy.Index.open(where)))
        except ValueError as error:
            raise GenerationCorrupt(f"{folder}: {error}; rebuild with `qa build`") from error
        opened._links = links
        return opened

    @classmethod
    def drop(cls, folder: Path) -> None:
        """Nothing is elsewhere."""

    @classmethod
    def publish(cls, folder: Path) -> None:
        """Nobody has to be told."""

    def check(self) -> None:
        """Nothing can be away."""

    @classmethod
    def write(
        cls,
        folder: Path,
        size: int,
        entries: Entries,
        source: Path | None,
        changed: Numbers,
        progress: Progress = silent,
    ) -> None:
        """Write an index in buckets of neighbouring numbers, and only those that changed anew.

        A bucket is a segment. None holds anything removed, so that all weights are those of an index
        that is written at once.
        """
        folder.mkdir(parents=True)
        old = _read_buckets(source) if source else None
        bits = min(16, int(math.log2(max(1.0, math.sqrt(size) / SPARSE))))
        if old and source and abs(old.bits - bits) <= 1:
            bits, stale = old.bits, set((changed >> (BITS - old.bits)).tolist())
            kept = {at: one for at, one in old.segments.items() if int(at) not in stale}
            _copy_segments(source, folder, kept.values())
        else:
            stale, kept = set(range(1 << bits)), {}
        for at in sorted(stale):
            first = at << (BITS - bits)
            segment = cls._write_segment(folder, entries(first, first + (1 << (BITS - bits))))
            if segment:
                kept[str(at)] = segment
        _write_buckets(folder, _Buckets(bits, dict(sorted(kept.items(), key=lambda i: int(i[0])))))

    @classmethod
    def _write_segment(cls, folder: Path, entries: Iterable[Entry]) -> dict[str, Any] | None:
        """Write one segment and move it into ``folder``; what it is called in the index's file."""
        scratch = folder / ".segment"
        try:
            made = cls.create(scratch)
            made.add(entries)
            made.save()
        except ValueError as error:
            raise EngineError(f"{folder} cannot be written: {error}") from error
        segments = json.loads((scratch / META).read_text())["segments"]
        if len(segments) > 1:
            raise EngineError(f"{folder}: tantivy made {len(segments)} segments of one")
        for segment in segments:
            for path in scratch.glob(f"{_stem(segment)}.*"):
                path.rename(folder / path.name)
        del made
        _remove(scratch)
        return segments[0] if segments else None

    def add(self, entries: Iterable[Entry]) -> None:
        """Add passages; they are found after :meth:`save`."""
        import tantivy

        writer = self._open_writer()
        for entry in entries:
            document = tantivy.Document()
            document.add_unsigned("number", entry.number)
            document.add_unsigned("release", entry.release)
            document.add_text("text", _spaced(entry.text))
            writer.add_document(document)

    def remove(self, numbers: Numbers) -> None:
        """Remove passages; they are gone after :meth:`save`."""
        import tantivy

        writer = self._open_writer()
        for number in numbers.tolist():
            wanted = tantivy.Query.term_query(self._index.schema, "number", number)
            writer.delete_documents_by_query(wanted)

    def save(self) -> None:
        """Commit what was added and removed, and wait for merges."""
        writer = self._open_writer()
        writer.commit()
        writer.wait_merging_threads()
        self._writer = None
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, text: str, k: int, allowed: Allowed | None) -> tuple[Numbers, Scores]:
        """The ``k`` passages with the highest BM25 for the terms of ``text``."""
        terms = list(dict.fromkeys(self.stems(text)))
        if k == 0 or not terms or (allowed is not None and len(allowed.releases) == 0):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        result = self._searcher.search(self._query(terms, allowed), k, count=False)
        addresses = [address for _, address in result.hits]
        numbers = np.array(self._searcher.fast_field_values("number", addresses), np.int64)
        scores = np.array([score for score, _ in result.hits], np.float32)
        order = np.lexsort((numbers, -scores))
        return numbers[order], scores[order]

    def having(self, stems: Sequence[str], allowed: Allowed | None) -> Numbers:
        """All passages that have every one of the words, ascending."""
        from tantivy import Occur, Query

        schema, most = self._index.schema, self._searcher.num_docs
        if not stems or most == 0 or (allowed is not None and len(allowed.releases) == 0):
            return np.empty(0, np.int64)
        parts = [Query.term_query(schema, "text", stem, "freq") for stem in stems]
        if allowed is not None:
            parts.append(Query.term_set_query(schema, "release", allowed.releases.tolist()))
        every = Query.boolean_query([(Occur.Must, part) for part in parts])
        result = self._searcher.search(every, most, count=False)
        addresses = [address for _, address in result.hits]
        numbers = self._searcher.fast_field_values("number", addresses)
        return np.sort(np.array(numbers, np.int64))

    def stems(self, text: str) -> list[str]:
        """The words of ``text``, folded and stemmed."""
        return self._analyzer.analyze(_spaced(text))

    def rarity(self, stem: str) -> float:
        """The weight that BM25 gives the word, over that of a word in no passage."""
        passages = self._searcher.num_docs
        with_it = self._searcher.doc_freq("text", stem)
        weight = math.log1p((passages - with_it + 0.5) / (with_it + 0.5))
        return weight / math.log1p((passages + 0.5) / 0.5)

    def _query(self, terms: list[str], allowed: Allowed | None) -> "tantivy.Query":
        from tantivy import Occur, Query

        schema = self._index.schema
        wanted = Query.boolean_query(
            [(Occur.Should, Query.term_query(schema, "text", term, "freq")) for term in terms]
        )
        if allowed is None:
            return wanted
        among = Query.term_set_query(schema, "release", allowed.releases.tolist())
        return Query.boolean_query(
            [(Occur.Must, wanted), (Occur.Must, Query.const_score_query(among, 0.0))]
        )

    def _open_writer(self) -> "tantivy.IndexWriter":
        if self._writer is None:
            self._writer = self._index.writer(WRITER_BYTES, num_threads=1)
        return self._writer


def _spaced(text: str) -> str:
    """As searched, compatible characters made one (Unicode form KC), "U.S." "US", unspaced scripts cut."""
    text = plain(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if _INNER.search(text):
        text = _INITIALS.sub(lambda match: match.group().replace(".", ""), text)
    if not text.isascii():
        for size, run in _UNSPACED.items():
            text = run.sub(partial(_grams, size), text)
    return text


def _grams(size: int, match: re.Match[str]) -> str:
    run = match.group()
    grams = (run[at : at + size] for at in range(max(1, len(run) - size + 1)))
    return f" {' '.join(grams)} "


@dataclass(frozen=True, slots=True)
class _Buckets:
    """How many of the highest bits of a number name its bucket, and the segment of each bucket."""

    bits: int
    segments: dict[str, dict[str, Any]]


def _read_buckets(folder: Path) -> _Buckets | None:
    try:
        return _Buckets(**json.loads((folder / BUCKETS).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write_buckets(folder: Path, buckets: _Buckets) -> None:
    """Write the file by which tantivy finds the segments, and ours."""
    import tantivy

    scratch = folder / ".empty"
    scratch.mkdir()
    tantivy.Index(_schema(), path=str(scratch))
    meta = json.loads((scratch / META).read_text())
    _remove(scratch)
    meta["segments"] = list(buckets.segments.values())
    (folder / META).write_text(json.dumps(meta))
    (folder / BUCKETS).write_text(json.dumps(asdict(buckets)))
    (folder / LOCK).touch()


def _remove(folder: Path) -> None:
    """Remove a folder in which tantivy's threads may still be ending, and writing."""
    for _ in range(200):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.01)
    raise EngineError(f"{folder} cannot be removed")


def _copy_segments(source: Path, folder: Path, segments: Iterable[dict[str, Any]]) -> None:
    for segment in segments:
        for path in source.glob(f"{_stem(segment)}.*"):
            shutil.copyfile(path, folder / path.name)


def _stem(segment: dict[str, Any]) -> str:
    return str(segment["segment_id"]).replace("-", "")


def _can_lock(folder: Path) -> bool:
    try:
        (folder / LOCK).open("r+b").close()
    except OSError:
        return False
    return True


def _links_to(folder: Path) -> "tempfile.TemporaryDirectory[str]":
    """Links to the files: tantivy locks a file beside them to open, and here none may be written."""
    links = tempfile.TemporaryDirectory(prefix="qa-lexical-")
    for path in folder.glob("*"):
        if path.suffix != ".lock":
            Path(links.name, path.name).symlink_to(path.absolute())
    return links


def _schema() -> "tantivy.Schema":
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("number", indexed=True, fast=True)
    builder.add_unsigned_field("release", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name=ANALYZER, index_option="freq")
    return builder.build()


def words_of(text: str) -> list[str]:
    """The words of ``text``, folded and stemmed, in order: what :meth:`TantivyLexical.stems` gives."""
    return _analyzer().analyze(_spaced(text))


def _with_analyzer(index: "tantivy.Index") -> tuple["tantivy.Index", "tantivy.TextAnalyzer"]:
    index.register_tokenizer(ANALYZER, _analyzer())
    return index, _analyzer()


@cache
def _analyzer() -> "tantivy.TextAnalyzer":
    """Words folded to ASCII, in lower case, without English endings (Porter 2)."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.regex(WORD)).filter(Filter.lowercase())
    return builder.filter(Filter.ascii_fold()).filter(Filter.stemmer("english")).build()
