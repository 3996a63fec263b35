"""A real server in a thread, and the system's Chromium."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import CORPUS

from qa_service.index import BuildPlan, BuildReport
from qa_service.settings import read_settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

Open = Callable[..., Any]


class Site:
    """A running service. ``hold`` keeps its answers back until ``go_on``; ``stop`` cuts every wire."""

    def __init__(self, **settings: Any) -> None:
        import uvicorn

        from qa_service.app import create_app

        self.app = create_app(read_settings(**settings))
        self._whole = self.app.state.answerer
        self._free = threading.Event()
        self._free.set()
        self.app.state.answerer = self
        config = uvicorn.Config(self.app, port=0, log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"

    def answer(self, *given: Any) -> Any:
        """What the service's own answerer says, when it may."""
        assert self._free.wait(30)
        return self._whole.answer(*given)

    def hold(self) -> None:
        self._free.clear()

    def go_on(self) -> None:
        self._free.set()

    def stop(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.loop.call_soon_threadsafe(connection.transport.abort)
        self._server.should_exit = self._server.force_exit = True
        time.sleep(0.2)
        self.go_on()
        self._thread.join(30)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """For these tests alone: while Playwright is open, no other test could run an event loop."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def shared_site(
    plan: BuildPlan, built: BuildReport, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    feedback = tmp_path_factory.mktemp("feedback") / "feedback.jsonl"
    site = Site(corpus_dir=CORPUS, index_dir=plan.index, feedback_file=feedback)
    yield site
    site.stop()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The service over the small corpus; its answers are not held back when a test begins or ends."""
    yield shared_site
    shared_site.go_on()


@pytest.fixture
def address(site: Site) -> str:
    """Where the service listens."""
    return site.address


@contextlib.contextmanager
def opening(chromium: Any, address: str, expected: tuple[str, ...] = ()) -> Iterator[Open]:
    """Opens pages; afterwards none may have logged an error or asked another host for anything.

    ``expected``: what may fail on the wire where a server is stopped.
    """
    contexts: list[Any] = []
    errors: list[str] = []
    hosts: set[str] = set()

    def log(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            errors.append(message.text)

    def log_failure(request: Any) -> None:
        if "ERR_ABORTED" not in request.failure:  # the reader had already gone on
            errors.append(f"{request.url}: {request.failure}")

    def open_one(path: str = "/", **options: Any) -> Any:
        contexts.append(chromium.new_context(base_url=address, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("console", log)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("requestfailed", log_failure)
        page.goto(path)
        return page

    try:
        yield open_one
    finally:
        for context in contexts:
            context.close()
    assert [one for one in errors if not any(name in one for name in expected)] == []
    assert hosts <= {urlsplit(address).netloc, ""}  # a file to save has no host


@pytest.fixture
def open_page(chromium: Any, address: str) -> Iterator[Open]:
    with opening(chromium, address) as open_one:
        yield open_one
