"""What opening and verifying say of an index that was damaged or may only be read."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from conftest import CORPUS
from faults import (
    SEALED,
    add_release,
    flip_byte,
    found,
    hash_engines,
    quick_build,
    quick_plan,
    snapshot,
    unprivileged,
)

from qa_service.errors import (
    GenerationCorrupt,
    GenerationError,
    GenerationMismatch,
    GenerationMissing,
)
from qa_service.index import (
    BuildPlan,
    current_id,
    generation_ids,
    open_current,
    publish,
    verify,
)
from qa_service.index.manifest import SCHEMA


def test_nothing_published_is_said_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(GenerationMissing, match=r"nothing is published in .*qa build"):
        open_current(tmp_path, hash_engines())


@pytest.mark.parametrize("data", [b"", b"g2\n", b"\x00" * 24, b"\xff\xfe", b"../index", b"a\nb"])
def test_a_current_that_names_no_generation_is_refused_and_rebuilt(
    own: BuildPlan, index: Path, data: bytes
) -> None:
    (index / "CURRENT").write_bytes(data)
    with pytest.raises(GenerationError):
        open_current(index, hash_engines())
    assert not quick_build(own).unchanged
    open_current(index, hash_engines()).close()


def test_opening_and_searching_write_nothing(index: Path) -> None:
    before = snapshot(index)
    with contextlib.closing(open_current(index, hash_engines())) as opened:
        assert found(opened, "harbour")
    verify(index, current_id(index))
    assert snapshot(index) == before


def test_an_index_that_may_only_be_read_is_served() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quick_build(quick_plan(CORPUS, folder / "index"))
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        with unprivileged():
            with contextlib.closing(open_current(folder / "index", hash_engines())) as opened:
                assert found(opened, "harbour")
            verify(folder / "index", current_id(folder / "index"))
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def damage(index: Path, name: str, how: str) -> None:
    path = index / current_id(index) / name
    if how == "flipped":
        flip_byte(path)
    elif how == "cut":
        os.truncate(path, path.stat().st_size - 1)
    elif how == "missing":
        path.unlink()
    elif how == "longer":
        path.write_bytes(path.read_bytes() + b"\0")
    else:
        shutil.copy(index / generation_ids(index)[0] / name, path)


@pytest.mark.parametrize("how", ["flipped", "cut", "missing", "longer", "swapped"])
@pytest.mark.parametrize("name", SEALED)
def test_a_damaged_file_is_named_when_verified(
    own: BuildPlan, index: Path, name: str, how: str
) -> None:
    add_release(own)
    quick_build(own)
    damage(index, name, how)
    with pytest.raises(GenerationCorrupt, match=rf"{current_id(index)}/{name} .*qa build"):
        verify(index, current_id(index))


@pytest.mark.parametrize("how", ["cut", "missing", "longer"])
@pytest.mark.parametrize("name", SEALED)
def test_a_file_of_the_wrong_size_is_named_when_opened_published_and_rebuilt_over(
    own: BuildPlan, index: Path, name: str, how: str
) -> None:
    damage(index, name, how)
    damaged = current_id(index)
    with pytest.raises(GenerationCorrupt, match=rf"{damaged}/{name} .*qa build"):
        open_current(index, hash_engines())
    assert not quick_build(own).unchanged
    served = current_id(index)
    with pytest.raises(GenerationCorrupt, match=rf"{damaged}/{name}"):
        publish(index, damaged)
    assert verify(index, current_id(index)).generation_id == served


def test_a_file_that_was_added_is_named_when_verified(index: Path) -> None:
    (index / current_id(index) / "dense" / "more.faiss").touch()
    with pytest.raises(GenerationCorrupt, match=r"dense/more\.faiss is not as it was built"):
        verify(index, current_id(index))


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"\xff"])
def test_a_damaged_manifest_is_named(index: Path, data: bytes) -> None:
    (index / current_id(index) / "manifest.json").write_bytes(data)
    with pytest.raises(GenerationCorrupt, match=r"manifest\.json cannot be read: rebuild"):
        open_current(index, hash_engines())


def test_a_generation_of_another_schema_is_refused(index: Path) -> None:
    path = index / current_id(index) / "manifest.json"
    path.write_text(path.read_text().replace(f'"schema_version": {SCHEMA}', '"schema_version": 99'))
    with pytest.raises(
        GenerationMismatch, match=f"has schema 99, this program reads {SCHEMA}: rebuild"
    ):
        open_current(index, hash_engines())


def test_a_catalogue_that_is_no_database_is_named(index: Path) -> None:
    path = index / current_id(index) / "releases.sqlite"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(GenerationCorrupt, match=r"releases\.sqlite: .*; rebuild") as caught:
        open_current(index, hash_engines())
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
