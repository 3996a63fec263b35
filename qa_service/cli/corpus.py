"""Verbs of the corpus: check."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from qa_service.cli.options import Corpus, Json, print_json, progress
from qa_service.errors import CorpusError
from qa_service.settings import read_settings
from qa_service.types import LeftOut, Reading, Withdrawn

corpus_verbs = typer.Typer(
    help="Check the corpus, and correct what was read.", no_args_is_help=True
)


@corpus_verbs.command()
def check(
    corpus: Corpus = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a sidecar to edit for each doubtful release.")
    ] = False,
    doubtful: Annotated[
        bool, typer.Option("--doubtful", help="List only what is doubtful or cannot be read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every release with what was read, from where, and what is doubtful.

    Exits with 3 if something cannot be read.
    """
    from qa_service import corpus as reading
    from qa_service.wiring import make_limits, make_reading_options

    settings = read_settings(corpus_dir=corpus)
    found = []
    with progress("reading releases", None) as bar:
        for outcome in reading.read_with_origins(
            settings.corpus_dir, make_reading_options(settings), make_limits(settings)
        ):
            bar.update(1)
            found.append(outcome)
    written = reading.write_sidecars(settings.corpus_dir, found) if fix else []
    bad = [one for one in found if isinstance(one, LeftOut) and not one.copy_of]
    shown = [one for one in found if not doubtful or _is_doubtful(one)]
    if as_json:
        print_json(
            {"releases": [_row(one) for one in shown], "sidecars": [str(p) for p in written]}
        )
    else:
        for one in shown:
            print("\n".join(_lines(one)))
        _sum_up(found, bad)
        for path in written:
            print(f"wrote {path}: edit it, what stands there wins", file=sys.stderr)
    if bad:
        first = f"the first: {bad[0].source}: {bad[0].reason}"
        raise CorpusError(f"{len(bad)} of {len(found)} cannot be read, {first}")


def _is_doubtful(outcome: object) -> bool:
    return not isinstance(outcome, Reading) or bool(outcome.warnings)


def _sum_up(found: Sequence[object], bad: Sequence[LeftOut]) -> None:
    doubtful = sum(isinstance(one, Reading) and bool(one.warnings) for one in found)
    withdrawn = sum(isinstance(one, Withdrawn) for one in found)
    copies = sum(isinstance(one, LeftOut) and bool(one.copy_of) for one in found)
    read = len(found) - len(bad) - withdrawn - copies
    told = f", {copies} copies of others" if copies else ""
    print(
        f"{read} releases, {doubtful} doubtful, {withdrawn} withdrawn{told}, {len(bad)} cannot be read",
        file=sys.stderr,
    )


def _lines(outcome: object) -> Iterator[str]:
    if isinstance(outcome, LeftOut):
        yield f"{outcome.source}\n    {'warning' if outcome.copy_of else 'error'}: {outcome.reason}"
    elif isinstance(outcome, Withdrawn):
        yield f"{outcome.source}\n    withdrawn: {outcome.title or outcome.release_id}: {outcome.reason}"
    elif isinstance(outcome, Reading):
        yield outcome.release.source
        for name, value in _facts(outcome).items():
            yield f"    {name}: {value or '?'}" + (
                f" ({outcome.origins[name]})" if name in outcome.origins else ""
            )
        for warning in outcome.warnings:
            yield f"    warning: {warning}"


def _facts(reading: Reading) -> dict[str, Any]:
    release = reading.release
    published = release.published.isoformat() if release.published else None
    return {
        "title": release.title, "issuer": release.issuer, "published": published,
        "place": release.place, "language": release.language, "url": release.url,
    }  # fmt: skip


def _row(outcome: object) -> dict[str, Any]:
    if isinstance(outcome, LeftOut):
        if outcome.copy_of:
            return {
                "source": outcome.source, "copy_of": outcome.copy_of, "warnings": [outcome.reason],
            }  # fmt: skip
        return {"source": outcome.source, "error": outcome.reason}
    if isinstance(outcome, Withdrawn):
        return {
            "source": outcome.source, "release_id": outcome.release_id, "withdrawn": outcome.reason,
        }  # fmt: skip
    assert isinstance(outcome, Reading)  # noqa: S101 - for the type checker
    release = outcome.release
    return {
        "source": release.source, "release_id": release.release_id, **_facts(outcome),
        "pages": len(release.pages) or None, "characters": len(release.text),
        "boilerplate": sum(end - start for start, end in release.boilerplate),
        "origins": dict(outcome.origins), "warnings": list(outcome.warnings),
    }  # fmt: skip
