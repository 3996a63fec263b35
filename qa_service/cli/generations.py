"""Verbs of the generations: list, publish, verify, prune, pause."""

import contextlib
from typing import Annotated, Any

import typer

from qa_service.cli.options import Index, Json, print_json, say
from qa_service.errors import QaError
from qa_service.settings import read_settings


def list_generations(index: Index = None, as_json: Json = False) -> None:
    """List the generations, the oldest first; * marks the one that is served."""
    from qa_service import index as published

    folder = read_settings(index_dir=index).index_dir
    rows = []
    current = None
    with contextlib.suppress(QaError):
        current = published.current_id(folder)
    for generation_id in published.generation_ids(folder):
        row: dict[str, Any] = {"generation_id": generation_id, "current": generation_id == current}
        try:
            manifest = published.manifest_of(folder, generation_id)
            row |= {"built_at": manifest.built_at.isoformat(timespec="seconds")}
            row |= {"releases": manifest.releases, "passages": manifest.passages}
            row |= {"note": manifest.lexical} if manifest.lexical else {}
        except QaError as error:
            row["problem"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        facts = row.get("problem") or (
            f"{row['built_at']} {row['releases']} releases, {row['passages']} passages"
            + (f"; {row['note']}" if "note" in row else "")
        )
        print(f"{'*' if row['current'] else ' '} {row['generation_id']} {facts}")


def publish(
    generation_id: Annotated[str, typer.Argument(help="As `qa generations` lists it.")],
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Serve this generation from now on: the way back to an older one."""
    from qa_service import index as published
    from qa_service.wiring import make_engines

    settings = read_settings(index_dir=index)
    published.manifest_of(settings.index_dir, generation_id)  # an unknown id is refused first
    make_engines(settings).publish(settings.index_dir / generation_id)
    published.publish(settings.index_dir, generation_id)
    say(as_json, {"current": generation_id}, f"serving {generation_id}")


def verify(
    generation_id: Annotated[
        str | None, typer.Argument(help="As `qa generations` lists it; default: the current one.")
    ] = None,
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Compare every file of a generation with its digest; exit code 4 if one disagrees."""
    from qa_service import index as published

    folder = read_settings(index_dir=index).index_dir
    manifest = published.verify(folder, generation_id or published.current_id(folder))
    result = {"generation_id": manifest.generation_id, "files": len(manifest.files), "intact": True}
    say(as_json, result, f"{manifest.generation_id}: {len(manifest.files)} files, all intact")


def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest to keep.")] = 3,
    cache: Annotated[
        bool, typer.Option("--cache", help="Remove all vectors that are kept for the next builds.")
    ] = False,
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Remove old generations; never the one that is served, nor one that is being read.

    What is kept of vectors for the next builds is cut to QA_CACHE_MAX_BYTES.
    """
    from qa_service import index as published
    from qa_service.wiring import make_engines

    settings = read_settings(index_dir=index)
    engines = make_engines(settings)
    removed = published.prune(settings.index_dir, keep, engines.drop)
    vectors = published.trim_cache(settings.index_dir, 0 if cache else settings.cache_max_bytes)
    sentence = f"removed {len(removed)}: {', '.join(removed) or 'none'}"
    more = f"; and {vectors} vectors from the cache" if vectors else ""
    say(as_json, {"removed": removed, "vectors": vectors}, sentence + more)


def pause(
    off: Annotated[bool, typer.Option("--off", help="Switch answers on again.")] = False,
    message: Annotated[str, typer.Option("--message", help="What to say meanwhile.")] = "",
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Switch answers off; searches and releases stay. Running servers do so from the next request on."""
    from qa_service import index as published

    folder = read_settings(index_dir=index).index_dir
    if off:
        published.resume(folder)
    else:
        published.pause(folder, message)
    say(as_json, {"paused": not off}, f"answers are {'on' if off else 'paused'}")
