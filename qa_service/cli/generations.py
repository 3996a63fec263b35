"""Verbs of the index: build, generations, publish, verify, prune."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qa_service.cli.options import Corpus, Index, Json, print_json, progress, say
from qa_service.errors import QaError
from qa_service.settings import read_settings

if TYPE_CHECKING:
    from qa_service.index import BuildReport


def build(
    corpus: Corpus = None,
    index: Index = None,
    full: Annotated[
        bool, typer.Option("--full", help="Take over nothing: read and embed everything anew.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail, and publish nothing, if anything is left out.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Wait this many seconds for another build.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Build the index from the corpus and publish it; running servers take it up by themselves.

    Only what changed is read, embedded and indexed. Nothing happens if the corpus and the settings are
    those of the current generation.
    """
    from qa_service import index as generations
    from qa_service.wiring import make_engines, make_plan

    settings = read_settings(corpus_dir=corpus, index_dir=index)
    report = generations.build(
        make_plan(settings),
        make_engines(settings),
        progress,
        full=full,
        strict=strict,
        wait_s=wait,
    )
    if as_json:
        print_json(_as_json(report))
        return
    for one in report.manifest.left_out:
        print(f"left out: {one.source}: {one.reason}", file=sys.stderr)
    print("\n".join(_as_lines(report)))


def _as_json(report: "BuildReport") -> dict[str, Any]:
    manifest = report.manifest
    return {
        "generation_id": manifest.generation_id,
        "unchanged": report.unchanged,
        "releases": manifest.releases,
        "passages": manifest.passages,
        "embedded": report.embedded,
        "left_out": [one.model_dump() for one in manifest.left_out],
        "files": asdict(report.files),
        "changed_releases": asdict(report.releases),
        "changed_passages": asdict(report.passages),
        "whole": report.whole,
        "took_s": report.took_s,
    }


def _as_lines(report: "BuildReport") -> list[str]:
    """What there is now, what changed, and what it cost."""
    manifest, files = report.manifest, report.files
    what = f"{manifest.releases} releases, {manifest.passages} passages"
    done = "unchanged" if report.unchanged else f"published, {report.embedded} newly embedded"
    left = f", {len(manifest.left_out)} left out" if manifest.left_out else ""
    lines = [f"{manifest.generation_id}: {what}{left}; {done}"]
    if report.unchanged:
        return lines
    if report.whole:
        lines.append(f"everything was built: {report.whole}")
    kinds = {
        "added": files.added,
        "changed": files.changed,
        "removed": files.removed,
        "renamed": tuple(f"{old} to {new}" for old, new in files.renamed),
    }
    told = [f"{len(names)} {kind} ({_some(names)})" for kind, names in kinds.items() if names]
    kept = manifest.passages - report.passages.added
    lines.append(f"files: {', '.join(told) or 'none changed'}")
    lines.append(
        f"passages: {report.passages.added} new, {report.passages.removed} gone, {kept} kept"
    )
    steps = ", ".join(f"{step} {took:.1f}" for step, took in report.took_s.items() if took >= 0.05)
    lines.append(f"took {sum(report.took_s.values()):.1f} s{': ' if steps else ''}{steps}")
    return lines


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


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
        except QaError as error:
            row["problem"] = str(error)
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        facts = row.get("problem") or (
            f"{row['built_at']} {row['releases']} releases, {row['passages']} passages"
        )
        print(f"{'*' if row['current'] else ' '} {row['generation_id']} {facts}")


def publish(
    generation_id: Annotated[str, typer.Argument(help="As `qa generations` lists it.")],
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Serve this generation from now on: the way back to an older one."""
    from qa_service import index as published

    published.publish(read_settings(index_dir=index).index_dir, generation_id)
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

    settings = read_settings(index_dir=index)
    removed = published.prune(settings.index_dir, keep)
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
