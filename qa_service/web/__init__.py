"""The pages over ``web/``: asking, browsing, citing. Every page is a form and links first."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from qa_service.web import browsing, chat, citing, embedding, feedback, release
from qa_service.web.rendering import FOLDER, error_page, wants_page

__all__ = ["add_pages", "error_page", "wants_page"]


def add_pages(app: FastAPI) -> None:
    """Add the pages and their static files to the app."""
    for address, show in (
        ("/", chat.show_chat),
        ("/about", browsing.show_about),
        ("/releases", browsing.show_releases),
        ("/releases/", browsing.drop_slash),
        ("/releases/{release_id:path}", release.show_release),
    ):
        app.add_api_route(
            address, show, response_class=HTMLResponse, include_in_schema=False, response_model=None
        )
    app.add_api_route("/cite/{style}", citing.give_citation, include_in_schema=False)
    app.add_api_route("/embed.js", embedding.give_script, include_in_schema=False)
    app.add_api_route(
        "/feedback", feedback.take_feedback, methods=["POST"], include_in_schema=False
    )
    app.mount("/static", Revalidated(directory=FOLDER / "static"), name="static")


class Revalidated(StaticFiles):
    """Files that a browser asks after each time, so that a new page never meets an old script."""

    def file_response(self, *given: Any, **named: Any) -> Response:
        """The file, or that it has not changed."""
        response = super().file_response(*given, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response
