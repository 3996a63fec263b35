"""The box and the conversation: a page for a form, a stream of events for the page's own script.

Both are had from one address, ``/?q=…``; the script asks for ``text/event-stream``.
"""

import json
import logging
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from qa_service.answer import Asked, Looked, ask_in_steps
from qa_service.errors import QaError
from qa_service.index import Generation
from qa_service.logs import note_question
from qa_service.types import Turn
from qa_service.understanding import Reading
from qa_service.web.addresses import Wanted, wanted_of
from qa_service.web.browsing import ISSUERS
from qa_service.web.examples import examples_of
from qa_service.web.rendering import about_corpus, counted, render, templates
from qa_service.web.showing import shown

log = logging.getLogger(__name__)
PASSAGES = 10
EVENTS = "text/event-stream"


def show_chat(request: Request, wanted: Annotated[Wanted, Depends(wanted_of)]) -> Response:
    """The box and, for ``/?q=…``, the answer, as a page or as a stream.

    An unusable question is explained where its answer would be.
    """
    if EVENTS in request.headers.get("accept", "") and wanted.q.strip():
        headers = {"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"}
        return EventSourceResponse(_events(request, wanted), headers=headers)
    with request.app.state.serving.generation() as generation:
        context: dict[str, Any] = {"wanted": wanted, "turn": None, "problem": None, "examples": ()}
        context["paused"] = request.app.state.serving.pause_message
        status = 200
        if wanted.q.strip():
            try:
                *_, asked = _steps(request, generation, wanted)
                assert isinstance(asked, Asked)  # noqa: S101 - the last step
                context["turn"] = shown(asked, wanted, generation, _base(request))
            except QaError as error:
                context["problem"], status = error, error.http_status
        elif context["paused"] is None:
            context["examples"] = _examples(request, generation)
        issuers = [name for name, _ in generation.catalogue.issuers()[:ISSUERS]]
        context |= {"issuers": issuers, "embed": wanted.embed, **about_corpus(generation)}
        page: HTMLResponse = render(request, "chat.html", context, status)
        page.headers["Vary"] = "Accept"
        return page


def _examples(request: Request, generation: Generation) -> tuple[str, ...]:
    """Those of the generation, worked out once."""
    known: dict[str, tuple[str, ...]] = getattr(request.app.state, "examples", {})
    if generation.generation_id not in known:
        known = {generation.generation_id: examples_of(generation)}
        request.app.state.examples = known
    return known[generation.generation_id]


def _steps(request: Request, generation: Generation, wanted: Wanted) -> Iterator[Looked | Asked]:
    request.app.state.serving.check_answering()
    settings = request.app.state.settings
    note_question(settings, wanted.q)
    reading = Reading(settings.question_max_chars, None, wanted.dates, wanted.spelling)
    turns = [Turn("user", earlier) for earlier in wanted.before]
    return ask_in_steps(
        generation,
        request.app.state.answerer,
        wanted.q,
        turns,
        wanted.filters(),
        PASSAGES,
        reading,
        settings.evidence_threshold,
    )


def _events(request: Request, wanted: Wanted) -> Iterator[bytes]:
    """``status``, ``passages``, ``answer`` (its HTML), ``done``; or an ``error``: a problem."""
    try:
        with request.app.state.serving.generation() as generation:
            releases = counted(generation.manifest.releases, "release")
            yield _event("status", {"text": f"Searching {releases} …"})
            for step in _steps(request, generation, wanted):
                if isinstance(step, Looked):
                    yield _event("passages", _found(step))
                    continue
                turn = shown(step, wanted, generation, _base(request))
                yield _event("answer", {"html": _fragment(request, turn), "title": turn["title"]})
                yield _event("done", {"generation_id": generation.generation_id})
    except QaError as error:
        problem = {"title": error.title, "status": error.http_status, "detail": str(error)}
        yield _event("error", problem)
    except Exception as error:  # the status line is sent: what goes wrong can only be an event
        log.error("a bug in the stream of a page", exc_info=error)
        detail = "An error of the service itself. Asking again may help."
        yield _event("error", {"title": "Something went wrong", "status": 500, "detail": detail})


def _found(looked: Looked) -> dict[str, str]:
    passages = counted(len(looked.found), "passage")
    releases = counted(len({one.release.release_id for one in looked.found}), "release")
    return {"text": f"{passages} found in {releases}. Reading …"}


def _fragment(request: Request, turn: dict[str, Any]) -> str:
    feedback = bool(request.app.state.settings.feedback_file)
    return templates.get_template("answer.html").render(turn=turn, feedback=feedback)


def _base(request: Request) -> str:
    return str(request.base_url)


def _event(name: str, data: object) -> bytes:
    return format_sse_event(event=name, data_str=json.dumps(data, ensure_ascii=False))
