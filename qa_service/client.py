"""A typed client of the HTTP API, in two kinds: :class:`Client` and, for asyncio, :class:`AsyncClient`.

    with Client("http://localhost:8000") as releases:
        answer = releases.answer("What did Cambodia say about the Ream naval base?")
        for cited in answer.citations:
            print(cited.quote, cited.title)

Each method gives the reply's model and raises what the service itself would have raised: errors of
:mod:`qa_service.errors`. A request that the service had no room for (429 or 503, with ``Retry-After``) is
sent again, a few times, when it says.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack
from urllib.parse import quote

import httpx2
from pydantic import BaseModel

from qa_service import __version__
from qa_service.errors import (
    AccessError,
    EngineError,
    EngineTimeout,
    Forbidden,
    GenerationError,
    NotFound,
    QaError,
    QueryError,
    ReleaseWithdrawn,
    ServiceError,
)
from qa_service.listings import BatchReply, ReleasesReply, ReleaseSummary
from qa_service.replies import (
    AnswerReply,
    PassageReply,
    ReleaseReply,
    SearchReply,
)
from qa_service.status import StatusReply

T = TypeVar("T", bound=BaseModel)

TIMEOUT_S = 60.0
RETRIES = 3
LONGEST_WAIT_S = 30.0
PAGE = 100
ERRORS: Mapping[int, type[QaError]] = {
    401: AccessError, 403: Forbidden, 404: NotFound, 410: ReleaseWithdrawn,
    413: QueryError, 422: QueryError, 429: ServiceError,
    502: EngineError, 503: GenerationError, 504: EngineTimeout,
}  # fmt: skip


class Narrowed(TypedDict, total=False):
    """Which releases may be searched, and how a question is read."""

    date_from: date | str | None
    date_to: date | str | None
    issuer: Sequence[str]
    release_id: Sequence[str]
    language: Sequence[str]
    metadata: Sequence[str]


class Read(TypedDict, total=False):
    """How a question is read."""

    as_of: date | str | None
    dates: bool
    spelling: bool


class NarrowedRead(Narrowed, Read, total=False):
    """Both."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and the model of its reply."""

    reply: type[T]
    method: str
    path: str
    params: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None

    def request(self, client: httpx2.Client | httpx2.AsyncClient) -> httpx2.Request:
        """As it is sent."""
        return client.build_request(
            self.method, f"/api/v1{self.path}", params=self.params, json=self.body
        )


def searched(
    q: str, k: int, offset: int, explain: bool, more: Mapping[str, Any]
) -> Call[SearchReply]:
    """A search."""
    body = {"q": q, "k": k, "offset": offset, "explain": explain, **_plain(more)}
    return Call(SearchReply, "POST", "/search", body=body)


def batched(searches: Iterable[Mapping[str, Any]]) -> Call[BatchReply]:
    """Several searches."""
    return Call(
        BatchReply, "POST", "/search:batch", body={"searches": [_plain(one) for one in searches]}
    )


def asked(
    question: str, history: Sequence[tuple[str, str]], k: int, more: Mapping[str, Any]
) -> Call[AnswerReply]:
    """A question."""
    turns = [{"role": role, "text": text} for role, text in history]
    reading = {name: more[name] for name in more if name in Read.__annotations__}
    filters = {name: more[name] for name in more if name not in reading}
    body = {"question": question, "history": turns, "k": k, **_plain(reading)}
    return Call(AnswerReply, "POST", "/answer", body=body | {"filters": _plain(filters)})


def listed(limit: int, offset: int, more: Mapping[str, Any]) -> Call[ReleasesReply]:
    """A page of the releases."""
    params = {"limit": limit, "offset": offset, **_plain(more)}
    return Call(ReleasesReply, "GET", "/releases", params=params)


def release_of(release_id: str) -> Call[ReleaseReply]:
    """A release."""
    return Call(ReleaseReply, "GET", f"/releases/{quote(release_id, safe='')}")


def passage_of(passage_id: str) -> Call[PassageReply]:
    """A passage."""
    return Call(PassageReply, "GET", f"/passages/{quote(passage_id, safe='')}")


STATUS = Call(StatusReply, "GET", "/status")


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, with days as text."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in given.items()
        if value is not None
    }


def _headers(key: str | None) -> dict[str, str]:
    own = {"User-Agent": f"qa-service/{__version__}"}
    return own | ({"Authorization": f"Bearer {key}"} if key else {})


def _wait_s(response: httpx2.Response, tried: int) -> float | None:
    """How long to wait before the request is sent again; ``None``: it is not."""
    after = response.headers.get("retry-after", "")
    if response.status_code not in (429, 503) or tried >= RETRIES or not after.isdigit():
        return None
    return float(after) if float(after) <= LONGEST_WAIT_S else None


