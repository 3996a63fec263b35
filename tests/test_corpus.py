import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from conftest import CORPUS, SEED
from faults import unprivileged
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import as_docx, as_html, as_pdf, invent

from qa_service.corpus import ReadingOptions, corpus_digest, list_files, read_corpus
from qa_service.errors import CorpusError
from qa_service.readers.worker import read_file
from qa_service.types import LeftOut, Release

LIMIT = 1_000_000


def read(folder: Path, limit: int = LIMIT) -> tuple[list[str], list[LeftOut]]:
    """The ids of the releases, and what was left out."""
    outcomes = list(read_corpus(folder, ReadingOptions(limit)))
    ids = [one.release_id for one in outcomes if isinstance(one, Release)]
    return ids, [one for one in outcomes if isinstance(one, LeftOut)]


def line(release_id: str, text: str = "The port opened today.") -> str:
    return json.dumps({"_id": release_id, "text": text}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of one good release, to which a test adds something bad."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "good.txt").write_text("The port opened today.")
    return corpus


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_files_are_read_in_the_order_of_their_paths_and_sub_folders_are_part_of_the_id() -> None:
    ids, left_out = read(CORPUS)
    assert ids == ["2024-03-05-lindholm-ferry", "harbour/lights", *(f"wire-{n}" for n in "1234")]
    assert left_out == []


def test_the_release_that_the_project_began_with_is_the_whole_seed() -> None:
    assert read(SEED) == (["2022-05-16-cambodia-us-foreign-ministers"], [])


def test_readmes_and_hidden_names_are_not_releases(folder: Path) -> None:
    for name in ("README.md", "sub/README.md", ".hidden.txt", ".git/x.txt", "sub/.y/z.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not a release")
    assert read(folder) == (["good"], [])


def test_a_corpus_may_be_one_jsonl_file(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(line("a") + line("b"))
    (tmp_path / "other.txt").write_text("not asked for")
    assert read(tmp_path / "corpus.jsonl") == (["a", "b"], [])


def test_a_missing_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere is not a folder: .*QA_CORPUS_DIR"):
        list(read_corpus(tmp_path / "nowhere", ReadingOptions()))


def test_an_empty_folder_has_no_releases(tmp_path: Path) -> None:
    assert read(tmp_path) == ([], [])


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bad.txt", b"", "has no text"),
        ("bad.txt", b" \n\t\n", "has no text"),
        ("bad.jsonl", b"", "is empty"),
        ("bad.txt", b"\xff\xfea", "not UTF-16"),
        ("bad.txt", b"text\x00more", r"control character U\+0000 at character 4"),
        ("bad.md", bytes(range(32)) * 50, r"control character U\+0000"),
        ("bad.txt", b"\x93\x94" + bytes(range(256)), "not UTF-8 at byte 0, and no text .*iconv"),
        ("bad.md", b"---\n: [\n---\ntext", "front matter is not YAML"),
        ("bad.md", b"---\npublished: soon\n---\ntext", "published is 'soon': write"),
        ("bad.pdf", b"%PDF-1.7", "not a readable PDF .*truncated"),
        ("bad.pdf", b"plain text", "not PDF, in spite of its name"),
        (
            "bad.docx",
            b"PK\x03\x04half a file",
            "not DOCX, in spite of its name: it may be truncated",
        ),
        (
            "bad.doc",
            b"\xd0\xcf\x11\xe0" + bytes(100),
            r"\.doc files are not read; save it as \.docx",
        ),
        ("bad.xlsx", b"PK", r"\.xlsx files are not read; save it as \.csv"),
        ("bad", b"text", r"no files are not read; known: \.csv, \.docx"),
        ("bad.html", b"<html><body><script>x</script></body></html>", "the page has no text"),
        ("bad.html", b"<div>" * 100_000, "nested"),
        ("bad.rtf", b"no rtf", "not RTF"),
        ("bad.zip", b"no zip", "not ZIP"),
        ("bad.json", b"{", "not JSON"),
        ("bad.csv", b"one column", "no line of headings"),
        ("bad.eml", b"\n", "neither text nor an attached file"),
        ("x" * 210 + ".txt", b"text", "cannot be an id"),
        ("a\nb.txt", b"text", "cannot be an id"),
    ],
)
def test_a_file_that_cannot_be_read_costs_a_message_and_nothing_else(
    folder: Path, name: str, data: bytes, reason: str
) -> None:
    (folder / name).write_bytes(data)
    ids, [left_out] = read(folder)
    assert ids == ["good"]
    assert left_out.source == name
    with pytest.raises(CorpusError, match=reason):
        raise CorpusError(left_out.reason)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{broken", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"a string"', "not a JSON object"),
        (b'{"text": "no id"}', '"_id" is missing'),
        (b'{"_id": "x"}', '"text" is missing or empty'),
        (b'{"_id": "x", "text": " "}', '"text" is missing or empty'),
        (b'{"_id": "x", "text": ["a"]}', '"text" is not a string'),
        (b'{"_id": "x", "text": "a\\u0000b"}', "control character U+0000"),
        (b'{"_id": "x", "text": "a\\ud800b"}', "control character U+D800"),
        (b'{"_id": "a\\nb", "text": "t"}', "cannot stand in an address"),
        (b'{"_id": "x", "text": "t", "metadata": 5}', '"metadata" is not an object'),
        (b'{"_id": "x", "text": "t", "metadata": {"date": "soon"}}', "write it as YYYY-MM-DD"),
        ('{"_id": "x", "text": "é"}'.encode("latin-1"), "not UTF-8 at byte"),
    ],
)
def test_a_broken_line_is_named_and_the_other_lines_stay(
    folder: Path, bad: bytes, reason: str
) -> None:
    (folder / "wire.jsonl").write_bytes(
        line("a").encode() + b"\n" + bad + b"\n" + line("b").encode()
    )
    ids, [left_out] = read(folder)
    assert ids == ["good", "a", "b"]
    assert left_out.source == "wire.jsonl:3"
    assert reason in left_out.reason


