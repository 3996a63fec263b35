"""Where releases are listed: ``sources.toml``, feeds, sitemaps, and pages of links."""

import fnmatch
import gzip
import io
import re
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from qa_service.errors import CorpusError, FetchError
from qa_service.fetching.addresses import address, canonical, host_of
from qa_service.fetching.web import Page

KINDS = ("feed", "sitemap", "links", "page")
_TYPES = {"include": list, "exclude": list, "max": int}
"""Of what in ``sources.toml`` is no text."""
_UNPACKED_MAX = 60_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A feed, a sitemap, a page of links, or one release; ``kind`` empty: found out when it is read.

    Of a sitemap or a page of links those addresses are taken that match a pattern of ``include`` and
    none of ``exclude``. ``issuer`` and ``language`` are of all its releases.
    """

    url: str
    kind: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    issuer: str = ""
    language: str = ""
    folder: str = ""
    max: int = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """An address that may be a release, and what its listing says of it."""

    url: str
    title: str = ""
    published: str = ""
    changed: str = ""


def read_sources(path: Path) -> list[Source]:
    """The sources of ``sources.toml``: a table ``[[source]]`` for each.

    Raises:
        CorpusError: it is missing, or says something that means nothing.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CorpusError(f"{path} is missing: write it, or name addresses to fetch") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path} is not TOML: {error}") from error
    tables = given.get("source", [])
    if set(given) - {"source"} or not isinstance(tables, list) or not tables:
        raise CorpusError(f"{path}: write a table [[source]] with an url for each source")
    return [_source(path, table) for table in tables]


def _source(path: Path, table: Any) -> Source:
    known = {one.name for one in fields(Source)}
    if not isinstance(table, dict) or not isinstance(table.get("url"), str):
        raise CorpusError(f"{path}: a [[source]] has no url")
    if unknown := sorted(set(table) - known):
        raise CorpusError(f"{path}: {unknown[0]} is not known; known: {', '.join(sorted(known))}")
    if table.get("kind", "") not in ("", *KINDS):
        raise CorpusError(f"{path}: kind {table['kind']!r} is not known; known: {', '.join(KINDS)}")
    for name, value in table.items():
        if not isinstance(value, _TYPES.get(name, str)):
            raise CorpusError(f"{path}: {name} = {value!r} means nothing")
    if table.get("max", 1) < 1:
        raise CorpusError(f"{path}: max = {table['max']} means nothing")
    folder = table.get("folder", "")
    if folder.startswith(("/", ".")) or ".." in folder.split("/"):
        raise CorpusError(f"{path}: folder {folder!r} leads out of the corpus")
    for name in ("include", "exclude"):
        if name in table:
            table[name] = tuple(map(str, table[name]))
    return Source(**table)


def kind_of(page: Page) -> str:
    """What a page is, by what it begins with."""
    begin = _unpacked(page)[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    begin = re.sub(rb"<\?.*?\?>|<!--.*?-->|<!doctype (?!html)[^>]*>", b"", begin, flags=re.DOTALL)
    begin = begin.lstrip()
    if begin.startswith((b"<rss", b"<feed", b"<rdf:rdf", b"<atom:feed")):
        return "feed"
    return "sitemap" if begin.startswith((b"<urlset", b"<sitemapindex")) else "page"


def read_listing(page: Page, kind: str) -> tuple[list[Item], list[str]]:
    """The items that a page lists, the newest first where it says so, and further sitemaps.

    Raises:
        FetchError: it cannot be read as what it is said to be.
    """
    if kind == "feed":
        return list(_feed(page)), []
    return _sitemap(page) if kind == "sitemap" else (list(_links(page)), [])


def chosen(source: Source, items: Sequence[Item]) -> list[Item]:
    """The items that a source is to be asked for, each address once."""
    found: dict[str, Item] = {}
    for item in items:
        wanted = not source.include or any(fnmatch.fnmatch(item.url, p) for p in source.include)
        if wanted and not any(fnmatch.fnmatch(item.url, p) for p in source.exclude):
            found.setdefault(canonical(item.url), item)
    return list(found.values())[: source.max]


def _feed(page: Page) -> Iterator[Item]:
    import feedparser

    parsed = feedparser.parse(
        io.BytesIO(_unpacked(page)),
        response_headers={"content-location": page.url, "content-type": "application/xml"},
    )
    if not parsed.entries and parsed.bozo and not parsed.version:
        raise FetchError(f"{page.url}: not a feed ({parsed.get('bozo_exception')})")
    for entry in parsed.entries:
        link = entry.get("link") or entry.get("id", "")
        url = address(str(link), page.url)
        if url.startswith(("http://", "https://")):
            published = str(entry.get("published") or "")
            changed = str(dict.get(entry, "updated") or published)  # its own get warns
            yield Item(url, str(entry.get("title") or ""), published, changed)


def _sitemap(page: Page) -> tuple[list[Item], list[str]]:
    from qa_service.readers.office import parse_xml

    try:
        tree = parse_xml(_unpacked(page))
    except CorpusError as error:
        raise FetchError(f"{page.url}: not a sitemap ({error})") from error
    items, further = [], []
    for element in tree:
        name = str(element.tag).rpartition("}")[2]
        told = {str(child.tag).rpartition("}")[2]: (child.text or "").strip() for child in element}
        url = address(told.get("loc", ""), page.url) if told.get("loc") else ""
        if url and name == "sitemap":
            further.append(url)
        elif url:
            items.append(Item(url, changed=told.get("lastmod", "")))
    return sorted(items, key=lambda item: item.changed, reverse=True), further


def _links(page: Page) -> Iterator[Item]:
    from lxml import html

    try:
        tree = html.document_fromstring(page.body)
    except (ValueError, html.etree.LxmlError) as error:
        raise FetchError(f"{page.url}: not a page of links ({error})") from error
    for link in tree.iter("a"):
        url = address(str(link.get("href") or ""), page.url)
        own = canonical(url) != canonical(page.url)
        if own and host_of(url) == host_of(page.url) and url.startswith("http"):
            yield Item(url)


def _unpacked(page: Page) -> bytes:
    if not page.body.startswith(b"\x1f\x8b"):
        return page.body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(page.body)) as packed:
            data = packed.read(_UNPACKED_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FetchError(f"{page.url}: not readable gzip ({error})") from error
    if len(data) > _UNPACKED_MAX:
        raise FetchError(f"{page.url}: unpacks to more than {_UNPACKED_MAX:,} bytes")
    return data
