"""Releases and questions written by someone who means harm stay text on every page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from faults import quick_build, quick_plan
from pages import BROWSER, RUN, asked, marked, quotes, read, words

from qa_service.app import create_app
from qa_service.engines import silent
from qa_service.index import Engines, build
from qa_service.settings import read_settings
from qa_service.wiring import make_plan

SCRIPT = "<script>alert(1)</script>"
EVIL_ID = '"><b>&amp;?start=9#x/100% é'
EVIL = {
    "_id": EVIL_ID,
    "title": f"Parrots {SCRIPT}",
    "text": f"The parrot house holds 77 parrots {SCRIPT} <img src=x onerror=alert(2)> &lt;ok&gt;.\n\n"
    "</p></blockquote></article><style>*{display:none}</style> The parrots sleep at noon.",
    "metadata": {
        "published": "2024-05-05",
        "issuer": '<i onclick="alert(3)">Zoo</i>',
        "url": "javascript:alert(4)",
        "place": "<u>Cage</u>",
    },
}


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Any]:
    """A client of a service whose one release was written by someone who means harm."""
    folder: Path = tmp_path_factory.mktemp("evil")
    (folder / "corpus").mkdir()
    (folder / "corpus/evil.jsonl").write_text(json.dumps(EVIL), encoding="utf-8")
    settings = read_settings(
        corpus_dir=folder / "corpus", index_dir=folder / "index", evidence_threshold=0
    )
    build(make_plan(settings), engines, silent)
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


@pytest.mark.parametrize(
    "address",
    [
        f"/?q={quote('How many parrots does the parrot house hold?')}",
        f"/?q={quote(SCRIPT + ' parrots?')}",
        f"/?q={quote('<script>' * 300)}",
        f"/releases/{quote(EVIL_ID, safe='')}?char=4,60",
        f"/releases/{quote('<script>alert(5)</script>')}",
    ],
)
def test_what_a_question_or_a_release_says_stays_text(evil: Any, address: str) -> None:
    page = BeautifulSoup(evil.get(address, headers=BROWSER).text, "html.parser")
    assert page.select(f"{RUN}, style, img, b, i, u, [onclick], [onerror]") == []
    assert page.select('a[href^="javascript"]') == []
    assert len(page.find_all("main")) == 1
    assert "<script>" in words(page)


def test_a_release_with_an_odd_id_is_found_by_its_citation(evil: Any) -> None:
    shown = quotes(asked(evil, "How many parrots does the parrot house hold?"))
    assert shown
    for text, address in shown:
        assert marked(read(evil, address)) == text
        assert "alert(4)" not in str(read(evil, address))


@pytest.mark.parametrize("release_id", [".", "..", "a/../b", "./a"])
def test_an_id_whose_address_a_browser_would_shorten_is_left_out(
    tmp_path: Path, release_id: str
) -> None:
    lines = [json.dumps({"_id": one, "text": "77 parrots."}) for one in ("a...b", release_id)]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/zoo.jsonl").write_text("\n".join(lines))
    manifest = quick_build(quick_plan(tmp_path / "corpus", tmp_path / "index")).manifest
    assert [one.source for one in manifest.left_out] == ["zoo.jsonl:2"]
    assert manifest.releases == 1
