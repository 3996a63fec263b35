"""The JSON routes, a module for each kind, and their description."""

from fastapi import FastAPI

from qa_service.api import (
    answering,
    building,
    chat,
    observing,
    releases,
    searching,
    service,
    streaming,
)
from qa_service.api.parts import Unchanged, on_unchanged
from qa_service.api.reference import describe


def add_routes(app: FastAPI) -> None:
    """Add the routes, and their description, to the app."""
    for part in (searching, answering, streaming, chat, releases, building, service, observing):
        app.include_router(part.router)
    app.add_exception_handler(Unchanged, on_unchanged)
    describe(app)
