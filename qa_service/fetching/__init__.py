"""Releases from feeds, sitemaps and pages into the corpus; what is here already is asked for politely.

Sources of different hosts are gone through side by side, those of one host one after the other, and each
page is on disk before the next of that host is asked for: what is interrupted goes on where it was. A
page is known by its canonical address.
"""

import fcntl
import hashlib
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from qa_service.corpus import Limits, ReadingOptions
from qa_service.errors import CorpusError, FetchError
from qa_service.fetching.addresses import canonical, host_of
from qa_service.fetching.listings import (
    Item,
    Source,
    chosen,
    kind_of,
    read_listing,
    read_sources,
)
from qa_service.fetching.store import Store, Stored, ending_of
from qa_service.fetching.web import FetchLimits, Page, Web
from qa_service.parsing import parse_files
from qa_service.readers.sidecar import SOURCES
from qa_service.types import LeftOut, Reading

__all__ = ["SOURCES", "FetchLimits", "Fetched", "Source", "fetch", "read_sources"]

LOCK = ".fetch.lock"
LISTING_MAX_BYTES = 20_000_000
SITEMAPS_MAX = 200
HOSTS_MAX = 8
"""Hosts that are asked side by side."""
MISSING_TIMES = 2
"""A page is gone when its server has said so (404) this many times in a row; 410 says it once."""
_GONE = 410

