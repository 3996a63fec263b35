"""Readers' verdicts on answers, in one append-only JSONL file, and the question set made of them."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qa_service.errors import CorpusError, QueryError


class Cited(BaseModel):
    """A quote of the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release_id: str = Field(max_length=1000)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    quote: str = Field(max_length=20_000)


class Answered(BaseModel):
    """The answer that a verdict is on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(max_length=20_000)
    before: tuple[str, ...] = Field((), max_length=50)
    standalone_question: str = Field(max_length=50_000)
    status: str = Field(max_length=40)
    text: str = Field(max_length=100_000)
    citations: tuple[Cited, ...] = Field((), max_length=100)
    confidence: float
    generation_id: str = Field(max_length=200)


class Feedback(BaseModel):
    """One verdict: ``up`` or ``down``, with a comment or none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    verdict: Literal["up", "down"]
    comment: str = Field("", max_length=4000)
    answer: Answered


def read_feedback(given: Mapping[str, Any]) -> Feedback:
    """What a form sent: ``verdict``, ``comment``, and ``answer`` as JSON.

    Raises:
        QueryError: it is no verdict on an answer.
    """
    try:
        answer = Answered.model_validate_json(str(given.get("answer", "")))
        return Feedback(
            at=datetime.now(UTC),
            verdict=given.get("verdict"),  # checked by the model
            comment=str(given.get("comment", "")).strip(),
            answer=answer,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise QueryError(f"this is no feedback on an answer: {where}: {first['msg']}") from error


def keep(path: Path, feedback: Feedback) -> None:
    """Append a line, in one write, so that several servers can share the file."""
    line = json.dumps(feedback.model_dump(mode="json"), ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(number, line.encode())
        os.fsync(number)
    finally:
        os.close(number)


def kept(path: Path) -> Iterator[Feedback]:
    """Everything in the file, the oldest first; none if it is not there yet.

    Raises:
        CorpusError: a line is not feedback.
    """
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Feedback.model_validate_json(line)
            except ValidationError as error:
                message = error.errors()[0]["msg"]
                raise CorpusError(f"{path}:{number} is not feedback: {message}") from error


def as_questions(given: Iterable[Feedback]) -> Iterator[dict[str, Any]]:
    """The answers that readers found right, as lines of ``questions.jsonl`` for ``qa eval``.

    The latest verdict on a question counts. An answer found wrong says what is not the answer, and not
    what is: it makes no question.
    """
    latest = {(one.answer.question, one.answer.before): one for one in given}
    for one in latest.values():
        answer = one.answer
        if one.verdict != "up" or answer.status not in ("answered", "contradicted", "no_evidence"):
            continue
        quotes = [{"release_id": c.release_id, "quote": c.quote} for c in answer.citations]
        yield {
            "question": answer.question,
            "history": [{"role": "user", "text": earlier} for earlier in answer.before],
            "type": "feedback",
            "answerable": bool(quotes),
            "answers": [one["quote"] for one in quotes],
            "evidence": quotes,
        }
