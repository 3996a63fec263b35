"""Releases by someone who means harm, and other sites, in a real browser."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from qa_service.engines import silent

pytest.importorskip("playwright", reason="Playwright is not installed: pip install -e '.[test]'")

from playwright.sync_api import expect

from qa_service.index import Engines, build
from qa_service.settings import read_settings
from qa_service.wiring import make_plan

from .conftest import Site, opening

QUESTION = "How many parrots does the parrot house hold?"
RUN = "document.title='owned'"
OVERRIDE = "\u202e"
EVIL = [
    {
        "_id": "evil-1",
        "title": f"Parrots <script>{RUN}</script>{OVERRIDE}",
        "text": f"The parrot house holds 77 parrots <img src=x onerror={RUN}> <script>{RUN}</script>"
        f'{OVERRIDE} and no owls.\n\n</p></article></dialog><a href="javascript:{RUN}">Press me</a>',
        "metadata": {
            "published": "2024-05-05",
            "issuer": f"<b onclick={RUN}>Zoo</b>",
            "url": f"javascript:{RUN}",
            "place": "</script><script>document.title='owned'</script>",
        },
    },
    {
        "_id": "evil-2",
        "title": "W" * 3000,
        "text": "Walruses: " + "w" * 1_000_000,
        "metadata": {"published": "2024-05-06", "issuer": "Z" * 3000},
    },
]


@pytest.fixture(scope="module")
def evil_site(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("evil")
    (folder / "corpus").mkdir()
    lines = [json.dumps(one) for one in EVIL]
    (folder / "corpus/evil.jsonl").write_text("\n".join(lines), encoding="utf-8")
    settings = {"corpus_dir": folder / "corpus", "index_dir": folder / "index"}
    build(make_plan(read_settings(**settings)), engines, silent)
    site = Site(**settings, evidence_threshold=0, embed_origins="http://localhost:*")
    yield site
    site.stop()


def test_what_a_release_says_is_never_run(chromium: Any, evil_site: Site) -> None:
    with opening(chromium, evil_site.address) as open_page:
        page = open_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.locator("#q").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".words").first).to_contain_text("<img src=x")
        page.locator("a.n[data-n]").first.click()
        expect(page.locator("#source mark.current").first).to_contain_text("77 parrots")
        page.locator("#whole").click()
        expect(page.locator("h1")).to_contain_text("<script>")
        for address in ("/releases", "/about", "/releases/evil-1?char=4,60"):
            page.goto(address)
            assert page.locator("main img, main b, a[href^=javascript]").count() == 0
            assert page.title() != "owned"


def test_a_text_that_turns_its_direction_turns_nothing_else(chromium: Any, evil_site: Site) -> None:
    with opening(chromium, evil_site.address) as open_page:
        page = open_page(f"/?q={quote(QUESTION)}")
        for selector in ("a.n[data-n]", "figcaption .facts", "figcaption a.release"):
            override = "getComputedStyle(document.querySelector(s)).unicodeBidi"
            assert page.evaluate(f"(s) => {override}", selector) == "isolate", selector
        isolated = "getComputedStyle(document.querySelector('.words')).unicodeBidi"
        assert page.evaluate(isolated) == "isolate"


@pytest.mark.parametrize(
    "address", ["/releases", "/releases/evil-2", f"/?q={quote('What about the walruses?')}"]
)
def test_a_megabyte_without_a_space_stays_inside_a_small_window(
    chromium: Any, evil_site: Site, address: str
) -> None:
    with opening(chromium, evil_site.address) as open_page:
        page = open_page(address, viewport={"width": 360, "height": 640})
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth") <= 360


@pytest.fixture
def ministry(evil_site: Site) -> Iterator[str]:
    """Another site, whose page shows the box by a script."""
    script = f'<script src="{evil_site.address}/embed.js" data-height="500"></script>'
    page = f"<!doctype html><html lang=en><title>Ministry</title><h1>Ministry</h1>{script}"

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield str(server.server_address[1])
    server.shutdown()


def test_a_site_that_may_shows_the_box_and_another_may_not(
    chromium: Any, evil_site: Site, ministry: str
) -> None:
    page = chromium.new_page()
    page.goto(f"http://localhost:{ministry}/")
    frame = page.frame_locator("iframe")
    frame.locator("#q").fill(QUESTION)
    frame.locator("#q").press("Enter")
    expect(frame.locator(".words").first).to_contain_text("77 parrots")
    expect(frame.locator("header.site")).to_have_count(0)
    page.goto(f"http://127.0.0.1:{ministry}/")
    expect(page.locator("iframe")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.frame_locator("iframe").locator("#q").count() == 0
    page.close()
