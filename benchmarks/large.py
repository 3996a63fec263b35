"""A generation of any size, in minutes: invented releases, written by the project's own writers.

The texts are sentences of real ones (or of the releases of the tests) put together anew, three a passage,
with a name of its own in every release, so that words are as common and as rare as they are in texts; the
vectors are those of ``clustered.py``. What a build does beside, reading files and embedding, is left out:
it is in proportion to the corpus, and measured elsewhere.
"""

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from clustered import DIM, passages, unit

from qa_service import __version__
from qa_service.corpus import ReadingOptions
from qa_service.engines import Entry
from qa_service.index import EmbedderSpec, Manifest
from qa_service.index.columns import write_columns
from qa_service.index.generation import DENSE, LEXICAL, RELEASES, SENTENCES
from qa_service.index.keys import SHARED, passage_number, release_number
from qa_service.index.manifest import NAME, Digests, Recipe, seal
from qa_service.index.plan import Clock
from qa_service.index.releases_table import FILE, INDEXES, SCHEMA, row_of
from qa_service.index.sentence_vectors import WholeWriter
from qa_service.spelling import folded
from qa_service.types import Numbers, Release, Vectors
from qa_service.wiring import DENSE as DENSE_KINDS
from qa_service.wiring import LEXICAL as LEXICAL_KINDS

PASSAGES = 10
"""Passages of a release."""
SENTENCES_EACH = 3
SYLLABLES = (
    "ba cor del fen gar hol jan kel lum mor nev ost pra quil ros sten tor ulm vik wen".split()
)


