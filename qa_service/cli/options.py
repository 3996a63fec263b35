"""What several verbs share: options, the current generation, progress, printing."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from tqdm import tqdm

from qa_service.errors import QueryError
from qa_service.settings import read_settings

T = TypeVar("T", bound=BaseModel)

Corpus = Annotated[
    Path | None, typer.Option("--corpus", help="The folder of releases.", show_default="corpus")
]
Index = Annotated[
    Path | None, typer.Option("--index", help="The folder of generations.", show_default="index")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DateFrom = Annotated[
    str | None, typer.Option("--from", help="Releases of this day or later: 2022-05-01.")
]
DateTo = Annotated[str | None, typer.Option("--to", help="Releases of this day or earlier.")]
Issuers = Annotated[
    list[str] | None, typer.Option("--issuer", help="Only of this issuer; repeatable.")
]
Languages = Annotated[
    list[str] | None, typer.Option("--language", help="Only in this language; repeatable.")
]
Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", help="Only with field=value; repeatable.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="The day that “last year” counts from.", show_default="today"),
]
AsWritten = Annotated[
    bool, typer.Option("--as-written", help="Read no dates and correct no names in the question.")
]
Url = Annotated[
    str | None, typer.Option("--url", help="Ask a running service; QA_KEY has its key.")
]
K = Annotated[int, typer.Option("-k", "--k", min=1, max=100, help="How many passages.")]


@contextlib.contextmanager
def current(index: Path | None) -> Iterator[Any]:
    """The published generation and the settings, for one verb."""
    from qa_service.index import open_current
    from qa_service.wiring import make_engines

    settings = read_settings(index_dir=index)
    generation = open_current(settings.index_dir, make_engines(settings))
    try:
        yield generation, settings
    finally:
        generation.close()


def checked(model: type[T], **values: Any) -> T:
    """The body of a request, checked as the API checks it.

    Raises:
        QueryError: a value cannot be used.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise QueryError(_in_a_line(error)) from error


def _in_a_line(error: ValidationError) -> str:
    return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())


def progress(what: str, total: int | None) -> "tqdm[Any]":
    """A bar on stderr with rate and time left."""
    return tqdm(desc=f"{what:18}", total=total, unit="", mininterval=0.5, file=sys.stderr)


def say(as_json: bool, result: object, sentence: str) -> None:
    """Print the sentence, or the result as JSON."""
    if as_json:
        print_json(result)
    else:
        print(sentence)


def print_json(result: object) -> None:
    """Print for programs."""
    print(json.dumps(result, ensure_ascii=False, indent=2))
