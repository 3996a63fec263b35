"""Verbs that ask: search, ask, serve."""

import logging
from typing import Annotated

import typer

from qa_service.cli.options import (
    AsOf,
    AsWritten,
    Corpus,
    DateFrom,
    DateTo,
    Index,
    Issuers,
    Json,
    K,
    Languages,
    Metadata,
    current,
    given_filters,
    given_reading,
    print_json,
)
from qa_service.settings import read_settings


def search(  # noqa: PLR0913, PLR0917 - each is an option
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: K = 10,
    index: Index = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the ranking of each stage too.")
    ] = False,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    issuer: Issuers = None,
    language: Languages = None,
    metadata: Metadata = None,
    as_of: AsOf = None,
    as_written: AsWritten = False,
    as_json: Json = False,
) -> None:
    """Print the passages nearest to a query, as in: qa search "Ream naval base" -k 3 --explain."""
    from qa_service.replies import HitReply, StagesReply
    from qa_service.search import look_up
    from qa_service.search import search as search_index
    from qa_service.understanding import understand

    filters = given_filters(date_from, date_to, issuer, language, metadata)
    with current(index) as (generation, settings):
        reading = given_reading(settings.question_max_chars, as_of, as_written)
        stages = search_index(generation, understand(generation, query, filters, reading), k)
        found = look_up(generation, stages, 0, k)
        generation_id = generation.generation_id
    if as_json:
        hits = [HitReply.of(one).model_dump(mode="json") for one in found]
        reply = {"query": query, "generation_id": generation_id, "hits": hits}
        if explain:
            reply["stages"] = StagesReply.of(stages, k).model_dump()
        print_json(reply)
        return
    for one in found:
        stage = f" (lexical {one.lexical:.2f}, dense {one.dense:.3f})" if explain else ""
        print(f"{one.rank}. {one.score:.4f}{stage} {one.passage.passage_id}")
        print(f"   {' '.join(one.passage.text.split())[:300]}")


def ask(  # noqa: PLR0913, PLR0917 - each is an option
    question: Annotated[str, typer.Argument(help="In plain language.")],
    k: K = 10,
    index: Index = None,
    date_from: DateFrom = None,
    date_to: DateTo = None,
    issuer: Issuers = None,
    language: Languages = None,
    metadata: Metadata = None,
    as_of: AsOf = None,
    as_written: AsWritten = False,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes, as in: qa ask "What did Blinken thank Cambodia for?"."""
    from qa_service.answer import ask as ask_generation
    from qa_service.replies import AnswerReply
    from qa_service.wiring import make_answerer

    filters = given_filters(date_from, date_to, issuer, language, metadata)
    with current(index) as (generation, settings):
        reading = given_reading(settings.question_max_chars, as_of, as_written)
        answerer, threshold = make_answerer(settings), settings.evidence_threshold
        asked = ask_generation(generation, answerer, question, [], filters, k, reading, threshold)
    reply = AnswerReply.of(question, asked)
    if as_json:
        print_json(reply.model_dump(mode="json"))
        return
    print(reply.text)
    for choice in reply.choices:
        print(f"  {choice.published or 'undated'}  {choice.title or choice.release_id}")
    for cited in reply.citations:
        facts = ", ".join(filter(None, [cited.title, cited.issuer, str(cited.published or "")]))
        print(
            f"\n[{cited.n}] {facts}\n    {cited.release_id}, characters {cited.start}-{cited.end}"
        )


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
