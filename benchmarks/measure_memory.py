"""How much memory can one request cost? The dearest of each kind that the limits let through, one by one.

    .venv/bin/python benchmarks/measure_memory.py

The index is that of the settings (`QA_INDEX_DIR`). Printed is the peak of the server's memory while it
answered, beyond what it had when it was warm.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
from loading import memory_mb, questions, serving

from qa_service.bodies import MAX_BATCH, MAX_K, MAX_LISTED, MAX_TURN_CHARS, MAX_TURNS, MAX_VALUES
from qa_service.settings import read_settings

WARM = 5
FULL = 990_000
"""Bytes of a body just within its limit."""


def main() -> int:
    """Ask each, and print a line of it."""
    index = read_settings().index_dir
    asked = questions(index)
    with (
        serving(index, QA_REQUEST_TIMEOUT_S="600") as (url, process),
        httpx2.Client(base_url=url, timeout=600) as client,
    ):
        for question in asked[:WARM]:
            client.post("/api/answer", json={"question": question}).raise_for_status()
        warm = memory_mb(process.pid, "VmRSS")
        print(f"warm: {warm:.0f} MB")
        print("| request | status | reply, MB | peak beyond, MB |\n|---|---|---|---|")
        for what, method, path, sent in requests(asked):
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # forget the last peak
            reply = client.request(method, path, **sent)
            peak = memory_mb(process.pid, "VmHWM") - warm
            size = len(reply.content) / 1e6
            print(f"| {what} | {reply.status_code} | {size:.2f} | {peak:.0f} |", flush=True)
    return 0


def requests(asked: list[str]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """What is asked, from the cheap to the dear: a name, and the request."""
    question = asked[0]
    most = {"q": question, "k": MAX_K, "explain": True}
    turns = [{"role": "user", "text": (question * MAX_TURN_CHARS)[: FULL // MAX_TURNS]}] * MAX_TURNS
    unknown = {f"a{n}": 0 for n in range(FULL // 12)}
    batch = [most | {"q": asked[n % len(asked)]} for n in range(MAX_BATCH)]
    plain = [{name: one[name] for name in ("q", "k")} for one in batch]
    values = ["x" * 900] * MAX_VALUES
    yield "search, 100 hits, every stage", "POST", "/api/search", {"json": most}
    yield "search, 1,000 filters", "POST", "/api/search", {"json": most | {"issuer": values}}
    yield "releases, 500", "GET", "/api/releases", {"params": {"limit": MAX_LISTED}}
    yield (
        "answer, 100 passages",
        "POST",
        "/api/answer",
        {"json": {"question": question, "k": MAX_K}},
    )
    yield (
        "answer, 1 MB of history",
        "POST",
        "/api/answer",
        {"json": {"question": "And what else?", "history": turns}},
    )
    yield "1 MB of unknown fields", "POST", "/api/search", {"json": {"q": question} | unknown}
    yield "1 MB of lists", "POST", "/api/search", {"json": {"q": [[]] * (FULL // 4)}}
    yield (
        "batch, 100 searches of 100 hits",
        "POST",
        "/api/search:batch",
        {"json": {"searches": plain}},
    )
    yield "the same, every stage", "POST", "/api/search:batch", {"json": {"searches": batch}}


if __name__ == "__main__":
    sys.exit(main())
