import contextlib
import dataclasses
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from faults import (
    SEALED,
    HashEmbedder,
    add_release,
    found,
    hash_engines,
    quick_build,
    snapshot,
)

from qa_service.corpus import ReadingOptions
from qa_service.errors import (
    CorpusError,
    EngineError,
    GenerationLocked,
    GenerationMissing,
    QaError,
)
from qa_service.index import (
    BuildPlan,
    Generation,
    build,
    current_id,
    generation_ids,
    manifest_of,
    open_current,
    prune,
    publish,
    verify,
)
from qa_service.index.publishing import building
from qa_service.passages import PassageSettings


def test_a_build_publishes_what_it_built(own: BuildPlan) -> None:
    embedder = HashEmbedder()
    report = quick_build(own, embedder)
    manifest = verify(own.index, current_id(own.index))
    assert manifest == report.manifest == manifest_of(own.index, manifest.generation_id)
    assert (report.unchanged, report.embedded) == (False, manifest.passages)
    assert (manifest.releases, manifest.left_out) == (6, ())
    assert manifest.embedder.dim == embedder.dim
    assert {*SEALED} < manifest.files.keys()
    assert generation_ids(own.index) == [manifest.generation_id]


def test_a_build_of_an_unchanged_corpus_publishes_nothing(own: BuildPlan, index: Path) -> None:
    before = snapshot(index / current_id(index))
    report = quick_build(own)
    assert (report.unchanged, report.embedded) == (True, 0)
    assert generation_ids(index) == [report.manifest.generation_id]
    assert snapshot(index / current_id(index)) == before


def test_a_changed_corpus_is_published_and_only_what_is_new_is_embedded(
    own: BuildPlan, index: Path
) -> None:
    first = current_id(index)
    add_release(own)
    embedder = HashEmbedder()
    report = quick_build(own, embedder)
    assert (report.unchanged, report.embedded) == (False, 1)
    assert embedder.embedded == ["A new quay was opened."]
    assert current_id(index) == report.manifest.generation_id > first
    with contextlib.closing(open_current(index, hash_engines())) as opened:
        assert found(opened, "quay") == ["new-0:0-22", *found(opened, "quay")[1:]]


def test_a_release_that_is_gone_from_the_corpus_is_gone_from_the_index(
    own: BuildPlan, index: Path
) -> None:
    (own.corpus / "harbour" / "lights.md").unlink()
    assert quick_build(own).embedded == 0
    with contextlib.closing(open_current(index, hash_engines())) as opened:
        assert found(opened, "Okonkwo") == []


@pytest.mark.parametrize(
    "change",
    [
        {"passages": PassageSettings(200, 60)},
        {"index_titles": False},
        {"reading": ReadingOptions(10**7)},
    ],
)
def test_other_settings_make_another_generation(
    own: BuildPlan, index: Path, change: dict[str, object]
) -> None:
    assert not quick_build(dataclasses.replace(own, **change)).unchanged  # type: ignore[arg-type]
    assert len(generation_ids(index)) == 2


def test_the_same_corpus_makes_the_same_files(own: BuildPlan, index: Path) -> None:
    """Byte for byte, but for the lexical engine's, which have random names."""
    shutil.rmtree(index / ".cache")
    quick_build(own, full=True)
    old, new = (manifest_of(index, one) for one in generation_ids(index))
    assert old.recipe == new.recipe
    assert "releases.sqlite" in old.files
    for name in old.files.keys() | new.files.keys():
        assert old.files.get(name) == new.files.get(name) or not name.startswith(
            ("dense", "releases.")
        )
    assert {s.size_bytes for n, s in old.files.items() if n.endswith((".idx", ".term"))} == {
        s.size_bytes for n, s in new.files.items() if n.endswith((".idx", ".term"))
    }
    with (
        contextlib.closing(Generation(index / old.generation_id, hash_engines())) as first,
        contextlib.closing(Generation(index / new.generation_id, hash_engines())) as second,
    ):
        for text in ("harbour lights", "the crowns", "ferry"):
            rankings = [g.lexical.search(text, 50, None) for g in (first, second)]
            np.testing.assert_array_equal(*(numbers for numbers, _ in rankings))
            np.testing.assert_array_equal(*(scores for _, scores in rankings))


def test_a_full_build_embeds_everything_anew(own: BuildPlan, index: Path) -> None:
    report = quick_build(own, full=True)
    assert (report.unchanged, report.embedded) == (False, report.manifest.passages)


def test_a_text_that_stands_in_several_releases_is_embedded_once(own: BuildPlan) -> None:
    add_release(own)
    add_release(own)
    report = quick_build(own)
    assert report.embedded == report.manifest.passages - 1


def test_what_was_left_out_stands_in_the_manifest(own: BuildPlan) -> None:
    (own.corpus / "bad.txt").write_bytes(b"\x00")
    [left_out] = quick_build(own).manifest.left_out
    assert left_out.source == "bad.txt"
    assert quick_build(own).manifest.left_out == (left_out,)


