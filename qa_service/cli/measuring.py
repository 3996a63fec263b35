"""The verb that measures: eval."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qa_service.cli.options import Json, print_json, progress
from qa_service.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qa_service.answer import Asked
    from qa_service.index import Generation
    from qa_service.types import Turn


def evaluate(  # noqa: PLR0913, PLR0917 - each is an option
    folder: Annotated[
        Path,
        typer.Argument(
            help="With corpus.jsonl, queries.jsonl and qrels/*.tsv, as BEIR has it; or questions.jsonl "
            "with the quotes that answer them."
        ),
    ],
    corpus: Annotated[
        Path | None,
        typer.Option(help="The releases, if not corpus.jsonl.", show_default="DIR/corpus.jsonl"),
    ] = None,
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
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what each step takes and gains.")
    ] = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Measure the answers instead, with their citations.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure retrieval on a question set, stage by stage; with --answers, the answers.

    Prints recall, nDCG and MRR of each stage with 95 % intervals, or, for questions with quotes, the
    recall of the quotes by kind of question. The index of the set is kept, so that a second run is
    quick.
    """
    from qa_service import evidence

    base = read_settings()
    releases = corpus or folder / "corpus.jsonl"
    settings = read_settings(
        index_dir=index or base.index_dir / ".eval" / releases.resolve().parent.name,
        index_titles=titles,
        passage_max_chars=base.passage_max_chars if split else 0,
    )
    if answers:
        _evaluate_answers(folder, releases, settings, as_json)
    elif (folder / evidence.FILE).is_file():
        _evaluate_evidence(folder, releases, settings, as_json)
    else:
        _evaluate_qrels(folder, releases, settings, qrels, run, explain, as_json)


def _evaluate_answers(folder: Path, releases: Path, settings: Settings, as_json: bool) -> None:
    from qa_service import judging
    from qa_service.answer import ask
    from qa_service.types import Filters
    from qa_service.understanding import Reading
    from qa_service.wiring import make_answerer

    questions = judging.read_judged(folder)
    answerer, reading = make_answerer(settings), Reading(judging.MAX_CHARS)
    with (
        _generation(releases, settings) as generation,
        progress("asking questions", len(questions)) as bar,
    ):

        def asked(question: str, history: "Sequence[Turn]") -> "Asked":
            threshold = settings.evidence_threshold
            return ask(
                generation, answerer, question, history, Filters(), judging.K, reading, threshold
            )

        verdicts = list(judging.judge(questions, asked, bar.update))
    if as_json:
        print_json([asdict(one) for one in verdicts])
    else:
        print("\n".join(judging.table(verdicts)))


def _evaluate_evidence(folder: Path, releases: Path, settings: Settings, as_json: bool) -> None:
    from qa_service import evidence

    questions = evidence.read_questions(folder)
    with (
        _generation(releases, settings) as generation,
        progress("asking questions", len(questions)) as bar,
    ):
        found = evidence.measure_evidence(generation, questions, bar.update)
    if as_json:
        print_json(found)
    else:
        print("\n".join(evidence.table(found)))


def _evaluate_qrels(
    folder: Path,
    releases: Path,
    settings: Settings,
    qrels: str | None,
    run: Path | None,
    explain: bool,
    as_json: bool,
) -> None:
    from qa_service import evaluation

    judged = evaluation.read_qrels(evaluation.find_qrels(folder, qrels))
    queries = evaluation.read_queries(folder)
    with (
        _generation(releases, settings) as generation,
        progress("asking queries", len(judged)) as bar,
    ):
        stages = evaluation.evaluate(generation, queries, judged, bar.update)
    if run is not None:
        evaluation.write_runs(run, stages)
    summaries = {
        stage: evaluation.summarise([one.measures for one in rows])
        for stage, rows in stages.items()
    }
    if as_json:
        print_json(
            {s: {m: asdict(e) for m, e in summary.items()} for s, summary in summaries.items()}
        )
        return
    print("\n".join(evaluation.table(summaries, len(judged))))
    if explain:
        print("\n".join(evaluation.explain(stages, summaries)))


@contextlib.contextmanager
def _generation(releases: Path, settings: Settings) -> "Iterator[Generation]":
    """The releases, built and opened."""
    from qa_service import index as generations
    from qa_service.wiring import make_engines, make_plan

    engines = make_engines(settings)
    generations.build(make_plan(settings, releases), engines, progress)
    with contextlib.closing(generations.open_current(settings.index_dir, engines)) as generation:
        yield generation
