"""A Milvus server (Wang et al. 2021, doi:10.1145/3448016.3457550) and the one connection to it.

What goes wrong there becomes our errors here, and what passes by itself, such as a restart, is tried again.
"""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from qa_service.engines import Progress
from qa_service.errors import EngineError, EngineTimeout

PATIENCE_S = 300.0
"""A build waits so long for a server that is away: it may be starting again."""

STALL_S = 600.0
"""A server that indexes or loads, and does not get on for so long, will not."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
POLL_S = 0.05
SLOWEST_POLL_S = 1.0

BM25_SINCE = (2, 5)
LITE = "milvus_lite"
"""How milvus-lite names itself: a server in Python with the functions of a newer Milvus, for tests."""

_PASSING = (
    "connect",  # also: connection refused, illegal connection params or server unavailable
    "unavailable",
    "not ready",
    "recovering",
    "closed channel",
    "starting",
    "initializing",
    "abnormal",
)
_LATE = ("deadline", "timeout", "timed out", "not answer")


T = TypeVar("T")


class Server:
    """Where it is, and a client that all engines and threads of a process share."""

    def __init__(self, uri: str, timeout_s: float = 20.0, token: str = "") -> None:
        self.uri = uri
        self.timeout_s = timeout_s
        self._token = token
        self._client: Any = None
        self._lock = threading.Lock()
        self._version = ""

    @property
    def version(self) -> str:
        """As the server tells it."""
        if not self._version:
            self._version = str(self.call("get_server_version"))
        return self._version

    @property
    def has_bm25(self) -> bool:
        """Whether it weighs words itself."""
        return self._version_at_least(BM25_SINCE)

    @property
    def has_inverted(self) -> bool:
        """Whether it indexes any scalar field."""
        return self._version_at_least((2, 4))

    @property
    def is_lite(self) -> bool:
        """Whether it is milvus-lite, which wants the parameters of an index as JSON."""
        return self.version.startswith(LITE)

    def _version_at_least(self, least: tuple[int, int]) -> bool:
        if self.is_lite:
            return True
        found = re.search(r"(\d+)\.(\d+)", self.version)
        return found is not None and (int(found[1]), int(found[2])) >= least

    def call(self, method: str, *given: Any, patience_s: float = 0.0, **named: Any) -> Any:
        """What the client's ``method`` gives, in the time of one call if no other ``timeout`` is named.

        Asked for again, with growing pauses, while the server is away: for ``patience_s`` or, if that is
        longer, the time of one call.

        Raises:
            EngineTimeout: it does not answer in time.
            EngineError: it cannot be reached, or refuses.
        """
        named = {"timeout": self.timeout_s} | named
        return self.run(lambda client: getattr(client, method)(*given, **named), patience_s)

    def run(self, act: Callable[[Any], T], patience_s: float = 0.0) -> T:
        """The same for anything that is done with the client."""
        import grpc
        from pymilvus import MilvusException

        until = time.monotonic() + max(patience_s, self.timeout_s)
        wait_s = FIRST_WAIT_S
        while True:
            client = None
            try:
                client = self._connected()
                return act(client)
            except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError, ValueError) as error:
                translated = self._translated(error)
                passing = _passes(translated)
                if isinstance(error, ValueError) and not passing:
                    raise  # it is not about the connection: a defect of ours
                if passing:
                    self._disconnect(client)
                if not passing or time.monotonic() + wait_s > until:
                    raise translated from error
            time.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    def wait(
        self,
        done: Callable[[], tuple[int, int]],
        progress: Progress,
        name: str,
        stall_s: float = STALL_S,
    ) -> None:
        """Wait until ``done`` gives two equal numbers: what is done, and of how much.

        Raises:
            EngineTimeout: it does not get on for ``stall_s``.
        """
        made, total = done()
        if made >= total:
            return
        with progress(name, total) as bar:
            poll_s, moved, last = POLL_S, time.monotonic(), 0
            while made < total:
                if made > last:
                    bar.update(made - last)
                    last, moved = made, time.monotonic()
                if time.monotonic() - moved > stall_s:
                    raise EngineTimeout(
                        f"Milvus at {self.uri} has not got on with {name} for {stall_s:g} s, "
                        f"at {made} of {total}: look at its memory and its log"
                    )
                time.sleep(poll_s)
                poll_s = min(SLOWEST_POLL_S, poll_s * 1.3)
                made, total = done()
            bar.update(total - last)

    def _connected(self) -> Any:
        from pymilvus import MilvusClient

        with self._lock:
            if self._client is None:
                # It logs each failure with a traceback, which is told here in one line.
                logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
                self._client = MilvusClient(
                    self.uri, token=self._token, timeout=self.timeout_s, dedicated=True
                )
            return self._client

    def _disconnect(self, client: Any) -> None:
        """Forget a connection that failed, unless another thread has made a new one."""
        with self._lock:
            if client is None or self._client is not client:
                return
            self._client = None
        with contextlib.suppress(Exception):
            client.close()

    def _translated(self, error: Exception) -> EngineError:
        said = (
            getattr(error, "message", "") or getattr(error, "details", lambda: "")() or str(error)
        )
        told = f"Milvus at {self.uri}: {said or 'does not answer'}"
        code = getattr(error, "code", None)
        told_code = str(code() if callable(code) else code).lower()
        late = any(one in f"{told} {told_code}".lower() for one in _LATE)
        return (EngineTimeout if late else EngineError)(told)


def _passes(error: EngineError) -> bool:
    """Whether it may be otherwise soon: the server starts, or the way to it is cut."""
    said = str(error).lower().partition(": ")[2]
    return isinstance(error, EngineTimeout) or any(one in said for one in _PASSING)
