"""What several verbs share: options, the current generation, progress, printing."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from qa_service.settings import read_settings

Corpus = Annotated[
    Path | None, typer.Option("--corpus", help="The folder of releases.", show_default="corpus")
]
Index = Annotated[
    Path | None, typer.Option("--index", help="The folder of generations.", show_default="index")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
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
