"""The verb of what readers think of answers: feedback."""

import json
from pathlib import Path
from typing import Annotated

import typer

from qa_service.cli.options import Json, print_json
from qa_service.errors import SettingsError
from qa_service.settings import read_settings

FILE = "questions.jsonl"


def list_feedback(
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            help="Write the answers that were found right to DIR/questions.jsonl, for `qa eval DIR "
            "--corpus corpus`.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what readers think of answers, or make a question set of it.

    It is taken where QA_FEEDBACK_FILE names a file. The latest verdict on a question counts.
    """
    from qa_service.feedback import as_questions, kept

    path = read_settings().feedback_file
    if path is None:
        raise SettingsError("no feedback is taken: QA_FEEDBACK_FILE names the file to keep it in")
    given = list(kept(path))
    if questions is not None:
        rows = list(as_questions(given))
        questions.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (questions / FILE).write_text("".join(lines), encoding="utf-8")
        print(f"{len(rows)} questions of {len(given)} verdicts: {questions / FILE}")
    elif as_json:
        print_json([one.model_dump(mode="json") for one in given])
    else:
        for one in given:
            thumb = "right" if one.verdict == "up" else "WRONG"
            comment = f" ({one.comment})" if one.comment else ""
            print(f"{one.at:%Y-%m-%d %H:%M}  {thumb}  {one.answer.question}{comment}")
        right = sum(one.verdict == "up" for one in given)
        print(f"{len(given)} verdicts, {right} of them right")