def test_an_id_that_is_taken_is_named_with_both_places(folder: Path) -> None:
    (folder / "wire.jsonl").write_text(line("a") + line("good") + line("a"))
    ids, left_out = read(folder)
    assert ids == ["good", "a"]
    assert [
        (one.source, "is taken by " + place in one.reason)
        for one, place in zip(left_out, ("good.txt", "wire.jsonl:1"), strict=True)
    ] == [("wire.jsonl:2", True), ("wire.jsonl:3", True)]


def test_one_release_in_two_formats_is_there_once_and_the_copy_is_named(folder: Path) -> None:
    one = invent(7)
    (folder / "lights.pdf").write_bytes(as_pdf(one))
    (folder / "lights.docx").write_bytes(as_docx(one))
    (folder / "lights.meta.toml").write_text('place = "Lindholm"\n')
    outcomes = list(read_corpus(folder, ReadingOptions(LIMIT)))
    assert [one.source for one in outcomes] == ["good.txt", "lights.docx", "lights.pdf"]
    copy = outcomes[-1]
    assert isinstance(copy, LeftOut)
    assert copy.copy_of == "lights.docx"
    assert copy.reason == "says the same as lights.docx, which is taken: it is read more exactly"


def test_two_releases_under_one_name_are_an_error(folder: Path) -> None:
    (folder / "good.html").write_bytes(as_html(invent(7)))
    ids, [left_out] = read(folder)
    assert ids == ["good"]
    assert (left_out.source, left_out.copy_of) == ("good.txt", "")
    assert "is taken by good.html, which says something else" in left_out.reason


def test_a_file_above_the_limit_is_left_out_unread(folder: Path) -> None:
    with (folder / "huge.txt").open("wb") as sparse:
        sparse.truncate(50_000_000)
    ids, [left_out] = read(folder)
    assert ids == ["good"]
    assert left_out.reason.startswith("50,000,000 bytes, more than the limit of 1,000,000")
    assert "QA_RELEASE_MAX_BYTES" in left_out.reason


def test_a_line_above_the_limit_is_left_out_and_the_lines_after_it_stay(folder: Path) -> None:
    with (folder / "wire.jsonl").open("wb") as sparse:
        sparse.write(line("a").encode())
        sparse.seek(50_000_000)
        sparse.write(b"\n" + line("b").encode())
    ids, [left_out] = read(folder)
    assert ids == ["good", "a", "b"]
    assert left_out.source == "wire.jsonl:2"
    assert "more than the limit" in left_out.reason


def test_the_limit_counts_bytes_and_includes_itself(folder: Path) -> None:
    (folder / "exact.txt").write_text("x" * 100)
    assert read(folder, 100) == (["exact", "good"], [])
    assert read(folder, 99)[0] == ["good"]


def test_what_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "good.txt").write_text("The port opened today.")
        (folder / "secret.txt").write_text("secret")
        (folder / "secret.txt").chmod(0)
        secret = folder / "secret.txt"
        with unprivileged():
            [left_out] = read_file(secret, secret.name, None, ReadingOptions())
            assert len(corpus_digest(folder)) == 64
        assert left_out == LeftOut("secret.txt", "cannot be read: Permission denied")


def test_a_link_to_nothing_is_named(folder: Path) -> None:
    (folder / "gone.txt").symlink_to("nowhere")
    assert read(folder) == (
        ["good"],
        [LeftOut("gone.txt", "cannot be read: No such file or directory")],
    )


def test_a_pipe_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    with at_most(5):
        assert read(folder) == (["good"], [LeftOut("pipe.txt", "not a regular file")])
        assert len(corpus_digest(folder)) == 64


def test_the_digest_changes_exactly_when_a_file_does(folder: Path) -> None:
    first = corpus_digest(folder)
    os.utime(folder / "good.txt", (1, 1))
    (folder / "README.md").write_text("changed")
    assert corpus_digest(folder) == first
    seen = {first}
    (folder / "good.txt").write_text("The port closed today.")
    seen.add(corpus_digest(folder))
    (folder / "good.txt").rename(folder / "better.txt")
    seen.add(corpus_digest(folder))
    (folder / "more.txt").write_text("")
    seen.add(corpus_digest(folder))
    (folder / "more.txt").unlink()
    (folder / "sub").mkdir()
    seen.add(corpus_digest(folder))
    (folder / "better.txt").rename(folder / "sub" / "better.txt")
    seen.add(corpus_digest(folder))
    assert len(seen) == 5


def test_moving_bytes_between_a_name_and_a_content_changes_the_digest(tmp_path: Path) -> None:
    for name, text in (("a", "b"), ("ab", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text(text)
    assert corpus_digest(tmp_path / "a") != corpus_digest(tmp_path / "ab")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_lines_are_releases_or_clear_refusals(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "wire.jsonl"
        file.write_bytes(line("a").encode() + b"\n".join(lines) + b"\n" + line("b").encode())
        ids, left_out = read(file)
        assert (ids[0], ids[-1]) == ("a", "b")
        assert all(one.source.startswith("wire.jsonl:") and one.reason for one in left_out)


def test_every_listed_file_is_below_the_folder() -> None:
    assert all(CORPUS / file.name == file.path for file in list_files(CORPUS))
