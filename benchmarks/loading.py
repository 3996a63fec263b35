"""A server of its own process to load, and clients that load it; for the measurements beside it."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from qa_service.index import open_current
from qa_service.settings import read_settings
from qa_service.types import Filters
from qa_service.wiring import make_engines

STARTING_S = 300
TITLES = 200


def quantile_ms(took_s: Sequence[float], share: float) -> float:
    """Milliseconds within which this share came back."""
    ordered = sorted(took_s)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


@dataclass
class Seen:
    """What clients met: seconds of each reply by status, and errors of the connection."""

    took_s: dict[int, list[float]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    bad: int = 0

    def add(self, status: int, took_s: float) -> None:
        """One reply."""
        self.took_s.setdefault(status, []).append(took_s)

    def ms(self, quantile: float, status: int = 200) -> float:
        """Milliseconds within which this share of the replies came."""
        return quantile_ms(self.took_s.get(status, [float("nan")]), quantile)

    def count(self, status: int) -> int:
        """Replies of a status."""
        return len(self.took_s.get(status, []))


@contextlib.contextmanager
def serving(index: Path, **environ: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address and the process of `qa serve` over an index."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {**os.environ, "QA_INDEX_DIR": str(index), "QA_PORT": str(port), **environ}
    command = [sys.executable, "-m", "qa_service", "serve"]
    process = subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=60)


def memory_mb(process: int, name: str) -> float:
    """A line of its status, such as ``VmRSS``, in megabytes; ``RssAnon`` leaves mapped files out."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers, or was too slow, or ended."""
    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not start: build an index with `qa build`")


def questions(index: Path) -> list[str]:
    """Questions about the releases of an index, by their titles."""
    with closing(open_current(index, make_engines(read_settings()))) as generation:
        titles = [one.title for one in generation.catalogue.releases(Filters(), TITLES, 0)]
    return [f"What does the release say about {title[:80]}?" for title in titles if title]


async def ask(client: httpx2.AsyncClient, question: str, seen: Seen) -> None:
    """One answer; what was accepted has to be an answer."""
    began = time.perf_counter()
    try:
        reply = await client.post("/api/answer", json={"question": question})
    except httpx2.TransportError as error:
        seen.lost[type(error).__name__] += 1
        return
    seen.add(reply.status_code, time.perf_counter() - began)
    if reply.status_code == 200:
        seen.bad += not reply.json()["text"]
    else:
        seen.bad += not reply.headers.get("retry-after")


async def in_turn(
    url: str, asked: Sequence[str], clients: int, seconds: float, pause_s: float = 0.0
) -> Seen:
    """So many clients, each of which asks again when it has its answer, after a pause."""
    seen, end = Seen(), time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as client:

        async def keep_asking(first: int) -> None:
            at = first
            while time.monotonic() < end:
                await ask(client, asked[at % len(asked)], seen)
                at += 7
                await asyncio.sleep(pause_s)

        await asyncio.gather(*(keep_asking(number) for number in range(clients)))
    return seen


async def at_rate(url: str, asked: Sequence[str], per_s: float, seconds: float) -> Seen:
    """So many questions a second, whether or not earlier ones are answered."""
    seen, began = Seen(), time.monotonic()
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
    async with (
        httpx2.AsyncClient(base_url=url, timeout=120, limits=limits) as client,
        asyncio.TaskGroup() as group,
    ):
        for number in range(int(per_s * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
            group.create_task(ask(client, asked[number % len(asked)], seen))
    return seen