def _read(call: Call[T], response: httpx2.Response) -> T:
    """The reply, or the error that the service had."""
    if response.is_success:
        return call.reply.model_validate_json(response.content)
    try:
        problem = response.json()
        detail = f"{problem['title']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        detail = f"{response.url} answered {response.status_code}: is it a press release service?"
    raise ERRORS.get(response.status_code, ServiceError)(detail)


def _lost(url: str, error: httpx2.TransportError) -> QaError:
    if isinstance(error, httpx2.TimeoutException):
        return EngineTimeout(f"{url} did not answer in time")
    return ServiceError(f"{url} cannot be reached: {error or type(error).__name__}")


class Client:
    """A service at ``url``, asked with ``key`` if it wants one. Safe to share between threads."""

    def __init__(self, url: str, key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._http = httpx2.Client(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(
        self,
        q: str,
        k: int = 10,
        offset: int = 0,
        explain: bool = False,
        **more: Unpack[NarrowedRead],
    ) -> SearchReply:
        """The passages nearest to a query."""
        return self._send(searched(q, k, offset, explain, more))

    def search_batch(self, searches: Iterable[Mapping[str, Any]]) -> BatchReply:
        """Several searches, each as :meth:`search` takes it, from one generation."""
        return self._send(batched(searches))

    def answer(
        self,
        question: str,
        history: Sequence[tuple[str, str]] = (),
        k: int = 10,
        **more: Unpack[NarrowedRead],
    ) -> AnswerReply:
        """An answer; ``history`` has earlier turns, as pairs of a role (user, assistant) and a text."""
        return self._send(asked(question, history, k, more))

    def releases(self, limit: int = 50, offset: int = 0, **more: Unpack[Narrowed]) -> ReleasesReply:
        """A page of the releases, the newest first."""
        return self._send(listed(limit, offset, more))

    def all_releases(self, **more: Unpack[Narrowed]) -> Iterator[ReleaseSummary]:
        """Every release, page by page, the newest first."""
        offset, total = 0, 1
        while offset < total:
            page = self._send(listed(PAGE, offset, more))
            yield from page.releases
            offset, total = offset + PAGE, page.total

    def release(self, release_id: str) -> ReleaseReply:
        """A whole release."""
        return self._send(release_of(release_id))

    def passage(self, passage_id: str) -> PassageReply:
        """One passage."""
        return self._send(passage_of(passage_id))

    def status(self) -> StatusReply:
        """What is served."""
        return self._send(STATUS)

    def _send(self, call: Call[T], sleep: Callable[[float], object] = time.sleep) -> T:
        tried = 0
        while True:
            try:
                response = self._http.send(call.request(self._http))
            except httpx2.TransportError as error:
                raise _lost(self._url, error) from error
            wait_s = _wait_s(response, tried)
            if wait_s is None:
                return _read(call, response)
            sleep(wait_s)
            tried += 1


class AsyncClient:
    """The same for asyncio."""

    def __init__(self, url: str, key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._http = httpx2.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._url = url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def search(
        self,
        q: str,
        k: int = 10,
        offset: int = 0,
        explain: bool = False,
        **more: Unpack[NarrowedRead],
    ) -> SearchReply:
        """The passages nearest to a query."""
        return await self._send(searched(q, k, offset, explain, more))

    async def search_batch(self, searches: Iterable[Mapping[str, Any]]) -> BatchReply:
        """Several searches, each as :meth:`search` takes it, from one generation."""
        return await self._send(batched(searches))

    async def answer(
        self,
        question: str,
        history: Sequence[tuple[str, str]] = (),
        k: int = 10,
        **more: Unpack[NarrowedRead],
    ) -> AnswerReply:
        """An answer; ``history`` has earlier turns, as pairs of a role (user, assistant) and a text."""
        return await self._send(asked(question, history, k, more))

    async def releases(
        self, limit: int = 50, offset: int = 0, **more: Unpack[Narrowed]
    ) -> ReleasesReply:
        """A page of the releases, the newest first."""
        return await self._send(listed(limit, offset, more))

    async def all_releases(self, **more: Unpack[Narrowed]) -> AsyncIterator[ReleaseSummary]:
        """Every release, page by page, the newest first."""
        offset, total = 0, 1
        while offset < total:
            page = await self._send(listed(PAGE, offset, more))
            for one in page.releases:
                yield one
            offset, total = offset + PAGE, page.total

    async def release(self, release_id: str) -> ReleaseReply:
        """A whole release."""
        return await self._send(release_of(release_id))

    async def passage(self, passage_id: str) -> PassageReply:
        """One passage."""
        return await self._send(passage_of(passage_id))

    async def status(self) -> StatusReply:
        """What is served."""
        return await self._send(STATUS)

    async def _send(self, call: Call[T]) -> T:
        tried = 0
        while True:
            try:
                response = await self._http.send(call.request(self._http))
            except httpx2.TransportError as error:
                raise _lost(self._url, error) from error
            wait_s = _wait_s(response, tried)
            if wait_s is None:
                return _read(call, response)
            await asyncio.sleep(wait_s)
            tried += 1
