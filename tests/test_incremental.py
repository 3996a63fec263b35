"""Whatever happened to a corpus, what a build makes of the last generation is what a full build makes."""

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import (
    HashEmbedder,
    add_release,
    flip_byte,
    hash_engines,
    quick_build,
    quick_plan,
    sharing,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import as_docx, as_pdf, invent

from qa_service.errors import GenerationCorrupt
from qa_service.index import (
    BuildPlan,
    BuildReport,
    Generation,
    current_id,
    manifest_of,
    open_current,
    verify,
)
from qa_service.index.embedding_cache import EmbeddingCache, trim_cache
from qa_service.index.sentence_vectors import SentenceVectors
from qa_service.index.sources import FILE, TICK_NS
from qa_service.search import search
from qa_service.types import Filters, Query, Ranking

TEXTS = [
    "The harbour of Lindholm was closed on 3 March 2024. The Port Authority (PA) gave no reason.",
    "The harbour of Lindholm was closed on 4 March 2024. The Port Authority (PA) gave no reason.",
    "FOR IMMEDIATE RELEASE\n\nNORWICK, 5 May 2023 – Mayor Anna Brand opened a bridge.\n\nIt cost $5 m.",
    "Night ferries are cancelled. He said so on Monday.\n\nHe will not say more, and nobody asked.",
    "A new quay was opened.",
    "",
]
LONG = " ".join(f"The crane number {n} was examined by its crew of {n + 3}." for n in range(40))
TEXTS += [LONG, LONG.replace("number 7 ", "number 70 "), f"{LONG}\n\nThe board thanks the crews."]
QUERIES = ["harbour of Lindholm", "who opened a bridge?", "crane crew", "ferries", "quay", "PA"]
NAMES = ["a.txt", "a.html", "b.md", "sub/c.txt", "sub/d.txt", "e.txt", "f.pdf"]
LINES = ["m.jsonl", "sub/n.jsonl"]
IDS = ["a", "x", "y", "sub/d"]

QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""A folder in memory, where nothing waits for a disk."""

SIDECARS = ['title = "Another title"', 'withdrawn = "It was wrong."', 'superseded_by = "b"', "!"]

text = st.sampled_from(TEXTS)
line = st.tuples(st.sampled_from(IDS), text, st.sampled_from(["2024-03-01", "2023-01-02"]))
change = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), text),
    st.tuples(st.just("lines"), st.sampled_from(LINES), st.lists(line, max_size=4)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(LINES), st.sampled_from(LINES)),
    st.tuples(
        st.just("write"), st.just("exclude.txt"), st.sampled_from(["a\n", "sub/* # why\n", ""])
    ),
    st.tuples(st.just("write"), st.just("a.txt.meta.toml"), st.sampled_from(SIDECARS)),
    st.tuples(st.just("delete"), st.sampled_from([*NAMES, *LINES]), st.none()),
)


def apply(corpus: Path, kind: str, name: str, value: Any) -> None:
    path = corpus / name
    path.parent.mkdir(exist_ok=True)
    if kind == "write":
        path.write_text(value)
    elif kind == "lines":
        rows = ({"_id": i, "text": t, "metadata": {"date": d, "tag": d}} for i, t, d in value)
        path.write_text("\n".join(map(json.dumps, rows)))
    elif kind == "rename" and path.exists():
        (corpus / value).parent.mkdir(exist_ok=True)
        path.rename(corpus / value)
    elif kind == "delete":
        path.unlink(missing_ok=True)


def tables(folder: Path) -> dict[str, list[Any]]:
    """Every row of a catalogue."""
    with contextlib.closing(sqlite3.connect(folder / "releases.sqlite")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {n: sorted(database.execute(f"SELECT * FROM {n}"), key=repr) for (n,) in names}


def assert_same(one: Path, other: Path) -> None:
    """Tables, columns and vectors are the same; so is what words and vectors find."""
    assert tables(one) == tables(other)
    for path in (one / "columns").iterdir():
        assert path.read_bytes() == (other / "columns" / path.name).read_bytes(), path.name
    numbers = np.load(one / "columns" / "numbers.npy")
    for ours, theirs in zip(*(vectors_of(folder, numbers) for folder in (one, other)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with (
        contextlib.closing(Generation(one, hash_engines())) as first,
        contextlib.closing(Generation(other, hash_engines())) as second,
    ):
        for words in QUERIES:
            for filters in (Filters(), Filters(release_ids=("a", "x", "sub/d"))):
                ours, theirs = (search(g, Query(words, filters), 50) for g in (first, second))
                for stage in ("lexical", "dense", "fused"):
                    assert_alike(getattr(ours, stage), getattr(theirs, stage))


def vectors_of(folder: Path, numbers: np.ndarray) -> list[np.ndarray]:
    """The score of every passage for some query, and the vectors of the sentences of each."""
    sentences = SentenceVectors(folder / "sentences")
    own = [sentences.of(place) for place in range(len(numbers))]
    [query] = HashEmbedder().embed_queries(["harbour"])
    found, scores = hash_engines().dense("faiss").open(folder / "dense").search(query, 10**6, None)
    return [found, scores, *own]


def assert_alike(one: Ranking, other: Ranking) -> None:
    """The same passages in the same order, with the same scores but for how they were added up."""
    assert [hit.passage_id for hit in one.hits] == [hit.passage_id for hit in other.hits]
    scores = [[hit.score for hit in ranking.hits] for ranking in (one, other)]
    np.testing.assert_allclose(*scores, rtol=1e-5)


def folder_of(plan: BuildPlan) -> Path:
    return plan.index / current_id(plan.index)


@settings(max_examples=25)
@given(st.lists(st.lists(change, min_size=1, max_size=3), min_size=2, max_size=5))
def test_any_sequence_of_changes_ends_in_what_a_full_build_makes(
    steps: list[list[tuple[str, str, Any]]],
) -> None:
    with tempfile.TemporaryDirectory(dir=QUICK) as name, sharing():
        folder = Path(name)
        plan = quick_plan(folder / "corpus", folder / "index")
        apply(plan.corpus.parent, "write", "corpus/z.txt", "The lighthouse is always there.")
        quick_build(plan)
        for step in steps:
            for one in step:
                apply(plan.corpus, *one)
            report = quick_build(plan)
            assert report.whole == ""
        fresh = quick_plan(plan.corpus, folder / "fresh")
        quick_build(fresh)
        verify(plan.index, current_id(plan.index))
        now, anew = (manifest_of(p.index, current_id(p.index)) for p in (plan, fresh))
        assert (now.recipe, now.left_out) == (anew.recipe, anew.left_out)
        assert (now.releases, now.passages) == (anew.releases, anew.passages)
        assert_same(folder_of(plan), folder_of(fresh))


def test_one_added_release_is_all_that_is_read_embedded_and_indexed(
    own: BuildPlan, index: Path
) -> None:
    add_release(own)
    embedder = HashEmbedder()
    report = quick_build(own, embedder)
    assert report.files.added == ("new-0.txt",)
    assert (report.releases.added, report.releases.removed) == (1, 0)
    assert (report.passages.added, report.passages.removed) == (1, 0)
    assert (embedder.embedded, report.embedded) == (["A new quay was opened."], 1)
    assert report.whole == ""
    assert report.took_s.keys() >= {"looking", "reading", "embedding", "indexing", "publishing"}


def test_a_renamed_file_is_said_to_be_renamed_and_not_embedded_again(
    own: BuildPlan, index: Path
) -> None:
    (own.corpus / "harbour" / "lights.md").rename(own.corpus / "lights.md")
    report = quick_build(own)
    assert report.files.renamed == (("harbour/lights.md", "lights.md"),)
    assert (report.files.added, report.files.removed, report.embedded) == ((), (), 0)


def test_an_edited_line_of_many_changes_its_release_alone(own: BuildPlan) -> None:
    def write(third: str) -> None:
        texts = [f"Release {n} is out." for n in range(50)]
        texts[3] = third
        rows = (json.dumps({"_id": f"r{n}", "text": one}) for n, one in enumerate(texts))
        (own.corpus / "wire.jsonl").write_text("\n".join(rows))

    write("The third is out.")
    quick_build(own)
    write("The third was withdrawn.")
    report = quick_build(own)
    assert report.files.changed == ("wire.jsonl",)
    assert (report.releases.added, report.releases.removed, report.embedded) == (1, 1, 1)


def test_a_line_that_moves_because_one_above_it_went_keeps_its_release(own: BuildPlan) -> None:
    def write(first: int) -> None:
        rows = (json.dumps({"_id": f"r{n}", "text": f"Quay {n} is open."}) for n in range(first, 9))
        (own.corpus / "wire.jsonl").write_text("\n".join(rows))

    write(0)
    quick_build(own)
    write(1)
    report = quick_build(own)
    assert (report.releases.added, report.releases.removed) == (0, 1)
    with contextlib.closing(open_current(own.index, hash_engines())) as generation:
        assert generation.release("r8").source == "wire.jsonl:8"


def test_unchanged_files_are_not_opened_again(
    own: BuildPlan, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time.sleep(TICK_NS / 1e9)
    quick_build(own)  # looks once more, now that the files are older than a tick
    add_release(own)
    opened: list[Path] = []
    real: Callable[..., Any] = Path.open

    def noted(path: Path, *args: Any, **named: Any) -> Any:
        if own.corpus in path.parents:
            opened.append(path)
        return real(path, *args, **named)

    monkeypatch.setattr(Path, "open", noted)
    quick_build(own)
    assert {path.name for path in opened} - {"exclude.txt"} == {"new-0.txt"}


def test_an_edit_that_keeps_size_and_time_is_noticed(own: BuildPlan, index: Path) -> None:
    add_release(own)
    quick_build(own)
    path = own.corpus / "new-0.txt"
    stat = path.stat()
    path.write_text("A new pier was opened.")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert quick_build(own).files.changed == ("new-0.txt",)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"a": 1}', b"\xff"])
def test_a_lost_note_of_the_files_costs_a_look_at_them_and_nothing_else(
    own: BuildPlan, index: Path, damage: bytes
) -> None:
    (index / ".cache" / FILE).write_bytes(damage)
    assert quick_build(own).unchanged


def test_of_two_files_with_one_id_the_first_counts_however_they_came(own: BuildPlan) -> None:
    def ids_of(name: str, *texts: str) -> None:
        rows = (json.dumps({"_id": "same", "text": one}) for one in texts)
        (own.corpus / name).write_text("\n".join(rows))

    def left_out() -> list[str]:
        return [one.source for one in quick_build(own).manifest.left_out]

    ids_of("b.jsonl", "The second file says this.")
    assert left_out() == []
    ids_of("a.jsonl", "The first file says that.")
    assert left_out() == ["b.jsonl:1"]
    (own.corpus / "a.jsonl").unlink()
    assert left_out() == []


def test_of_one_release_in_two_formats_the_more_exact_is_served_however_they_came(
    own: BuildPlan, index: Path
) -> None:
    def served() -> str:
        quick_build(own, strict=True)
        with contextlib.closing(open_current(index, hash_engines())) as generation:
            return generation.release("lights").source

    one = invent(7)
    (own.corpus / "lights.pdf").write_bytes(as_pdf(one))
    assert served() == "lights.pdf"
    (own.corpus / "lights.docx").write_bytes(as_docx(one))
    assert served() == "lights.docx"
    [copy] = quick_build(own).manifest.left_out
    assert (copy.source, copy.copy_of) == ("lights.pdf", "lights.docx")
    (own.corpus / "lights.docx").unlink()
    assert served() == "lights.pdf"


def rebuilt(plan: BuildPlan) -> BuildReport:
    add_release(plan)
    return quick_build(plan)


def test_what_is_damaged_is_not_taken_over(own: BuildPlan, index: Path) -> None:
    flip_byte(folder_of(own) / "sentences" / "vectors.npy")
    report = rebuilt(own)
    assert "sentences/vectors.npy is not as it was built" in report.whole
    verify(index, current_id(index))


def files_by_inode(folder: Path) -> dict[int, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.stat().st_ino: path.relative_to(folder).as_posix() for path in files}


def test_one_release_more_writes_neither_the_vectors_nor_the_words_of_others_again(
    own: BuildPlan, index: Path
) -> None:
    with sharing():
        first = quick_build(own, full=True).manifest.generation_id
        rebuilt(own)
    before, now = files_by_inode(index / first), files_by_inode(folder_of(own))
    shared = [now[inode] for inode in now if before.get(inode) == now[inode]]
    assert {"dense/vectors.faiss", "dense/numbers.npy", "sentences/vectors.npy"} <= set(shared)
    assert sum(name.startswith("lexical/") and name.endswith(".term") for name in shared) > 2
    shutil.rmtree(index / first)
    verify(index, current_id(index))


def test_where_there_are_no_links_copies_do(
    own: BuildPlan, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refused)
    with sharing():
        first = quick_build(own, full=True).manifest.generation_id
        rebuilt(own)
    assert not files_by_inode(index / first).keys() & files_by_inode(folder_of(own)).keys()
    verify(index, current_id(index))


def test_a_bit_that_flipped_in_a_file_that_two_share_is_found_in_both_and_a_full_build_mends_it(
    own: BuildPlan, index: Path
) -> None:
    with sharing():
        first = quick_build(own, full=True).manifest.generation_id
        rebuilt(own)
        path = folder_of(own) / "sentences" / "vectors.npy"
        times = path.stat()
        flip_byte(path)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as if the disk had done it
        for generation_id in (first, current_id(index)):
            with pytest.raises(GenerationCorrupt, match=r"sentences/vectors\.npy is not as it was"):
                verify(index, generation_id)
        quick_build(own, full=True)
    verify(index, current_id(index))


def test_other_settings_are_named_as_the_reason_for_a_whole_build(
    own: BuildPlan, index: Path
) -> None:
    embedder = HashEmbedder()
    embedder.fingerprint = "hash@2"
    add_release(own)
    report = quick_build(own, embedder)
    assert report.whole == "built with another fingerprint"
    assert report.embedded == report.manifest.passages


def test_numbers_stay_when_releases_come_and_go(own: BuildPlan, index: Path) -> None:
    def numbers() -> set[int]:
        return set(np.load(folder_of(own) / "columns" / "numbers.npy").tolist())

    before = numbers()
    quick_build(own)
    rebuilt(own)
    assert before < numbers()
    (own.corpus / "new-0.txt").unlink()
    shutil.rmtree(index / ".cache")
    report = quick_build(own)
    assert (numbers(), report.embedded, report.whole) == (before, 0, "")


def test_the_cache_keeps_to_its_limit_and_drops_what_was_not_used_for_longest(
    own: BuildPlan, tmp_path: Path
) -> None:
    def silent(_done: int) -> None: ...

    texts = [f"Text number {n}" for n in range(3000)]
    embedder = HashEmbedder()
    with EmbeddingCache(tmp_path / "cache") as cache:
        cache._today -= 10
        cache.embed(embedder, texts, silent)
    path = tmp_path / "cache" / "embeddings.sqlite"
    with EmbeddingCache(tmp_path / "cache") as cache:
        cache.embed(embedder, texts[:200], silent)
    size = path.stat().st_size
    assert trim_cache(tmp_path / "cache", size) == 0
    assert trim_cache(tmp_path / "cache", size // 4) > 2000
    assert path.stat().st_size <= size // 3
    with EmbeddingCache(tmp_path / "cache") as cache:
        assert cache.embed(embedder, texts[:200], silent)[1] == 0
        assert cache.embed(embedder, texts[200:], silent)[1] > 2000