What = Literal["new", "corrected", "unchanged", "gone", "restored", "failed"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of an address: the id of its release, or why it failed. An outcome, not an error."""

    url: str
    what: What
    release_id: str = ""
    reason: str = ""


def fetch(
    corpus: Path,
    sources: Sequence[Source],
    limits: FetchLimits,
    options: ReadingOptions,
    parsing: Limits,
) -> Iterator[Fetched]:
    """Fetch what is new or changed, one outcome for each address.

    Raises:
        CorpusError: the corpus folder cannot be written to, or another fetch is at work in it.
    """
    with _alone(corpus):
        run = _Run(Store(corpus), Web(limits), options, parsing)
        try:
            yield from _side_by_side(run, sources)
        finally:
            run.web.close()


def _side_by_side(run: "_Run", sources: Sequence[Source]) -> Iterator[Fetched]:
    """The outcomes of all sources as they come; those of one host are in order."""
    hosts: dict[str, list[Source]] = {}
    for source in sources:
        hosts.setdefault(host_of(source.url), []).append(source)
    outcomes: queue.SimpleQueue[tuple[Fetched | None, threading.Semaphore]] = queue.SimpleQueue()
    given_up = threading.Event()
    taken = [threading.Semaphore(0) for _ in hosts]

    def work(own: Sequence[Source], go_on: threading.Semaphore) -> None:
        try:
            for source in own:
                for outcome in run.source(source):
                    outcomes.put((outcome, go_on))
                    go_on.acquire()  # no page is asked for whose outcome nobody waits for
                    if given_up.is_set():
                        return
        finally:
            outcomes.put((None, go_on))

    with ThreadPoolExecutor(max(1, min(HOSTS_MAX, len(hosts))), "fetching") as pool:
        futures = [pool.submit(work, *one) for one in zip(hosts.values(), taken, strict=True)]
        try:
            left = len(futures)
            while left:
                outcome, go_on = outcomes.get()
                if outcome is None:
                    left -= 1
                else:
                    yield outcome
                    go_on.release()
            for future in futures:
                future.result()
        finally:
            given_up.set()
            for future, go_on in zip(futures, taken, strict=True):
                future.cancel()
                go_on.release()


@contextmanager
def _alone(corpus: Path) -> Iterator[None]:
    if not corpus.is_dir():
        raise CorpusError(f"{corpus} is not a folder: make it, or set QA_CORPUS_DIR")
    with (corpus / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CorpusError(f"another fetch is at work in {corpus}: wait for it") from error
        yield


@dataclass
class _Run:
    store: Store
    web: Web
    options: ReadingOptions
    parsing: Limits
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held by who reads or writes the store; never while a server is waited for."""

    def source(self, source: Source) -> Iterator[Fetched]:
        """All addresses of one source; a source that fails costs a message."""
        if source.kind == "page":
            yield self._item(source, Item(source.url), None)
            return
        try:
            page, items = self._list(source)
        except FetchError as error:
            yield Fetched(source.url, "failed", reason=str(error))
            return
        if items is None:
            yield self._item(source, Item(source.url), page)
            return
        for item in chosen(source, items):
            yield self._item(source, item, None)

    def _list(self, source: Source) -> tuple[Page, list[Item] | None]:
        """The listing and its items; no items if it is no listing but a release."""
        page = self.web.get(source.url, most=LISTING_MAX_BYTES)
        _expect(page)
        kind = source.kind or kind_of(page)
        if kind == "page":
            return page, None
        items, further = read_listing(page, kind)
        seen = {page.url}
        while further and len(seen) < SITEMAPS_MAX and len(items) < source.max:
            url = further.pop(0)
            if url not in seen:
                seen.add(url)
                more = self.web.get(url, most=LISTING_MAX_BYTES)
                _expect(more)
                found, deeper = read_listing(more, kind)
                items, further = items + found, further + deeper
        return page, items

    def _item(self, source: Source, item: Item, page: Page | None) -> Fetched:
        url = canonical(item.url)
        with self.lock:
            known = self.store.find(url)
            state = self.store.state(url)
        try:
            if known and item.changed and item.changed == state.get("changed"):
                return Fetched(url, "unchanged", known.release_id)
            page = page or self.web.get(item.url, state if known else None)
            with self.lock:
                return self._outcome(source, item, page, known)
        except FetchError as error:
            return Fetched(url, "failed", known.release_id if known else "", str(error))

    def _outcome(self, source: Source, item: Item, page: Page, known: Stored | None) -> Fetched:
        url = canonical(item.url)
        if known and page.status in (404, _GONE):
            return self._missing(url, known, page.status)
        if known and page.status == 304:
            self.store.remember(
                url, **{**self.store.state(url), "changed": item.changed, "missing": 0}
            )
            return Fetched(
                url, "restored" if self.store.restore(known) else "unchanged", known.release_id
            )
        _expect(page)
        validators = {
            "etag": page.headers.get("etag"),
            "last_modified": page.headers.get("last-modified"),
            "changed": item.changed,
        }
        fetched = self._keep(source, item, page)
        self.store.remember(url, **validators)
        return fetched

    def _missing(self, url: str, known: Stored, status: int) -> Fetched:
        state = self.store.state(url)
        times = int(state.get("missing", 0)) + 1
        self.store.remember(url, **{**state, "missing": times, "changed": ""})
        if status == _GONE or times >= MISSING_TIMES:
            news = self.store.withdraw(known, status)
            return Fetched(url, "gone" if news else "unchanged", known.release_id, f"HTTP {status}")
        return Fetched(url, "failed", known.release_id, f"HTTP {status}, for the first time")

    def _keep(self, source: Source, item: Item, page: Page) -> Fetched:
        """Write it, unless it says what it said before."""
        ending = ending_of(page.media_type, page.url)
        if not ending:
            raise FetchError(f"{page.url}: {page.media_type or 'its type'} is not fetched")
        requested = canonical(item.url)
        reading = self._read(page, ending)
        url = self._canonical(page, reading)
        known = self.store.find(url) or self.store.find(requested)
        digest = _digest(page, reading)
        if known and known.fetched.get("said_sha256") == digest:
            self.store.alias(requested, known)
            what: What = "restored" if self.store.restore(known) else "unchanged"
            return Fetched(url, what, known.release_id)
        facts: dict[str, Any] = {"issuer": source.issuer, "language": source.language}
        facts["fetched"] = {
            "url": url,
            "requested": sorted({requested} - {url}),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "media_type": page.media_type,
            "charset": page.charset,
            "last_modified": page.headers.get("last-modified", ""),
            "content_language": page.headers.get("content-language", ""),
            "feed_title": item.title,
            "feed_published": item.published,
            "said_sha256": digest,
        }
        stored = self.store.write(url, page.body, ending, source.folder, facts)
        reason = reading.reason if isinstance(reading, LeftOut) else ""
        return Fetched(url, "corrected" if known else "new", stored.release_id, reason)

    def _read(self, page: Page, ending: str) -> Reading | LeftOut | None:
        """What the page says, read where nothing can happen to us."""
        from tempfile import NamedTemporaryFile

        with NamedTemporaryFile(suffix=ending) as file:
            file.write(page.body)
            file.flush()
            job = (Path(file.name), f"page{ending}", None)
            [outcomes] = parse_files([job], self.options, self.parsing)
        first = outcomes[0] if outcomes else None
        return first if isinstance(first, Reading | LeftOut) else None

    def _canonical(self, page: Page, reading: object) -> str:
        """The address that the page gives as its own, if that is on the same site; else where it was."""
        own = canonical(page.url)
        named = (
            canonical(reading.release.url)
            if isinstance(reading, Reading) and reading.release.url
            else ""
        )
        same_site = bool(named) and _site(named) == _site(own)
        at_root = named.endswith("/") and named.count("/") == 3
        return named if same_site and not at_root else own


def _digest(page: Page, reading: object) -> str:
    """Of what a page says: its furniture may change with every request."""
    if not isinstance(reading, Reading):
        return hashlib.sha256(page.body).hexdigest()
    release = reading.release
    kept, at = [], 0
    for start, end in release.boilerplate:
        kept.append(release.text[at:start])
        at = end
    said = "\n".join([release.title, str(release.published), *kept, release.text[at:]])
    return hashlib.sha256(said.encode()).hexdigest()


def _site(url: str) -> str:
    return host_of(url).removeprefix("www.")


def _expect(page: Page) -> None:
    if page.status != 200:
        raise FetchError(f"{page.url}: HTTP {page.status}")
