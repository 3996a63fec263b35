"""Verbs that build: build, watch."""

import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qa_service.cli.options import Corpus, Index, Json, print_json, progress
from qa_service.errors import CorpusError, EngineError, GenerationError
from qa_service.settings import read_settings

if TYPE_CHECKING:
    from qa_service.index import BuildReport, Progress, Share
    from qa_service.settings import Settings

JOB_WAIT_S = 7 * 24 * 3600.0


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
    vectors_from: Annotated[
        list[Path] | None,
        typer.Option(help="Take over what `qa embed` made in this index folder; repeatable."),
    ] = None,
    as_json: Json = False,
    job: Annotated[
        Path | None,
        typer.Option("--job", hidden=True, help="For a server: tell this file how far it is."),
    ] = None,
) -> None:
    """Build the index from the corpus and publish it; running servers take it up by themselves.

    Only what changed is read, embedded and indexed. Nothing happens if the corpus and the settings are
    those of the current generation.
    """
    settings = read_settings(corpus_dir=corpus, index_dir=index)
    if job is not None:
        _build_as_job(settings, job, full)
        return
    if vectors_from:
        _take(settings, vectors_from, wait)
    report = _build(settings, progress, full=full, strict=strict, wait_s=wait)
    if as_json:
        print_json(as_json_report(report))
        return
    for one in report.manifest.left_out:
        print(f"left out: {one.source}: {one.reason}", file=sys.stderr)
    print("\n".join(as_lines(report)))


def embed(
    part: Annotated[
        str, typer.Option("--part", metavar="K/N", help="Which of how many shares: 2/4.")
    ],
    corpus: Corpus = None,
    index: Index = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Wait this many seconds for a build.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Embed one of N shares of the corpus and publish nothing, so that N machines embed a large one.

    Each with an index folder of its own: then `qa build --vectors-from` with all of them embeds nothing.
    """
    from qa_service.index import embed_share
    from qa_service.wiring import make_engines, make_plan

    share = _share(part)
    settings = read_settings(corpus_dir=corpus, index_dir=index)
    engines = make_engines(settings)
    report = embed_share(make_plan(settings), engines, progress, share, wait)
    if as_json:
        print_json(asdict(report))
        return
    took = ", ".join(f"{step} {seconds:.1f}" for step, seconds in report.took_s.items())
    print(
        f"part {share.part} of {share.of}: {report.releases} of {report.of} releases, "
        f"{report.texts} texts, {report.embedded} newly embedded; took s: {took}"
    )


def _share(part: str) -> "Share":
    from qa_service.index import Share

    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", part)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Share(int(found[1]), int(found[2]))
    raise typer.BadParameter(f"{part!r} is no share: the second of four is 2/4")


def _take(settings: "Settings", others: Sequence[Path], wait_s: float) -> None:
    from qa_service.index import take_vectors

    taken = take_vectors(settings.index_dir, others, progress, wait_s)
    print(f"{taken} vectors taken over", file=sys.stderr)


def watch(
    corpus: Corpus = None,
    index: Index = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Build, and build again whenever the corpus has changed and then been quiet for QA_SETTLE_S seconds.

    Until interrupted. What goes wrong is said, and watching goes on.
    """
    from qa_service.index.watching import settled
    from qa_service.wiring import make_engines

    settings = read_settings(corpus_dir=corpus, index_dir=index)
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    engines = make_engines(settings)  # the model is loaded once
    for _ in settled(settings.corpus_dir, settings.settle_s):
        try:
            report = _build(settings, progress, wait_s=JOB_WAIT_S, engines=engines)
        except (CorpusError, EngineError, GenerationError, OSError) as error:
            print(f"qa: {error}", file=sys.stderr, flush=True)
            continue
        if not report.unchanged:
            print(f"{datetime.now():%H:%M:%S} {'; '.join(as_lines(report))}", flush=True)


def _end_with_parent() -> None:
    """Who started this holds the other end of the input: it ends when that process does."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _build(settings: "Settings", progress: "Progress", **options: Any) -> "BuildReport":
    from qa_service import index as generations
    from qa_service.wiring import make_engines, make_plan

    engines = options.pop("engines", None) or make_engines(settings)
    return generations.build(make_plan(settings), engines, progress, **options)


def _build_as_job(settings: "Settings", path: Path, full: bool) -> None:
    """Build for a server that asked for it, and tell the job's file; searches go first."""
    from qa_service.index.jobs import JobLog

    os.nice(10)
    log = JobLog(path)
    try:
        report = _build(settings, log.progress, full=full, wait_s=JOB_WAIT_S)
    except BaseException as error:
        log.tell(state="failed", error=str(error) or type(error).__name__)
        raise
    log.tell(state="done", step="", report=as_json_report(report))


def as_json_report(report: "BuildReport") -> dict[str, Any]:
    """What a build did, for programs."""
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
        "lexical": manifest.lexical,
        "took_s": report.took_s,
    }


def as_lines(report: "BuildReport") -> list[str]:
    """What there is now, what changed, and what it cost."""
    manifest, files = report.manifest, report.files
    what = f"{manifest.releases} releases, {manifest.passages} passages"
    done = "unchanged" if report.unchanged else f"published, {report.embedded} newly embedded"
    left = f", {len(manifest.left_out)} left out" if manifest.left_out else ""
    lines = [f"{manifest.generation_id}: {what}{left}; {done}"]
    if manifest.lexical:
        lines.append(manifest.lexical)
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