class Invented:
    """Releases by place, each made when it is asked for, always the same."""

    def __init__(self, size: int, sentences: list[str]) -> None:
        """``size``: passages; ``sentences``: what the texts are put together from."""
        self._sentences = sentences
        self.count = -(-size // PASSAGES)
        ids = [f"release-{at:07}" for at in range(self.count)]
        keyed = sorted((release_number(one), one) for one in ids)
        self.ids = [one for _, one in keyed]
        self.numbers: Numbers = np.array([number for number, _ in keyed], np.int64)

    def texts(self, at: int) -> list[str]:
        """The passages of the release at a place in the order of numbers."""
        draw = random.Random(self.ids[at])
        name = self.name(at)
        said = [draw.choices(self._sentences, k=SENTENCES_EACH) for _ in range(PASSAGES)]
        said[0][0] = f"{name} reported on Monday that {said[0][0]}"
        return [" ".join(own) for own in said]

    def name(self, at: int) -> str:
        """A word that this release has, and hardly another."""
        draw = random.Random(f"name of {self.ids[at]}")
        return "".join(draw.choices(SYLLABLES, k=4)).capitalize()

    def release(self, at: int) -> Release:
        """The release at a place."""
        texts = self.texts(at)
        text = "\n\n".join(texts)
        return Release(
            self.ids[at], f"{self.name(at)}: {texts[1][:60]}", text,
            published=date(2000, 1, 1) + timedelta(days=at % 9000),
            issuer=f"Ministry {at % 40}", source=f"{self.ids[at]}.txt", body_end=len(text),
        )  # fmt: skip

    def spans(self, at: int) -> list[tuple[int, int, int]]:
        """Number, start and end of each passage of the release at a place."""
        start, found = 0, []
        for text in self.texts(at):
            end = start + len(text)
            own = f"{self.ids[at]}:{start}-{end}"
            found.append((passage_number(self.ids[at], own), start, end))
            start = end + 2
        return found


class PassageEntries:
    """The passages as an index of words is given them."""

    def __init__(self, invented: Invented) -> None:
        self._invented = invented

    def between(self, first: int, end: int) -> Iterator[Entry]:
        """All with numbers from ``first``, below ``end``, ascending."""
        invented = self._invented
        prefixes = invented.numbers >> SHARED
        for at in range(*np.searchsorted(prefixes, [first >> SHARED, -(-end >> SHARED)]).tolist()):
            number = int(invented.numbers[at])
            for (own, _, _), text in sorted(
                zip(invented.spans(at), invented.texts(at), strict=True)
            ):
                yield Entry(own, number, text)

    def of(self, numbers: Numbers) -> Iterator[Entry]:
        """Nothing is ever added."""
        raise NotImplementedError


class ReleaseEntries(PassageEntries):
    """The whole releases."""

    def between(self, first: int, end: int) -> Iterator[Entry]:
        """All with numbers from ``first``, below ``end``, ascending."""
        invented = self._invented
        for at in range(*np.searchsorted(invented.numbers, [first, end - 1]).tolist()):
            number = int(invented.numbers[at])
            yield Entry(number, number, "\n".join(invented.texts(at)))


def sentences_of(path: Path | None) -> list[str]:
    """The sentences of a JSON lines file, or of the releases of the tests."""
    tests = Path(__file__).parent.parent / "tests/data/corpus"
    lines = [line for p in [path] if p for line in p.open()] or [
        line for p in sorted(tests.glob("*.jsonl")) for line in p.open()
    ]
    texts = [json.loads(line)["text"] for line in lines if line.strip()]
    found = [one for text in texts for one in text.replace("\n", " ").split(". ")]
    return [f"{one.strip('. ')}." for one in found if 30 < len(one) < 400]


def write_generation(
    index: Path, size: int, sentences: list[str], dense: str, clock: Clock
) -> tuple[Invented, Vectors]:
    """Write one of ``size`` passages into ``index`` and publish it; its passages' vectors, by number."""
    folder = index / f"g{size}"
    folder.mkdir(parents=True)
    invented = Invented(size, sentences)
    with clock("catalogue"):
        counts = write_catalogue(folder, invented)
        write_columns(folder, None, (set(), set()), (set(), set()))
    numbers = np.load(folder / "columns" / "numbers.npy")
    vectors = np.concatenate(list(passages(len(numbers))))
    with clock("dense"):
        made = DENSE_KINDS[dense].create(folder / DENSE, DIM)
        made.add(numbers, vectors)
        made.save()
    with clock("sentences"):
        write_sentences(folder / SENTENCES, vectors)
    for part, entries in ((LEXICAL, PassageEntries), (RELEASES, ReleaseEntries)):
        with clock(part):
            none = np.empty(0, np.int64)
            LEXICAL_KINDS["tantivy"].write(
                folder / part, len(numbers), entries(invented), None, (none, none)
            )
    with clock("digests"):
        manifest = Manifest(
            generation_id=folder.name, built_at=datetime.now(UTC), recipe=recipe(dense),
            embedder=EmbedderSpec(
                name="none", fingerprint="none@1", dim=DIM, query_prefix=None, passage_prefix=None
            ),
            releases=counts[0], passages=counts[1], dense=made.kind, left_out=(),
            files=seal(folder, Digests()),
        )  # fmt: skip
    (folder / NAME).write_text(manifest.model_dump_json())
    (index / "CURRENT").write_text(folder.name)
    return invented, vectors


def recipe(dense: str) -> Recipe:
    """What a manifest has to say."""
    return Recipe(
        program=__version__, corpus_digest="", fingerprint="none@1", dense=dense, lexical="tantivy",
        passage_max_chars=1200, passage_min_chars=200, reading=ReadingOptions(), index_titles=False,
    )  # fmt: skip


def write_catalogue(folder: Path, invented: Invented) -> tuple[int, int]:
    """The tables that searches read; gives how many releases and passages there are."""
    database = sqlite3.connect(folder / FILE)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(SCHEMA)
    marks = ", ".join("?" * 20)
    words: set[str] = set()
    for at in range(invented.count):
        release, number = invented.release(at), int(invented.numbers[at])
        row = (number, *row_of(release), release.source, b"")
        database.execute(f"INSERT INTO releases VALUES ({marks})", row)
        database.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)",
            ((own, number, a, b, SENTENCES_EACH, a == 0) for own, a, b in invented.spans(at)),
        )
        words.update(release.text.split() if at < 2000 else [invented.name(at)])
    usual = {folded(word.strip('.,"()')): word for word in words}
    rows = ((word, written, len(word)) for word, written in sorted(usual.items()) if word)
    database.executemany("INSERT INTO words VALUES (?, ?, ?)", rows)
    for statement in INDEXES.split(";"):
        database.execute(statement)
    database.commit()
    count = database.execute("SELECT count(*) FROM passages").fetchone()[0]
    database.close()
    return invented.count, count


def write_sentences(folder: Path, vectors: Vectors) -> None:
    """Three sentences near each passage."""
    noise = np.random.default_rng(5).standard_normal((50_000, DIM), np.float32) / np.sqrt(DIM)
    counts = np.full(len(vectors), SENTENCES_EACH, np.int32)
    with WholeWriter(folder, DIM, counts) as writer:
        for start in range(0, len(vectors), len(noise)):
            own = vectors[start : start + len(noise)]
            near = np.stack(
                [unit(own + 0.7 * np.roll(noise, turn, 0)[: len(own)]) for turn in (1, 2, 3)], 1
            )
            places = np.arange(start, start + len(own), dtype=np.int64)
            writer.put(places, near.reshape(-1, DIM))


def remove(index: Path) -> None:
    """All of it."""
    shutil.rmtree(index, ignore_errors=True)
