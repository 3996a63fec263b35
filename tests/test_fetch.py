"""Feeds, sitemaps and pages from real servers on this machine into a corpus."""

import contextlib
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from command_line import in_process
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st

from qa_service.corpus import Limits, ReadingOptions, read_corpus
from qa_service.errors import CorpusError, FetchError
from qa_service.fetching import Fetched, FetchLimits, Source, fetch, read_sources
from qa_service.fetching.addresses import address, canonical
from qa_service.fetching.listings import KINDS, Item, chosen, kind_of, read_listing
from qa_service.fetching.store import LINES_EACH, STATE
from qa_service.fetching.web import Page, Web, is_public
from qa_service.types import Release, Withdrawn

PDF = (DATA / "formats" / "writer.pdf").read_bytes()
LIMITS = FetchLimits(delay_s=0, timeout_s=20, max_bytes=200_000, private=True, backoff_s=0.01)


def page(title: str, text: str, head: str = "", around: str = "") -> bytes:
    body = f"<h1>{title}</h1><p>Lindholm, 5 March 2024 – {text}</p><p>{'More is told of it. ' * 15}</p>"
    return (
        f"<!doctype html><html lang='en'><head><title>{title}</title>{head}</head>"
        f"<body><nav>{around}</nav><main>{body}</main></body></html>"
    ).encode()


