"""Verbs that ask: search, ask, serve."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

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
    Url,
    checked,
    current,
    print_json,
)
from qa_service.settings import read_settings

if TYPE_CHECKING:
    from qa_service.client import Client


def search(  # noqa: PLR0913, PLR0917 - each is an option
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: K = 10,
    index: Index = None,
    url: Url = None,
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
    from qa_service.api.searching import find
    from qa_service.bodies import SearchBody

    given = _filters(date_from, date_to, issuer, language, metadata) | _reading(as_of, as_written)
    body = checked(SearchBody, q=query, k=k, explain=explain, **given)
    with _remote(url) as service:
        if service:
            reply = service.search(query, k, explain=explain, **given)
        else:
            with current(index) as (generation, settings):
                reply = find(body, generation, settings)
    if as_json:
        print_json(reply.model_dump(mode="json", exclude=None if explain else {"stages"}))
        return
    stages = reply.stages
    lexical = {hit.passage_id: hit.score for hit in stages.lexical} if stages else {}
    dense = {hit.passage_id: hit.score for hit in stages.dense} if stages else {}
    for one in reply.hits:
        by_stage = (lexical.get(one.passage_id, 0.0), dense.get(one.passage_id, 0.0))
        stage = f" (lexical {by_stage[0]:.2f}, dense {by_stage[1]:.3f})" if explain else ""
        print(f"{one.rank}. {one.score:.4f}{stage} {one.passage_id}")
        print(f"   {' '.join(one.text.split())[:300]}")


def ask(  # noqa: PLR0913, PLR0917 - each is an option
    question: Annotated[str, typer.Argument(help="In plain language.")],
    k: K = 10,
    index: Index = None,
    url: Url = None,
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
    from qa_service.api.answering import answer_body
    from qa_service.bodies import AnswerBody
    from qa_service.replies import AnswerReply
    from qa_service.wiring import make_answerer

    filters = _filters(date_from, date_to, issuer, language, metadata)
    reading = _reading(as_of, as_written)
    body = checked(AnswerBody, question=question, k=k, filters=filters, **reading)
    with _remote(url) as service:
        if service:
            reply = service.answer(question, k=k, **filters, **reading)
        else:
            with current(index) as (generation, settings):
                asked = answer_body(body, generation, make_answerer(settings), settings)
            reply = AnswerReply.of(question, asked)
    if as_json:
        print_json(reply.model_dump(mode="json"))
        return
    print(reply.text)
    for choice in reply.choices:
        print(f"  {choice.published or 'undated'}  {choice.title or choice.release_id}")
    for cited in reply.citations:
        facts = ", ".join(filter(None, [cited.title, cited.issuer, str(cited.published or "")]))
        page = f"page {cited.page}, " if cited.page else ""
        print(
            f"\n[{cited.n}] {facts}\n    {cited.release_id}, {page}"
            f"characters {cited.start}-{cited.end}"
        )


def _filters(
    date_from: str | None,
    date_to: str | None,
    issuer: list[str] | None,
    language: list[str] | None,
    metadata: list[str] | None,
) -> dict[str, Any]:
    return {
        "date_from": date_from, "date_to": date_to, "issuer": issuer or [],
        "language": language or [], "metadata": metadata or [],
    }  # fmt: skip


def _reading(as_of: str | None, as_written: bool) -> dict[str, Any]:
    return {"as_of": as_of, "dates": not as_written, "spelling": not as_written}


@contextlib.contextmanager
def _remote(url: str | None) -> "Iterator[Client | None]":
    """The running service to ask, if one is named."""
    settings = read_settings(url=url)
    if not settings.url:
        yield None
        return
    from qa_service.client import Client

    with Client(settings.url, settings.key.get_secret_value()) as service:
        yield service


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to serve on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one.", show_default="8000")
    ] = None,
    corpus: Corpus = None,
    index: Index = None,
    allow_anonymous: Annotated[
        bool | None,
        typer.Option("--allow-anonymous", help="Let anybody ask, from other machines too."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that answer.", show_default="1")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Build too, whenever the corpus changes (see watch).")
    ] = False,
) -> None:
    """Serve the page and the API until interrupted.

    On an address that other machines reach, a key (see keys) or --allow-anonymous is needed.
    """
    settings = read_settings(
        host=host,
        port=port,
        corpus_dir=corpus,
        index_dir=index,
        allow_anonymous=allow_anonymous,
        workers=workers,
    )
    from qa_service.server import run

    run(settings, watch)
