"""A real server in a thread, and the system's Chromium."""

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(plan: BuildPlan, built: BuildReport) -> Iterator[str]:
    """Where the service listens."""
    import uvicorn

    from qa_service.app import create_app

    settings = read_settings(corpus_dir=CORPUS, index_dir=plan.index)
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def open_page(chromium: Any, address: str) -> Iterator[Open]:
    """Opens pages; afterwards none may have logged an error or asked another host for anything."""
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

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []
    assert hosts == {urlsplit(address).netloc}
