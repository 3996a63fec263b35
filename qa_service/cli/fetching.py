"""The verb that fetches releases: fetch."""

import sys
from collections import Counter
from typing import Annotated

import typer

from qa_service.cli.options import Corpus, Json, print_json, progress
from qa_service.errors import FetchError
from qa_service.settings import read_settings


def fetch(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            help="Feeds, sitemaps or releases; without any: the sources of sources.toml in the corpus.",
        ),
    ] = None,
    corpus: Corpus = None,
    as_json: Json = False,
) -> None:
    """Fetch new and changed releases from feeds, sitemaps and pages into the corpus.

    Run it as often as you like: what has not changed is not fetched again. Then run qa build.
    """
    from qa_service import fetching
    from qa_service.wiring import make_fetch_limits, make_limits, make_reading_options

    settings = read_settings(corpus_dir=corpus)
    folder = settings.corpus_dir
    sources = (
        [fetching.Source(url) for url in urls]
        if urls
        else fetching.read_sources(folder / fetching.SOURCES)
    )
    outcomes = []
    with progress("fetching releases", None) as bar:
        for outcome in fetching.fetch(
            folder,
            sources,
            make_fetch_limits(settings),
            make_reading_options(settings),
            make_limits(settings),
        ):
            bar.update(1)
            outcomes.append(outcome)
            if not as_json and outcome.what != "unchanged":
                told = " ".join(filter(None, (outcome.release_id, outcome.reason)))
                bar.write(f"{outcome.what}: {outcome.url}: {told}", file=sys.stdout)
    if as_json:
        print_json(
            [
                {"url": o.url, "what": o.what, "release_id": o.release_id, "reason": o.reason}
                for o in outcomes
            ]
        )
    else:
        counts = Counter(outcome.what for outcome in outcomes)
        print(
            ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing was listed"
        )
    if failed := [outcome for outcome in outcomes if outcome.what == "failed"]:
        raise FetchError(f"{len(failed)} of {len(outcomes)} failed, the first: {failed[0].reason}")
