"""Several builders embed shares of one corpus; one builds with all their vectors."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_line import Qa, Result, in_process, process
from faults import HashEmbedder, hash_engines, quick_build, quick_plan
from hypothesis import given
from hypothesis import strategies as st

from qa_service.engines import silent
from qa_service.errors import EngineError, GenerationCorrupt
from qa_service.index import Share, embed_share, generation_ids, take_vectors
from qa_service.index.keys import release_number

RELEASES = 120


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """Releases, among them one id twice, and one text in two releases."""
    said = [f"Ferry {n} sails at noon. It calls at port {n % 7}." for n in range(RELEASES)]
    rows = [{"_id": f"r{n}", "text": text} for n, text in enumerate(said)]
    rows += [{"_id": "r5", "text": "A second text of an id that is taken."}]
    rows += [{"_id": "other", "text": said[0]}]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "wire.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return corpus


def embed(corpus: Path, index: Path, share: Share, embedder: HashEmbedder | None = None) -> int:
    return embed_share(quick_plan(corpus, index), hash_engines(embedder), silent, share).embedded


@given(number=st.integers(0, 2**63 - 1), of=st.integers(1, 50))
def test_every_release_is_in_exactly_one_share(number: int, of: int) -> None:
    assert sum(Share(part, of).has(number) for part in range(1, of + 1)) == 1


def test_shares_are_about_as_large_as_each_other() -> None:
    numbers = [release_number(f"release-{n}") for n in range(4000)]
    for part in range(1, 5):
        assert 900 < sum(Share(part, 4).has(number) for number in numbers) < 1100


def test_a_build_with_the_vectors_of_all_shares_embeds_nothing_and_is_that_of_one_builder(
    wire: Path, tmp_path: Path
) -> None:
    others = [tmp_path / f"share-{part}" for part in (1, 2, 3)]
    embedded = [embed(wire, index, Share(n, 3)) for n, index in enumerate(others, 1)]
    assert min(embedded) > 0
    assert [generation_ids(index) for index in others] == [[], [], []]
    assert all(
        {path.name for path in index.iterdir()} == {".build.lock", ".cache"} for index in others
    )
    index = tmp_path / "index"
    taken = take_vectors(index, others, silent)
    assert taken <= sum(embedded)
    report = quick_build(quick_plan(wire, index), HashEmbedder(fails_after=0))
    assert report.embedded == 0
    alone = quick_build(quick_plan(wire, tmp_path / "alone"))
    for name, digest in alone.manifest.files.items():
        if name.startswith(("dense/", "sentences/", "columns/")):
            assert report.manifest.files[name] == digest, name
    assert report.manifest.releases == RELEASES + 1


def test_a_build_without_one_of_the_shares_embeds_that_one_itself(
    wire: Path, tmp_path: Path
) -> None:
    embed(wire, tmp_path / "one", Share(1, 2))
    take_vectors(tmp_path / "index", [tmp_path / "one"], silent)
    whole = quick_build(quick_plan(wire, tmp_path / "alone")).embedded
    assert 0 < quick_build(quick_plan(wire, tmp_path / "index")).embedded < whole


def test_a_share_that_was_interrupted_goes_on_where_it_stopped(wire: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="the model is gone"):
        embed(wire, tmp_path / "own", Share(1, 1), HashEmbedder(fails_after=150))
    rest = embed(wire, tmp_path / "own", Share(1, 1))
    assert 0 < rest < embed(wire, tmp_path / "fresh", Share(1, 1))
    assert embed(wire, tmp_path / "own", Share(1, 1)) == 0


def test_taking_vectors_twice_takes_none_the_second_time(wire: Path, tmp_path: Path) -> None:
    embed(wire, tmp_path / "one", Share(1, 1))
    assert take_vectors(tmp_path / "index", [tmp_path / "one"], silent) > 0
    assert take_vectors(tmp_path / "index", [tmp_path / "one"], silent) == 0


def test_vectors_on_a_medium_that_cannot_be_written_are_taken(wire: Path, tmp_path: Path) -> None:
    made = embed(wire, tmp_path / "one", Share(1, 1))
    cache = tmp_path / "one" / ".cache"
    before = sorted(path.name for path in cache.iterdir())
    for path in (*cache.iterdir(), cache):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert take_vectors(tmp_path / "index", [tmp_path / "one"], silent) == made
    assert sorted(path.name for path in cache.iterdir()) == before
    cache.chmod(0o755)


def test_vectors_that_a_killed_builder_left_are_taken(wire: Path, tmp_path: Path) -> None:
    embed(wire, tmp_path / "one", Share(1, 1))
    path = tmp_path / "one" / ".cache" / "embeddings.sqlite"
    at_work = sqlite3.connect(path)  # its log of changes stays beside the file
    at_work.execute("UPDATE used_vectors SET used = 1")
    at_work.commit()
    assert path.with_name("embeddings.sqlite-wal").stat().st_size > 0
    assert take_vectors(tmp_path / "index", [tmp_path / "one"], silent) > 0
    at_work.close()


def test_a_folder_without_vectors_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(GenerationCorrupt, match=r"nowhere/.cache/embeddings.sqlite is not there"):
        take_vectors(tmp_path / "index", [tmp_path / "nowhere"], silent)
    damaged = tmp_path / "damaged" / ".cache"
    damaged.mkdir(parents=True)
    (damaged / "embeddings.sqlite").write_bytes(b"nonsense" * 999)
    with pytest.raises(GenerationCorrupt, match=r"damaged/.cache/embeddings.sqlite: "):
        take_vectors(tmp_path / "index", [tmp_path / "damaged"], silent)


def test_two_processes_embed_and_a_third_builds(wire: Path, tmp_path: Path) -> None:
    def qa(*words: str, index: str) -> Result:
        return process(*words, QA_CORPUS_DIR=str(wire), QA_INDEX_DIR=str(tmp_path / index))

    shares = [
        json.loads(qa("embed", "--part", f"{n}/2", "--json", index=f"{n}").out) for n in (1, 2)
    ]
    assert sum(one["releases"] for one in shares) == shares[0]["of"] == RELEASES + 1
    others = [f"--vectors-from={tmp_path / str(n)}" for n in (1, 2)]
    built = qa("build", *others, "--json", index="index")
    assert built.code == 0, built.err
    assert json.loads(built.out)["embedded"] == 0
    assert "vectors taken over" in built.err


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "1/0", "-1/2", "a/b"])
def test_what_is_no_share_is_refused(part: str, qa: Qa) -> None:
    refused = qa("embed", f"--part={part}")
    assert refused.code == 2
    assert "is no share" in refused.err