@dataclass
class Site:
    """What a server has, by path: a body with its type, a status, or what makes the reply."""

    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    base: str = ""

    def html(self, path: str, body: bytes) -> None:
        self.pages[path] = ("text/html; charset=utf-8", body)

    def feed(self, path: str, *items: tuple[str, str, str]) -> None:
        entries = "".join(
            f"<item><title>{title}</title><link>{self.base}{link}</link><pubDate>{day}</pubDate></item>"
            for title, link, day in items
        )
        body = f'<?xml version="1.0"?><rss version="2.0"><channel>{entries}</channel></rss>'
        self.pages[path] = ("application/rss+xml", body.encode())

    def statuses(self, path: str) -> list[int]:
        return [status for asked, status in self.asked if asked == path]


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.times.append(time.monotonic())
        there = site.pages.get(self.path.partition("?")[0], 404)
        if callable(there):
            there = there(self)
        if there is None:
            return
        if isinstance(there, int):
            there = (there, "text/plain", b"")
        status, kind, body = there if len(there) == 3 else (200, *there)
        etag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        site.asked.append((self.path, status))
        self.send_response(status)
        self.send_header("Content-Type" if status not in (301, 302) else "Location", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 200:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", formatdate(1709640000, usegmt=True))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    site = Site()
    handler = type("Own", (Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    site.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as one:
        yield one


Fetch = Callable[..., list[Fetched]]


@pytest.fixture
def fetched(tmp_path: Path) -> Fetch:
    def run(*sources: Source, limits: FetchLimits = LIMITS) -> list[Fetched]:
        return list(fetch(tmp_path, sources, limits, ReadingOptions(), Limits()))

    return run


def releases(corpus: Path) -> dict[str, Release]:
    found = read_corpus(corpus, ReadingOptions())
    return {one.release_id: one for one in found if isinstance(one, Release)}


def whats(outcomes: list[Fetched]) -> list[str]:
    return [outcome.what for outcome in outcomes]


def test_the_releases_of_a_feed_are_fetched_once_with_what_is_known_of_them(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    site.html("/news/lamps", page("Lamps stay on", "The lamps stay on all night."))
    site.pages["/files/tower.pdf"] = ("application/pdf", PDF)
    site.feed(
        "/feed",
        ("Lamps", "/news/lamps?utm_source=rss", "Tue, 05 Mar 2024 08:00:00 GMT"),
        ("Tower", "/files/tower.pdf", "Wed, 06 Mar 2024 08:00:00 GMT"),
    )
    source = Source(f"{site.base}/feed", issuer="Port of Lindholm")
    first = fetched(source)
    assert whats(first) == ["new", "new"], first
    found = list(releases(tmp_path).values())
    assert sorted(one.title for one in found)[0] == "Lamps stay on"
    lamps = next(one for one in found if one.title == "Lamps stay on")
    assert lamps.url == f"{site.base}/news/lamps"
    assert (lamps.issuer, lamps.metadata["fetched"][:2]) == ("Port of Lindholm", "20")
    [original] = (tmp_path / "fetched").rglob("*lamps*.html")
    assert original.read_bytes() == site.pages["/news/lamps"][1]
    assert next(one for one in found if one is not lamps).pages
    before = sorted(tmp_path.rglob("*"))
    assert whats(fetched(source)) == ["unchanged", "unchanged"]
    assert sorted(tmp_path.rglob("*")) == before


def test_what_the_feed_says_was_not_changed_is_not_asked_for_and_anything_else_only_if_changed(
    site: Site, fetched: Fetch
) -> None:
    site.html("/a", page("A", "It opened."))
    site.feed("/feed", ("A", "/a", "Tue, 05 Mar 2024 08:00:00 GMT"))
    fetched(Source(f"{site.base}/feed"))
    fetched(Source(f"{site.base}/feed"))
    assert site.statuses("/a") == [200]
    assert whats(fetched(Source(f"{site.base}/a"))) == ["unchanged"]
    assert whats(fetched(Source(f"{site.base}/a", kind="page"))) == ["unchanged"]
    assert site.statuses("/a")[-1] == 304


def test_a_page_is_known_by_its_canonical_address(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    head = f'<link rel="canonical" href="{site.base}/real">'
    for path in ("/real", "/print", "/share"):
        site.html(path, page("Lamps", "They stay on.", head))
    site.pages["/old"] = (301, f"{site.base}/real", b"")
    outcomes = fetched(
        *(Source(f"{site.base}{path}") for path in ("/print", "/share", "/old", "/real#x"))
    )
    assert whats(outcomes) == ["new", "unchanged", "unchanged", "unchanged"]
    assert [one.url for one in releases(tmp_path).values()] == [f"{site.base}/real"]


def test_a_correction_is_a_new_version_and_the_old_one_is_kept_and_marked(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    site.html("/a", page("Lamps", "They cost 4 crowns.", around="visitor 1"))
    [first] = fetched(Source(f"{site.base}/a"))
    site.html("/a", page("Lamps", "They cost 4 crowns.", around="visitor 2"))
    assert whats(fetched(Source(f"{site.base}/a"))) == ["unchanged"]
    site.html("/a", page("Lamps", "They cost 5 crowns."))
    [second] = fetched(Source(f"{site.base}/a"))
    assert (second.what, second.release_id) == ("corrected", f"{first.release_id}-v2")
    found = releases(tmp_path)
    assert found[first.release_id].superseded_by == second.release_id
    assert "4 crowns" in found[first.release_id].text
    assert (
        found[second.release_id].superseded_by,
        "5 crowns" in found[second.release_id].text,
    ) == ("", True)
    assert whats(fetched(Source(f"{site.base}/a"))) == ["unchanged"]
    [old] = (tmp_path / "fetched").rglob(f"{first.release_id.rpartition('/')[2]}.meta.toml")
    lines = old.read_text().splitlines(keepends=True)
    old.write_text("".join(line for line in lines if "superseded_by" not in line))  # a crash
    assert whats(fetched(Source(f"{site.base}/a"))) == ["unchanged"]
    assert releases(tmp_path)[first.release_id].superseded_by == second.release_id


def test_what_its_site_has_withdrawn_is_withdrawn_and_comes_back_with_it(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    site.html("/a", page("Lamps", "They stay on."))
    site.html("/b", page("Tower", "It opened."))
    sources = [Source(f"{site.base}{path}", kind="page") for path in ("/a", "/b")]
    fetched(*sources)
    site.pages["/a"], site.pages["/b"] = 410, 404
    assert whats(fetched(*sources)) == ["gone", "failed"]
    assert whats(fetched(*sources)) == ["unchanged", "gone"]
    left = [one for one in read_corpus(tmp_path, ReadingOptions()) if isinstance(one, Withdrawn)]
    assert [one.title for one in left] == ["Lamps", "Tower"]
    assert all("gone from its site since" in one.reason for one in left)
    site.html("/a", page("Lamps", "They stay on."))
    assert whats(fetched(sources[0])) == ["restored"]
    assert [one.title for one in releases(tmp_path).values()] == ["Lamps"]


def test_an_interrupted_fetch_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    for name in "abc":
        site.html(f"/{name}", page(name.upper(), "It opened."))
    site.feed("/feed", *((n, f"/{n}", "Tue, 05 Mar 2024 08:00:00 GMT") for n in "abc"))
    running = fetch(tmp_path, [Source(f"{site.base}/feed")], LIMITS, ReadingOptions(), Limits())
    assert next(running).what == "new"
    running.close()
    again = fetch(tmp_path, [Source(f"{site.base}/feed")], LIMITS, ReadingOptions(), Limits())
    assert whats(list(again)) == ["unchanged", "new", "new"]
    assert site.statuses("/a") == [200]


def test_sources_of_different_hosts_are_fetched_side_by_side(
    fetched: Fetch, tmp_path: Path
) -> None:
    both = threading.Barrier(2)

    def together(_handler: Handler) -> tuple[str, bytes]:
        both.wait(timeout=30)  # broken unless both hosts are asked at the same time
        return "text/html", page("Lamps", "They stay on.")

    with serving() as one, serving() as other:
        one.pages["/a"] = other.pages["/b"] = together
        found = fetched(Source(f"{one.base}/a", "page"), Source(f"{other.base}/b", "page"))
    assert whats(found) == ["new", "new"]
    assert len(releases(tmp_path)) == 2


def test_what_is_remembered_of_a_page_outlives_a_line_that_a_crash_cut(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    source = Source(f"{site.base}/a", "page")
    site.html("/a", page("Lamps", "They stay on."))
    for _ in range(6):
        fetched(source)
    state = tmp_path / STATE
    assert len(state.read_bytes().splitlines()) <= 2 * LINES_EACH + 1
    state.write_bytes(state.read_bytes() + b'\n{"url": "cut')
    fetched(source)
    fetched(source)
    assert site.statuses("/a") == [200, *[304] * 7]


def test_a_sitemap_of_sitemaps_gives_the_addresses_that_are_wanted(
    site: Site, fetched: Fetch, tmp_path: Path
) -> None:
    for name in ("press/1", "press/2", "about"):
        site.html(f"/{name}", page(name, "It opened."))
    urls = "".join(
        f"<url><loc>{site.base}/{n}</loc></url>" for n in ("press/1", "about", "press/2")
    )
    name = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    site.pages["/s.xml.gz"] = (
        "application/gzip",
        gzip.compress(f"<urlset {name}>{urls}</urlset>".encode()),
    )
    index = (
        f"<sitemapindex {name}><sitemap><loc>{site.base}/s.xml.gz</loc></sitemap></sitemapindex>"
    )
    site.pages["/sitemap.xml"] = ("application/xml", index.encode())
    outcomes = fetched(Source(f"{site.base}/sitemap.xml", include=("*/press/*",)))
    assert whats(outcomes) == ["new", "new"]
    assert len(releases(tmp_path)) == 2


def test_a_page_of_links_gives_the_addresses_that_are_wanted(site: Site, fetched: Fetch) -> None:
    site.html("/press/1", page("One", "It opened."))
    site.html(
        "/news",
        b"<a href='/press/1'>1</a> <a href='press/1#x'>1</a> <a href='/about'>x</a> <a href='http://other.example/press/2'>x</a>",
    )
    assert whats(fetched(Source(f"{site.base}/news", kind="links", include=("*/press/*",)))) == [
        "new"
    ]


def test_robots_txt_is_obeyed(site: Site, fetched: Fetch) -> None:
    site.pages["/robots.txt"] = ("text/plain", b"User-agent: *\nDisallow: /private/\n")
    site.html("/private/a", page("A", "It opened."))
    [outcome] = fetched(Source(f"{site.base}/private/a"))
    assert (outcome.what, "robots.txt" in outcome.reason) == ("failed", True)
    assert site.statuses("/private/a") == []
    site.pages["/robots.txt"] = 503
    site.html("/a", page("A", "It opened."))
    assert whats(fetched(Source(f"{site.base}/a"))) == ["failed"]


def test_a_pause_is_made_between_two_requests_to_a_host(site: Site, fetched: Fetch) -> None:
    site.pages["/robots.txt"] = ("text/plain", b"User-agent: *\nCrawl-delay: 0.4\n")
    for name in "ab":
        site.html(f"/{name}", page(name, "It opened."))
    fetched(Source(f"{site.base}/a"), Source(f"{site.base}/b"))
    assert len(site.times) == 3
    assert site.times[2] - site.times[1] >= 0.35


def test_a_server_in_trouble_is_asked_again_and_one_that_stays_so_is_named(
    site: Site, fetched: Fetch
) -> None:
    replies = iter([503, 429, ("text/html", page("A", "It opened."))])
    site.pages["/a"] = lambda _handler: next(replies)
    site.pages["/b"] = 500
    outcomes = fetched(Source(f"{site.base}/a"), Source(f"{site.base}/b"))
    assert whats(outcomes) == ["new", "failed"]
    assert site.statuses("/b") == [500, 500, 500]
    assert outcomes[1].reason.endswith("HTTP 500")


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (("text/html", b"x" * 300_000), "more than 200,000 bytes"),
        (("image/gif", b"GIF89a"), "image/gif is not fetched"),
        ((302, "/a", b""), "more than 5 redirects"),
        ((302, "file:///etc/passwd", b""), "only http and https"),
        ((302, "http://u:p@127.0.0.1/", b""), "no names or passwords"),
    ],
)
def test_what_is_not_to_be_had_is_named_with_the_reason(
    site: Site, fetched: Fetch, there: Any, reason: str, tmp_path: Path
) -> None:
    site.pages["/a"] = there
    [outcome] = fetched(Source(f"{site.base}/a", kind="page"))
    assert outcome.what == "failed"
    assert reason in outcome.reason
    assert not (tmp_path / "fetched").exists()


def test_a_bomb_is_not_unpacked_and_an_endless_page_is_given_up(site: Site) -> None:
    def bomb(handler: Handler) -> None:
        body = gzip.compress(bytes(50_000_000))
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.05)

    site.pages |= {"/bomb": bomb, "/endless": endless}
    web = Web(FetchLimits(0, 1.0, 200_000, private=True, backoff_s=0.01))
    with pytest.raises(FetchError, match="more than 200,000 bytes"):
        web.get(f"{site.base}/bomb")
    with pytest.raises(FetchError, match="took too long"):
        web.get(f"{site.base}/endless")
    web.close()


def test_addresses_inside_a_network_are_refused_on_the_way_too(site: Site, fetched: Fetch) -> None:
    site.html("/a", page("A", "It opened."))
    public = FetchLimits(delay_s=0, timeout_s=5, backoff_s=0.01)
    for url in (site.base, site.base.replace("127.0.0.1", "localhost"), "http://[::1]/"):
        [outcome] = fetched(Source(f"{url}/a", kind="page"), limits=public)
        assert (outcome.what, "QA_FETCH_PRIVATE" in outcome.reason) == ("failed", True)
    assert site.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07::1", True), ("127.0.0.1", False),
        ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("0.0.0.0", False), ("100.64.0.1", False), ("224.0.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fc00::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_what_is_public_is_told_from_what_is_not(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize(
    ("url", "one"),
    [
        ("HTTPS://Example.ORG:443/a?utm_source=x&b=1#c", "https://example.org/a?b=1"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org:8080/a?b=", "http://example.org:8080/a?b="),
    ],
)
def test_one_address_has_one_spelling(url: str, one: str) -> None:
    assert canonical(url) == one


ODD = ["http://[", "http://a.example:99999/", "http://a.example:b/", "//", "a b", "mailto:a@b", "é"]


@pytest.mark.parametrize("odd", ODD[:3])
def test_what_is_no_address_is_named(fetched: Fetch, odd: str) -> None:
    [one] = fetched(Source(odd))
    assert (one.url, one.what) == (odd, "failed")
    assert "this is no address" in one.reason


def test_an_address_is_asked_for_in_ascii(site: Site, fetched: Fetch) -> None:
    site.html("/%C3%A9t%C3%A9%20a", page("Port opens", "The port opened."))
    listed = "".join(f'<a href="{one}">x</a>' for one in (*ODD, "/été a", "/%C3%A9t%C3%A9%20a"))
    site.html("/list", f"<html><body>{listed}</body></html>".encode())
    outcomes = fetched(Source(f"{site.base}/list", "links"))
    assert [one.what for one in outcomes if "t%C3%A9" in one.url] == ["new"]
    assert address("http://bücher.example/") == "http://xn--bcher-kva.example/"


@given(st.lists(st.sampled_from(ODD) | st.text(max_size=20), max_size=3), st.binary(max_size=200))
def test_any_bytes_are_a_listing_or_a_clear_refusal(links: list[str], odd: bytes) -> None:
    entries = "".join(f"<item><link>{escape(one)}</link></item>" for one in links)
    addresses = "".join(f"<url><loc>{escape(one)}</loc></url>" for one in links)
    anchors = "".join(f"<a href={quoteattr(one)}>x</a>" for one in links)
    made = (f"<rss><channel>{entries}</channel></rss>", f"<urlset>{addresses}</urlset>", anchors)
    packed = gzip.compress(odd)
    bodies = [one.encode("utf-8", "replace") for one in made]
    for body in (*bodies, odd, packed, packed[:12] + odd):
        one = Page("https://a.example/list", 200, {}, body)
        for kind in KINDS:
            with contextlib.suppress(FetchError):
                kind_of(one)
                items, _ = read_listing(one, kind)
                assert all(isinstance(item, Item) for item in chosen(Source(one.url), items))


def test_sources_are_read_and_what_means_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    with pytest.raises(CorpusError, match="is missing"):
        read_sources(file)
    file.write_text(
        '[[source]]\nurl = "https://x.example/feed"\ninclude = ["*/press/*"]\nmax = 5\n'
    )
    assert read_sources(file) == [Source("https://x.example/feed", include=("*/press/*",), max=5)]
    for bad, complaint in (
        ("source = 1", "write a table"),
        ("[[source]]\nx = 1", "has no url"),
        ('[[source]]\nurl = "x"\nkinds = "feed"', "kinds is not known"),
        ('[[source]]\nurl = "x"\nkind = "rss"', "kind 'rss' is not known"),
        ('[[source]]\nurl = "x"\nfolder = "../x"', "leads out of the corpus"),
        ('[[source]]\nurl = "x"\ninclude = "*"', "include = '\\*' means nothing"),
        ('[[source]]\nurl = "x"\nmax = 0', "max = 0 means nothing"),
    ):
        file.write_text(bad)
        with pytest.raises(CorpusError, match=complaint):
            read_sources(file)


def test_the_verb_tells_what_it_fetched_and_fails_if_something_could_not_be(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QA_FETCH_PRIVATE", "true")
    monkeypatch.setenv("QA_FETCH_DELAY_S", "0")
    qa = in_process(monkeypatch, capsys)
    site.html("/a", page("Lamps", "They stay on."))
    (tmp_path / "sources.toml").write_text(f'[[source]]\nurl = "{site.base}/a"\n')
    told = qa("fetch", "--corpus", tmp_path)
    assert told.code == 0, told.err
    assert f"new: {site.base}/a: fetched/" in told.out
    assert told.out.endswith("1 new\n")
    again = qa("fetch", f"{site.base}/a", f"{site.base}/gone", "--corpus", tmp_path, "--json")
    assert again.code == 9
    assert "1 of 2 failed, the first: " in again.err
    assert [row["what"] for row in json.loads(again.out)] == ["unchanged", "failed"]
    assert qa("fetch", "--corpus", tmp_path / "none").code == 3
