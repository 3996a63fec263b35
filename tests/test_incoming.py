"""From files as a press office has them to answers: pages, boilerplate, corrections, withdrawals."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Qa, in_process
from conftest import DATA

from qa_service.engines import silent
from qa_service.index import Engines, build, open_current
from qa_service.settings import read_settings
from qa_service.wiring import make_plan

FORMATS = DATA / "formats"
LINE = "The {} costs {} crowns, the Port Authority said on Friday."


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incoming") / "corpus"
    folder.mkdir()
    shutil.copy(FORMATS / "writer.pdf", folder / "tower.pdf")
    (folder / "ticket.txt").write_text(LINE.format("annual ticket", 400))
    (folder / "ticket.meta.toml").write_text('superseded_by = "ticket-v2"\ntitle = "Ticket"\n')
    (folder / "ticket-v2.txt").write_text(LINE.format("annual ticket", 450))
    (folder / "secret.txt").write_text(LINE.format("secret tunnel", 99))
    (folder / "exclude.txt").write_text("# wrong\nsecr*  # its figures were wrong\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    return folder


@pytest.fixture(scope="module")
def client(corpus: Path, engines: Engines) -> Iterator[Any]:
    from fastapi.testclient import TestClient

    from qa_service.app import create_app

    settings = read_settings(corpus_dir=corpus, index_dir=corpus.parent / "index")
    build(make_plan(settings), engines, silent)
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    return in_process(monkeypatch, capsys)


def answer(client: Any, question: str) -> Any:
    return client.post("/api/answer", json={"question": question}).json()


def test_a_citation_of_a_pdf_names_its_page(client: Any) -> None:
    reply = answer(client, "How many passengers does the Lindholm Ferry Company carry?")
    assert reply["status"] == "answered"
    cited = reply["citations"][0]
    assert (cited["release_id"], cited["page"]) == ("tower", 2)
    assert "411 thousand passengers" in cited["quote"]
    release = client.get("/api/releases/tower").json()
    assert release["text"][cited["start"] : cited["end"]] == cited["quote"]
    assert len(release["pages"]) == 2
    assert reply["passages"][0]["page"] == 2


def test_the_command_names_the_page_too(client: Any, qa: Qa, corpus: Path) -> None:
    question = "How many passengers does the Lindholm Ferry Company carry?"
    told = qa("ask", question, "--index", corpus.parent / "index")
    assert "tower, page 2, characters " in told.out


def test_contacts_and_the_like_are_shown_and_never_found(client: Any) -> None:
    found = client.get("/api/search", params={"q": "media contact Liv Dahl", "k": 50}).json()
    assert found["hits"]
    assert all("Liv Dahl" not in hit["text"] for hit in found["hits"])
    assert "Liv Dahl" in client.get("/api/releases/tower").json()["text"]
    assert "Liv Dahl" in client.get("/releases/tower").text


def test_a_corrected_release_is_answered_from_its_newer_version_alone(client: Any) -> None:
    reply = answer(client, "How much does the annual ticket cost?")
    assert reply["passages"][0]["release_id"] == "ticket-v2"
    assert all(one["release_id"] != "ticket" for one in reply["passages"])
    old = client.get("/api/releases/ticket").json()
    assert (old["superseded_by"], "400 crowns" in old["text"]) == ("ticket-v2", True)
    assert "This version was corrected" in client.get("/releases/ticket").text


def test_a_withdrawn_release_leaves_answers_and_its_address_says_why(client: Any) -> None:
    found = client.get("/api/search", params={"q": "secret tunnel", "k": 50}).json()
    assert all(hit["release_id"] != "secret" for hit in found["hits"])
    gone = client.get("/api/releases/secret")
    assert (gone.status_code, gone.json()["title"]) == (410, "This release was withdrawn")
    assert "its figures were wrong" in gone.json()["detail"]
    page = client.get("/releases/secret", headers={"accept": "text/html"})
    assert (page.status_code, "its figures were wrong" in page.text) == (410, True)
    assert client.get("/api/releases/never").status_code == 404


def test_the_check_lists_what_was_read_and_from_where_and_fails_on_errors(
    qa: Qa, corpus: Path
) -> None:
    told = qa("corpus", "check", "--corpus", corpus)
    assert told.code == 3
    assert "published: 2024-03-05 (dateline)" in told.out
    assert "title: Ticket (sidecar)" in told.out
    assert "warning: no date of issue was found" in told.out
    assert "error: not a readable PDF" in told.out
    assert "withdrawn: secret: its figures were wrong" in told.out
    assert "1 of 5 cannot be read, the first: broken.pdf" in told.err


def test_the_check_prints_json_and_only_what_is_doubtful(qa: Qa, corpus: Path) -> None:
    told = qa("corpus", "check", "--corpus", corpus, "--doubtful", "--json")
    rows = {row["source"]: row for row in json.loads(told.out)["releases"]}
    assert sorted(rows) == ["broken.pdf", "secret.txt", "ticket-v2.txt", "ticket.txt"]
    assert "error" in rows["broken.pdf"]


def test_the_check_warns_of_a_copy_in_another_format_and_does_not_fail(
    qa: Qa, tmp_path: Path
) -> None:
    text = LINE.format("annual ticket", 400)
    (tmp_path / "ticket.txt").write_text(text)
    (tmp_path / "ticket.html").write_text(f"<html><body><p>{text}</p></body></html>")
    told = qa("corpus", "check", "--corpus", tmp_path)
    assert told.code == 0
    assert "ticket.txt\n    warning: says the same as ticket.html, which is taken" in told.out
    assert "1 releases, 1 doubtful, 0 withdrawn, 1 copies of others, 0 cannot be read" in told.err
    rows = json.loads(qa("corpus", "check", "--corpus", tmp_path, "--json").out)["releases"]
    assert [row.get("copy_of") for row in rows] == [None, "ticket.html"]


def test_a_fix_writes_a_sidecar_that_then_wins_and_is_never_written_over(
    qa: Qa, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "ticket.txt").write_text(LINE.format("annual ticket", 400))
    (corpus / "wire.jsonl").write_text('{"_id": "w 1", "text": "The port opened."}\n')
    assert qa("corpus", "check", "--corpus", corpus, "--fix").code == 0
    sidecar = corpus / "ticket.meta.toml"
    written = sidecar.read_text()
    assert "# Doubtful: no title was found" in written
    sidecar.write_text(written.replace('# title = ""', 'title = "Ticket"'))
    many = corpus / "wire.meta.toml"
    many.write_text(many.read_text().replace("# published = 2024-03-05", "published = 2024-03-06"))
    told = qa("corpus", "check", "--corpus", corpus, "--fix")
    assert "title: Ticket (sidecar)" in told.out
    assert "published: 2024-03-06 (sidecar)" in told.out
    assert '"Ticket"' in sidecar.read_text()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("title = ", "is not TOML"),
        ('titel = "x"', "titel is not known; did you mean title?"),
        ('published = "soon"', "write it as YYYY-MM-DD"),
        ("releases = 3", "releases are tables"),
    ],
)
def test_a_sidecar_that_means_nothing_is_named(
    qa: Qa, tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "a.txt").write_text("The port opened.")
    (tmp_path / "a.meta.toml").write_text(content)
    told = qa("corpus", "check", "--corpus", tmp_path)
    assert told.code == 3
    assert reason in told.out


def test_of_many_mixed_files_every_good_one_is_found_and_every_bad_one_named(
    tmp_path: Path, engines: Engines
) -> None:
    from invented import GOOD, POISON, invent, word

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    endings = list(GOOD)
    good = list(range(48))
    for number in good:
        ending = endings[number % len(endings)]
        (corpus / f"good-{number:03}{ending}").write_bytes(GOOD[ending](invent(number, 1)))
    for kind, (ending, make) in POISON.items():
        (corpus / f"bad {kind}{ending}").write_bytes(make())
    settings = read_settings(
        corpus_dir=corpus, index_dir=tmp_path / "index", read_timeout_s=4, read_memory_mb=600
    )
    report = build(make_plan(settings), engines, silent)
    left_out = {one.source: one.reason for one in report.manifest.left_out}
    assert sorted(left_out) == sorted(f"bad {kind}{ending}" for kind, (ending, _) in POISON.items())
    assert all(left_out.values())
    assert report.manifest.releases == len(good)
    generation = open_current(settings.index_dir, engines)
    for number in good:
        numbers, _ = generation.lexical.search(word(number), 5, None)
        [passage] = generation.passages_numbered(numbers)
        assert word(number) in passage.text
    generation.close()