def test_a_strict_build_publishes_nothing_if_anything_is_left_out(own: BuildPlan) -> None:
    (own.corpus / "bad.txt").write_bytes(b"\x00")
    with pytest.raises(CorpusError, match=r"1 left out, the first: bad\.txt: .*--strict"):
        quick_build(own, strict=True)
    assert generation_ids(own.index) == []
    quick_build(own)
    with pytest.raises(CorpusError, match="--strict"):
        quick_build(own, strict=True)


def test_a_corpus_without_a_release_is_refused_and_the_old_generation_stays(
    own: BuildPlan, index: Path
) -> None:
    served = current_id(index)
    shutil.rmtree(own.corpus)
    own.corpus.mkdir()
    (own.corpus / "bad.txt").touch()
    with pytest.raises(CorpusError, match=r"no release could be read from .*bad\.txt: .*no text"):
        quick_build(own)
    assert verify(index, current_id(index)).generation_id == served


def test_a_file_name_in_another_encoding_does_not_stop_a_build(own: BuildPlan) -> None:
    (own.corpus / os.fsdecode(b"caf\xe9.txt")).write_text("Coffee is served on the quay.")
    [left_out] = quick_build(own).manifest.left_out
    assert "cannot be an id" in left_out.reason


def test_publishing_an_older_generation_is_the_way_back(own: BuildPlan, index: Path) -> None:
    first = current_id(index)
    add_release(own)
    quick_build(own)
    publish(index, first)
    assert verify(index, current_id(index)).generation_id == first
    assert not quick_build(own).unchanged


@pytest.mark.parametrize("name", ["g2", "", ".", "..", ".cache", "../index"])
def test_what_is_no_generation_cannot_be_published(index: Path, name: str) -> None:
    served = current_id(index)
    with pytest.raises(GenerationMissing, match=f"no generation .*it has: {served}"):
        publish(index, name)
    assert current_id(index) == served


def test_pruning_spares_the_newest_the_current_and_those_in_use(
    own: BuildPlan, index: Path
) -> None:
    for _ in range(4):
        quick_build(own, full=True)
    first, second, third, fourth, fifth = generation_ids(index)
    publish(index, first)
    held = Generation(index / second, hash_engines())
    assert prune(index, keep=2) == [third]
    assert generation_ids(index) == [first, second, fourth, fifth]
    assert found(held, "harbour")
    held.close()
    assert prune(index, keep=0) == [second, fourth, fifth]
    assert verify(index, current_id(index)).generation_id == first
    assert [path.name for path in index.glob(".g*")] == []


def test_pruning_an_index_in_which_nothing_is_published_removes_nothing(tmp_path: Path) -> None:
    assert prune(tmp_path, keep=0) == []


def test_a_second_builder_is_refused(own: BuildPlan, index: Path) -> None:
    with building(index), pytest.raises(GenerationLocked, match=r"at work in .*--wait"):
        quick_build(own, full=True)
    quick_build(own, full=True)


def test_a_second_builder_may_wait(own: BuildPlan, index: Path) -> None:
    ready = threading.Event()

    def first() -> None:
        with building(index):
            ready.set()
            time.sleep(0.3)

    thread = threading.Thread(target=first)
    thread.start()
    ready.wait()
    assert not quick_build(own, full=True, wait_s=20).unchanged
    thread.join()


def test_an_interrupted_embedding_goes_on_where_it_stopped(own: BuildPlan) -> None:
    lines = [json.dumps({"_id": f"r{n}", "text": f"Release {n} is out."}) for n in range(600)]
    shutil.rmtree(own.corpus)
    own.corpus.mkdir()
    (own.corpus / "wire.jsonl").write_text("\n".join(lines))
    with pytest.raises(EngineError, match="the model is gone"):
        quick_build(own, HashEmbedder(fails_after=300))
    assert generation_ids(own.index) == []
    report = quick_build(own)
    assert (report.manifest.passages, report.embedded) == (600, 600 - 256)


def test_the_progress_of_embedding_moves_with_every_few_texts_and_ends_at_its_total(
    own: BuildPlan,
) -> None:
    said = [" ".join(f"Ferry {n}-{at} sails at noon." for at in range(9)) for n in range(200)]
    lines = [json.dumps({"_id": f"r{n}", "text": text}) for n, text in enumerate(said)]
    (own.corpus / "wire.jsonl").write_text("\n".join(lines))
    steps: dict[str, list[int | None]] = {}

    @contextlib.contextmanager
    def progress(what: str, total: int | None) -> Iterator[Any]:
        own_steps = steps[what] = [total]
        yield SimpleNamespace(update=own_steps.append)

    build(own, hash_engines(), progress)
    total, *done = steps["embedding passages and sentences"]
    assert sum(n or 0 for n in done) == total
    assert max(n or 0 for n in done if n) < (total or 0) / 3


def test_a_cache_that_is_lost_is_made_again(own: BuildPlan, index: Path) -> None:
    shutil.rmtree(index / ".cache")
    report = quick_build(own, full=True)
    assert report.embedded == report.manifest.passages


def test_a_cache_that_is_damaged_is_named(own: BuildPlan, index: Path) -> None:
    for path in (index / ".cache").iterdir():
        path.write_bytes(b"nonsense" * 999)
    add_release(own)
    with pytest.raises(QaError, match=r"embeddings\.sqlite"):
        quick_build(own)
