"""A client for other people's servers: it goes where it may, waits, and takes no more than it should.

Addresses that are not on the public internet are refused where a name is resolved, and the connection
goes to the very address that was checked, on every redirect anew.
"""

import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpcore2
from protego import Protego

from qa_service import __version__
from qa_service.errors import FetchError
from qa_service.fetching.addresses import address

AGENT = f"qa-service/{__version__}"
REDIRECTS_MAX = 5
TRIES = 3
WAIT_MAX_S = 60.0
ROBOTS_MAX_BYTES = 500_000
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_FAILURES = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How to behave. ``delay_s`` is the pause between two requests to a host."""

    delay_s: float = 1.0
    timeout_s: float = 60.0
    max_bytes: int = 100_000_000
    private: bool = False
    backoff_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came back: ``url`` after redirects, headers in small letters."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Such as "text/html", or nothing."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The encoding that the server names, or nothing."""
        _, _, rest = self.headers.get("content-type", "").lower().partition("charset=")
        return rest.partition(";")[0].strip("\"' ")


class CheckedBackend(httpcore2.SyncBackend):
    """Resolves names itself, and connects only to addresses that may be asked."""

    def __init__(self, private: bool) -> None:
        super().__init__()
        self._private = private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of ``host`` that answers.

        Raises:
            FetchError: it has an address that is not public.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} is not known") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for ip in addresses:
            if not (self._private or is_public(ip)):
                raise FetchError(
                    f"{host} is at {ip}, not on the public internet: set QA_FETCH_PRIVATE=true "
                    "if it may be fetched from"
                )
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for ip in addresses:
            try:
                return super().connect_tcp(ip, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None or ip in _NAT64:
            return False
    return ip.is_global and not ip.is_multicast


@dataclass
class Web:
    """Asks servers politely. Close it when done."""

    limits: FetchLimits
    _robots: dict[str, Protego] = field(default_factory=dict)
    _next: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pool = httpcore2.ConnectionPool(network_backend=CheckedBackend(self.limits.private))

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def get(self, url: str, known: Mapping[str, str] | None = None, most: int = 0) -> Page:
        """What is at ``url``; ``known`` has ``etag`` and ``last_modified`` of what is here already.

        Raises:
            FetchError: refused by us or by robots.txt, too large, too slow, or the server failed.
        """
        headers = {}
        if known and known.get("etag"):
            headers["If-None-Match"] = known["etag"]
        if known and known.get("last_modified"):
            headers["If-Modified-Since"] = known["last_modified"]
        for _ in range(REDIRECTS_MAX + 1):
            url = _checked(url)
            self._ask_robots(url)
            page = self._patiently(url, headers, most or self.limits.max_bytes)
            if page.status not in _MOVED or "location" not in page.headers:
                return page
            url = address(page.headers["location"], url) or page.headers["location"]
        raise FetchError(f"{url}: more than {REDIRECTS_MAX} redirects")

    def _ask_robots(self, url: str) -> None:
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._robots:
            self._robots[site] = self._read_robots(f"{site}/robots.txt")
        if not self._robots[site].can_fetch(url, AGENT):
            raise FetchError(f"{url}: robots.txt of the site does not allow it")

    def _read_robots(self, url: str) -> Protego:
        """A site without one allows everything; one that fails allows nothing (RFC 9309)."""
        for _ in range(REDIRECTS_MAX + 1):
            url = _checked(url)
            page = self._patiently(url, {}, ROBOTS_MAX_BYTES)
            if page.status not in _MOVED or "location" not in page.headers:
                break
            url = address(page.headers["location"], url) or page.headers["location"]
        if page.status >= 500:
            return Protego.parse("User-agent: *\nDisallow: /")
        return Protego.parse(page.body.decode(errors="replace") if page.status == 200 else "")

    def _patiently(self, url: str, headers: Mapping[str, str], most: int) -> Page:
        """One request, again after a pause if the server has trouble."""
        for attempt in range(TRIES):
            self._wait(url)
            last = attempt == TRIES - 1
            try:
                page = self._request(url, headers, most)
            except _FAILURES as error:
                if last:
                    raise FetchError(f"{url}: {error or type(error).__name__}") from error
                pause = self.limits.backoff_s * 2**attempt
            else:
                if page.status not in _RETRIED or last:
                    return page
                pause = _retry_after(page) or self.limits.backoff_s * 2**attempt
            time.sleep(min(pause, WAIT_MAX_S))
        raise AssertionError("the last try returns or raises")

    def _wait(self, url: str) -> None:
        """As long as politeness asks between two requests to a host."""
        parts = urlsplit(url)
        rules = self._robots.get(f"{parts.scheme}://{parts.netloc}")
        asked = rules.crawl_delay(AGENT) if rules else None
        delay = max(self.limits.delay_s, min(float(asked or 0), 30.0))
        with self._lock:  # the time is taken here, so that two threads never take the same
            turn = max(time.monotonic(), self._next.get(parts.netloc, 0.0))
            self._next[parts.netloc] = turn + delay
        if (pause := turn - time.monotonic()) > 0:
            time.sleep(pause)

    def _request(self, url: str, headers: Mapping[str, str], most: int) -> Page:
        until = time.monotonic() + self.limits.timeout_s
        waits = dict.fromkeys(
            ("connect", "read", "write", "pool"), min(20.0, self.limits.timeout_s)
        )
        sent = [
            ("Host", urlsplit(url).netloc),
            ("User-Agent", AGENT),
            ("Accept-Encoding", "gzip"),
            *headers.items(),
        ]
        with self._pool.stream("GET", url, headers=sent, extensions={"timeout": waits}) as response:
            told = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            body = _body(response.iter_stream(), told, most, until, url)
            return Page(url, response.status, told, body)


def _body(
    stream: Iterable[bytes], headers: Mapping[str, str], most: int, until: float, url: str
) -> bytes:
    packed = headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(wbits=31) if packed else None
    parts, size = [], 0
    try:
        for data in stream:
            part = unpack.decompress(data, most + 1) if unpack else data
            size += len(part)
            parts.append(part)
            if size > most:
                raise FetchError(f"{url}: more than {most:,} bytes: set QA_FILE_MAX_BYTES")
            if time.monotonic() > until:
                raise FetchError(f"{url}: took too long: set QA_FETCH_TIMEOUT_S")
    except zlib.error as error:
        raise FetchError(f"{url}: not what its Content-Encoding says ({error})") from error
    return b"".join(parts)


def _checked(written: str) -> str:
    """The address that is asked for, or a refusal."""
    url = address(written)
    if not url:
        raise FetchError(f"{written}: this is no address")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"{url}: only http and https addresses are fetched")
    if parts.username or parts.password:
        raise FetchError(f"{parts.hostname}: no names or passwords in addresses")
    return url


def _retry_after(page: Page) -> float:
    value = page.headers.get("retry-after", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError):
        return 0.0
