"""The server's processes: one, or several workers that share the index's mapped memory."""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from qa_service.app import create_app
from qa_service.logs import set_up_logs
from qa_service.settings import Settings, as_environ, read_settings
from qa_service.tracing import set_up_tracing

WATCH_AGAIN_S = 5.0
SILENT_S = 60
"""A worker that is silent for so long is replaced; one that loads its model on a busy machine is silent
for longer than the 5 seconds that uvicorn would wait."""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable with the folder in which workers count together; the metrics' library reads it."""
log = logging.getLogger(__name__)


def run(settings: Settings, watch: bool = False) -> None:
    """Serve until interrupted; requests at work are finished first. ``watch``: build beside that."""
    import uvicorn

    from qa_service.workers import run_workers

    set_up_logs(settings)
    set_up_tracing()
    with _watching(settings) if watch else contextlib.nullcontext():
        if settings.workers == 1:
            uvicorn.run(create_app(settings), **server_options(settings))
            return
        create_app(settings)  # what is wrong with the settings is said here, once
        with tempfile.TemporaryDirectory(prefix="qa-workers-") as folder:
            # a worker is a process of its own: it is told by its environment what this one was told
            os.environ.update(as_environ(settings), **{SHARED: folder})
            here = f"{__name__}:{worker_app.__name__}"
            options = server_options(settings)
            run_workers(uvicorn.Config(here, factory=True, workers=settings.workers, **options))


@contextlib.contextmanager
def _watching(settings: Settings) -> Iterator[None]:
    """A process that builds when the corpus changes, started again if it dies."""
    stopped = threading.Event()
    current: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not stopped.is_set():
            current[:] = [
                subprocess.Popen(
                    [sys.executable, "-m", "qa_service", "watch", "--with-parent"],
                    env={**os.environ, **as_environ(settings)},
                    stdin=subprocess.PIPE,
                )
            ]
            code = current[0].wait()
            if not stopped.is_set():
                log.error("watching the corpus ended with exit code %s: starting it again", code)
                stopped.wait(WATCH_AGAIN_S)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        for process in current:
            process.terminate()
        thread.join(10)


def worker_app() -> FastAPI:
    """The app of one worker, which counts in the folder that all have."""
    settings = read_settings()
    set_up_logs(settings)
    set_up_tracing()
    return create_app(settings, Path(os.environ[SHARED]) / "hits")


def server_options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told."""
    return {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,  # it has the questions; ours has the route, the time and the key
        "server_header": False,
        "timeout_worker_healthcheck": SILENT_S,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": settings.shutdown_s,
    }
