"""The box on another site's page: a script that puts it there in a frame."""

from fastapi import Request
from fastapi.responses import FileResponse, Response

from qa_service.errors import NotFound
from qa_service.web.rendering import FOLDER


def give_script(request: Request) -> Response:
    """The script; nothing where no site may show the pages in a frame."""
    if not request.app.state.settings.embed_origins:
        raise NotFound("no other site may show this service: QA_EMBED_ORIGINS names those that may")
    return FileResponse(FOLDER / "static" / "embed.js", media_type="text/javascript")
