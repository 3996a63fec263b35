"""The log of a server: lines for people, or JSON for machines, each with the id of its request."""

import logging

from qa_service.middlewares.observed import request_ids
from qa_service.settings import Settings

TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s [%(request_id)s]"
JSON = "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(trace_id)s"
TOLD = ("qa_service", "uvicorn")
"""Whose lines at INFO are kept; of others those at WARNING are."""

log = logging.getLogger(__name__)


def set_up_logs(settings: Settings) -> None:
    """Send everything to stderr in the one form that the settings name."""
    handler = logging.StreamHandler()
    handler.addFilter(_add_ids)
    handler.setFormatter(_formatter(settings.log_format))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in TOLD:
        logging.getLogger(name).setLevel(logging.INFO)


def note_question(settings: Settings, question: str) -> None:
    """Log a question where that was asked for: it is personal."""
    if settings.log_questions:
        log.info("question %r", question, extra={"question": question})


def _formatter(form: str) -> logging.Formatter:
    if form == "text":
        return logging.Formatter(TEXT)
    from pythonjsonlogger.json import JsonFormatter

    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    return JsonFormatter(JSON, rename_fields=names)


def _add_ids(record: logging.LogRecord) -> bool:
    ids = request_ids.get({})
    vars(record).pop("color_message", None)  # uvicorn's own, for a terminal
    record.request_id, record.trace_id = ids.get("request_id", "-"), ids.get("trace_id", "-")
    return True
