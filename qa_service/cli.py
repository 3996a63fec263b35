"""The verbs of ``qa``."""

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from qa_service import __version__
from qa_service.errors import QaError
from qa_service.settings import read_settings

app = typer.Typer(
    help="Cited answers to questions over press releases.\n\n"
    "Put releases (.txt, .md, .jsonl) into corpus/, then: [bold]qa build[/], [bold]qa serve[/].\n\n"
    "Exit codes: 0 done, 2 a setting is wrong, 3 the corpus cannot be read, 4 the index cannot be "
    "used, 5 the question cannot be used, 6 a model failed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Corpus = Annotated[
    Path | None, typer.Option("--corpus", help="The folder of releases.", show_default="corpus")
]
Index = Annotated[
    Path | None, typer.Option("--index", help="The folder of generations.", show_default="index")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
K = Annotated[int, typer.Option("-k", "--k", min=1, max=100, help="How many passages.")]


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


@app.command()
def build(
    corpus: Corpus = None,
    index: Index = None,
    full: Annotated[bool, typer.Option("--full", help="Build even if nothing changed.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail, and publish nothing, if anything is left out.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Wait this many seconds for another build.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Build the index from the corpus and publish it; running servers take it up by themselves.

    Nothing happens if the corpus and the settings are those of the current generation.
    """
    from qa_service import index as generations
    from qa_service.wiring import make_engines, make_plan

    settings = read_settings(corpus_dir=corpus, index_dir=index)
    report = generations.build(
        make_plan(settings),
        make_engines(settings),
        _progress,
        full=full,
        strict=strict,
        wait_s=wait,
    )
    manifest = report.manifest
    if as_json:
        _print_json(
            {
                "generation_id": manifest.generation_id,
                "unchanged": report.unchanged,
                "releases": manifest.releases,
                "passages": manifest.passages,
                "embedded": report.embedded,
                "left_out": [one.model_dump() for one in manifest.left_out],
            }
        )
        return
    for one in manifest.left_out:
        print(f"left out: {one.source}: {one.reason}", file=sys.stderr)
    what = f"{manifest.releases} releases, {manifest.passages} passages"
    done = "unchanged" if report.unchanged else f"published, {report.embedded} newly embedded"
    left = f", {len(manifest.left_out)} left out" if manifest.left_out else ""
    print(f"{manifest.generation_id}: {what}{left}; {done}")


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: K = 10,
    index: Index = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the ranking of each stage too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the passages nearest to a query, as in: qa search "Ream naval base" -k 3 --explain."""
    from qa_service.bodies import HitReply, StagesReply
    from qa_service.search import look_up, make_query
    from qa_service.search import search as search_index
    from qa_service.types import Filters

    with _current(index) as (generation, settings):
        stages = search_index(
            generation, make_query(query, Filters(), settings.question_max_chars), k
        )
        found = look_up(generation, stages, 0, k)
        generation_id = generation.generation_id
    if as_json:
        hits = [HitReply.of(one).model_dump(mode="json") for one in found]
        reply = {"query": query, "generation_id": generation_id, "hits": hits}
        if explain:
            reply["stages"] = StagesReply.of(stages).model_dump()
        _print_json(reply)
        return
    for one in found:
        stage = f" (lexical {one.lexical:.2f}, dense {one.dense:.3f})" if explain else ""
        print(f"{one.rank}. {one.score:.4f}{stage} {one.passage.passage_id}")
        print(f"   {' '.join(one.passage.text.split())[:300]}")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In plain language.")],
    k: K = 10,
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes, as in: qa ask "What did Blinken thank Cambodia for?"."""
    from qa_service.answer import AnswerSettings
    from qa_service.answer import ask as ask_generation
    from qa_service.bodies import AnswerReply
    from qa_service.types import Filters
    from qa_service.wiring import make_answerer

    with _current(index) as (generation, settings):
        limits = AnswerSettings(settings.evidence_threshold, settings.question_max_chars)
        answerer = make_answerer(settings)
        asked = ask_generation(generation, answerer, question, [], Filters(), k, limits)
    reply = AnswerReply.of(question, asked)
    if as_json:
        _print_json(reply.model_dump(mode="json"))
        return
    print(reply.text)
    for cited in reply.citations:
        facts = ", ".join(filter(None, [cited.title, cited.issuer, str(cited.published or "")]))
        print(
            f"\n[{cited.n}] {facts}\n    {cited.release_id}, characters {cited.start}-{cited.end}"
        )


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to serve on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one.", show_default="8000")
    ] = None,
    corpus: Corpus = None,
    index: Index = None,
) -> None:
    """Serve the page and the API until interrupted."""
    settings = read_settings(host=host, port=port, corpus_dir=corpus, index_dir=index)
    import uvicorn

    from qa_service.app import create_app

    logging.getLogger("qa_service").setLevel(logging.INFO)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="info")


@app.command(name="eval")
def evaluate(
    folder: Annotated[
        Path,
        typer.Argument(help="With corpus.jsonl, queries.jsonl and qrels/*.tsv, as BEIR has it."),
    ],
    qrels: Annotated[
        str | None, typer.Option(help="Which qrels file, if there are several.")
    ] = None,
    titles: Annotated[bool, typer.Option(help="Index the titles too.")] = True,
    split: Annotated[bool, typer.Option(help="Split overlong paragraphs.")] = True,
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Where to keep its index.", show_default="index/.eval"),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Write TREC run files: RUN.lexical, RUN.dense, …")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval on a question set, stage by stage.

    Prints recall, nDCG and MRR of each stage with 95 % intervals. The index of the set is kept, so
    that a second run is quick.
    """
    from qa_service import evaluation
    from qa_service import index as generations
    from qa_service.wiring import make_engines, make_plan

    base = read_settings()
    settings = read_settings(
        index_dir=index or base.index_dir / ".eval" / folder.resolve().name,
        index_titles=titles,
        passage_max_chars=base.passage_max_chars if split else 0,
    )
    judged = evaluation.read_qrels(evaluation.find_qrels(folder, qrels))
    queries = evaluation.read_queries(folder)
    engines = make_engines(settings)
    generations.build(make_plan(settings, folder / "corpus.jsonl"), engines, _progress)
    generation = generations.open_current(settings.index_dir, engines)
    with contextlib.closing(generation), _progress("asking queries", len(judged)) as bar:
        stages = evaluation.evaluate(generation, queries, judged, bar.update)
    if run is not None:
        evaluation.write_runs(run, stages)
    summaries = {
        stage: evaluation.summarise([one.measures for one in rows])
        for stage, rows in stages.items()
    }
    if as_json:
        _print_json(
            {s: {m: asdict(e) for m, e in summary.items()} for s, summary in summaries.items()}
        )
        return
    print("\n".join(evaluation.table(summaries, len(judged))))


@app.command()
def generations(index: Index = None, as_json: Json = False) -> None:
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
        _print_json(rows)
        return
    for row in rows:
        facts = row.get("problem") or (
            f"{row['built_at']} {row['releases']} releases, {row['passages']} passages"
        )
        print(f"{'*' if row['current'] else ' '} {row['generation_id']} {facts}")


@app.command()
def publish(
    generation_id: Annotated[str, typer.Argument(help="As `qa generations` lists it.")],
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Serve this generation from now on: the way back to an older one."""
    from qa_service import index as published

    published.publish(read_settings(index_dir=index).index_dir, generation_id)
    _say(as_json, {"current": generation_id}, f"serving {generation_id}")


@app.command()
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
    _say(as_json, result, f"{manifest.generation_id}: {len(manifest.files)} files, all intact")


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest to keep.")] = 3,
    index: Index = None,
    as_json: Json = False,
) -> None:
    """Remove old generations; never the one that is served, nor one that is being read."""
    from qa_service import index as published

    removed = published.prune(read_settings(index_dir=index).index_dir, keep)
    _say(as_json, {"removed": removed}, f"removed {len(removed)}: {', '.join(removed) or 'none'}")


@contextlib.contextmanager
def _current(index: Path | None) -> Iterator[Any]:
    from qa_service.index import open_current
    from qa_service.wiring import make_engines

    settings = read_settings(index_dir=index)
    generation = open_current(settings.index_dir, make_engines(settings))
    try:
        yield generation, settings
    finally:
        generation.close()


def _progress(what: str, total: int | None) -> "tqdm[Any]":
    return tqdm(desc=f"{what:18}", total=total, unit="", mininterval=0.5, file=sys.stderr)


def _say(as_json: bool, result: object, sentence: str) -> None:
    if as_json:
        _print_json(result)
    else:
        print(sentence)


def _print_json(result: object) -> None:
    print(json.dumps(result, ensure_ascii=False, indent=2))
