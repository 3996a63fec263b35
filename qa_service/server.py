"""The server's processes: one, or several workers that share the index's mapped memory."""

import os
import tempfile
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from qa_service.app import create_app
from qa_service.logs import set_up_logs
from qa_service.settings import PREFIX, Settings, read_settings


def run(settings: Settings) -> None:
    """Serve until interrupted; requests at work are finished first."""
    import uvicorn

    set_up_logs(settings)
    if settings.workers == 1:
        uvicorn.run(create_app(settings), **server_options(settings))
        return
    create_app(settings)  # what is wrong with the settings is said here, once
    with tempfile.TemporaryDirectory(prefix="qa-metrics-") as folder:
        # a worker is a process of its own: it is told by its environment what this one was told
        os.environ.update(as_environ(settings), PROMETHEUS_MULTIPROC_DIR=folder)
        here = f"{__name__}:{worker_app.__name__}"
        uvicorn.run(here, factory=True, workers=settings.workers, **server_options(settings))


def worker_app() -> FastAPI:
    """The app of one worker."""
    settings = read_settings()
    set_up_logs(settings)
    return create_app(settings)


def server_options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told."""
    return {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,  # it has the questions; ours has the route, the time and the key
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": settings.shutdown_s,
    }


def as_environ(settings: Settings) -> dict[str, str]:
    """The settings that were given, as variables."""
    return {
        PREFIX + name.upper(): _as_text(getattr(settings, name))
        for name in settings.model_fields_set
        if getattr(settings, name) is not None
    }


def _as_text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
