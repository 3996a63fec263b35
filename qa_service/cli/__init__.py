"""The verbs of ``qa``, a module for each kind: asking, measuring, the index."""

import logging
import sys
from typing import Annotated

import typer

from qa_service import __version__
from qa_service.cli import access, asking, building, feedback, generations, measuring, speaking
from qa_service.cli.corpus import corpus_verbs
from qa_service.cli.fetching import fetch
from qa_service.errors import QaError

app = typer.Typer(
    help="Cited answers to questions over press releases.\n\n"
    "Put releases (PDF, Word, web pages, text, exports) into corpus/, then: [bold]qa build[/], "
    "[bold]qa serve[/].\n\n"
    "Exit codes: 0 done, 2 a setting is wrong, 3 the corpus cannot be read, 4 the index cannot be "
    "used, 5 the question cannot be used, 6 a model failed, 7 the key may not do this, 8 the service "
    "cannot be reached, 9 something could not be fetched.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command; an error is one line on stderr and its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        app()
    except QaError as error:
        print(f"qa: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"qa: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("qa: interrupted; what was embedded is kept, run it again to go on", file=sys.stderr)
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


app.command()(building.build)
app.command()(building.embed)
app.command()(building.watch)
app.add_typer(corpus_verbs, name="corpus")
app.command()(fetch)
app.command()(asking.search)
app.command()(asking.ask)
app.command()(asking.serve)
app.command()(speaking.mcp)
app.add_typer(access.keys, name="keys")
app.command(name="eval")(measuring.evaluate)
app.command(name="feedback")(feedback.list_feedback)
app.command(name="generations")(generations.list_generations)
app.command()(generations.publish)
app.command()(generations.verify)
app.command()(generations.prune)
app.command()(generations.pause)
