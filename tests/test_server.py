"""One real server, real builds beside it, and signals. Every process loads the real model."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from conftest import CORPUS

STARTING_S = 120
NEWS = """---
title: Seal colony counted at Vardoe
published: 2025-02-03
issuer: Institute of the Sea
---

The Institute of the Sea counted 613 grey seals at Vardoe in January 2025.
"""
OLD = "How many turbines does the wind farm at Stormvik have?"
NEW = "How many grey seals did the Institute of the Sea count at Vardoe?"


class Site:
    """A corpus, an index, and the processes that a user starts over them."""

    def __init__(self, folder: Path, port: int) -> None:
        self.corpus = Path(shutil.copytree(CORPUS, folder / "corpus"))
        self.log = folder / "server.log"
        self._port = str(port)
        self._folder = folder
        own = {"QA_CORPUS_DIR": str(self.corpus), "QA_INDEX_DIR": str(folder / "index")}
        self._environ = {**os.environ, **own, "QA_POLL_S": "0.1", "OMP_NUM_THREADS": "1"}
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=STARTING_S)
        self.server: subprocess.Popen[bytes] | None = None

    def build(self) -> str:
        done = subprocess.run(
            self._command("build"),
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=STARTING_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                self._command("serve", "--port", self._port),
                cwd=self._folder,
                env=self._environ,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        assert eventually(self._is_ready, STARTING_S), self.log.read_text()

    def end(self, how: signal.Signals) -> int:
        assert self.server is not None
        self.server.send_signal(how)
        return self.server.wait(timeout=20)

    def close(self) -> None:
        self.client.close()
        if self.server is not None and self.server.poll() is None:
            self.end(signal.SIGKILL)

    def ask(self, question: str) -> dict[str, Any]:
        reply = self.client.post("/api/answer", json={"question": question})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def finds_the_news(self) -> bool:
        best = self.ask(NEW)["passages"][0]
        return best["release_id"] == "seals" and "613" in best["text"]

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "qa_service", *arguments]

    def _is_ready(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx2.TransportError):
            return bool(self.client.get("/readyz").status_code == 200)
        return False


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def asking(site: Site) -> Iterator[Any]:
    """A client that asks without a pause, and keeps what failed and which generations it met."""
    seen = SimpleNamespace(failed=[], generations=[])
    done = threading.Event()

    def keep_asking() -> None:
        with httpx2.Client(base_url=site.client.base_url, timeout=STARTING_S) as client:
            while not done.is_set():
                try:
                    reply = client.post("/api/answer", json={"question": OLD})
                    body = reply.json()
                    if reply.status_code != 200 or body["status"] != "answered":
                        seen.failed.append(reply.text)
                    seen.generations.append(body["generation_id"])
                except Exception as error:
                    seen.failed.append(repr(error))
                time.sleep(0.005)

    thread = threading.Thread(target=keep_asking)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose server was started before anything was built."""
    made = Site(tmp_path_factory.mktemp("site"), free_port())
    try:
        made.start()
        made.build()
        made.wait()
        yield made
    finally:
        made.close()


def test_a_server_that_was_started_before_the_first_build_answers_from_it(site: Site) -> None:
    reply = site.ask(OLD)
    assert reply["status"] == "answered"
    assert "24 turbines" in reply["text"]
    assert site.client.get("/", params={"q": OLD}).status_code == 200


def test_a_release_added_under_load_is_served_and_no_request_fails(site: Site) -> None:
    assert not site.finds_the_news()
    (site.corpus / "seals.md").write_text(NEWS)
    with asking(site) as seen:
        assert "published" in site.build()
        assert eventually(lambda: len(set(seen.generations)) == 2, 20)
        assert site.finds_the_news()
    assert seen.failed == []
    first, last = seen.generations[0], seen.generations[-1]
    switch = seen.generations.index(last)
    assert set(seen.generations[:switch]) == {first}
    assert set(seen.generations[switch:]) == {last}


def test_a_killed_server_starts_again_and_answers_until_it_is_asked_to_end(site: Site) -> None:
    assert site.end(signal.SIGKILL) == -signal.SIGKILL
    site.start()
    site.wait()
    assert site.finds_the_news()
    assert site.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    assert "Traceback" not in site.log.read_text()
    with pytest.raises(httpx2.TransportError):
        site.client.get("/healthz")
