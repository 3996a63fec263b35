"""A real server on loopback, in a thread of this process."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from qa_service.app import create_app
from qa_service.server import server_options
from qa_service.settings import read_settings

STARTING_S = 60
QUIET = {"log_config": None, "lifespan": "on"}


@contextlib.contextmanager
def served(**given: Any) -> Iterator[str]:
    """The address of a server with these settings."""
    settings = read_settings(poll_s=0.1, **given)
    app = create_app(settings)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, **(server_options(settings) | QUIET)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + STARTING_S
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                assert time.monotonic() < deadline, "the server is slow to start"
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
