"""Answers over many releases, which no search for the best passages gives.

Mentions counted, all that a person is quoted with, a course of time.
"""

from collections.abc import Callable
from dataclasses import replace

from qa_service.answer.checking import check_draft
from qa_service.mentions import as_found, find_mentions, mentions_asked, quoted
from qa_service.search import Published
from qa_service.statements import find_statements, statements_asked
from qa_service.timelines import find_timeline, timeline_asked
from qa_service.types import Answer, Claim, Draft, Found, Mentions, Query

QUOTED = 5
"""Of the releases that mention what was asked for, how many are quoted; all are listed."""

Gathered = tuple[Answer, list[Found]]
"""An answer and the passages that it quotes from."""


def gather(published: Published, query: Query) -> Gathered | None:
    """The answer to a question over many releases; ``None`` if it is another, or nothing was gathered."""
    ways: tuple[Callable[[Published, Query], Gathered | None], ...] = (
        _mentions, _statements, _timeline,
    )  # fmt: skip
    return next((found for way in ways if (found := way(published, query))), None)


def told(mentions: Mentions, found: list[Found], generation_id: str) -> Answer:
    """How many there are and from when to when; quotes of the newest, or of the one asked for."""
    if not mentions.releases:
        text = f"No release mentions “{mentions.phrase}”."
        return Answer("no_evidence", text, (), 1.0, generation_id, mentions=mentions)
    claims = [
        Claim(one.passage.passage_id, one.start, one.end, one.release.text[one.start : one.end])
        for one in quoted(mentions, QUOTED)
    ]
    cited = check_draft(Draft(tuple(claims), 1.0), found, generation_id, 0.0)
    text = f"{in_figures(mentions)}\n\n{cited.text}"
    return replace(cited, text=text, mentions=mentions)


def in_figures(mentions: Mentions) -> str:
    """The sentence that counts: "12 releases mention “X”, the first of 4 May 2016, the last of …"."""
    count = len(mentions.releases)
    days = [one.release.published for one in mentions.releases if one.release.published]
    if mentions.said:
        releases = len({one.release.release_id for one in mentions.releases})
        said = f"{count:,} statements" if count > 1 else "One statement"
        said += (
            f" in {releases:,} releases" if releases > 1 else " in one release" if count > 1 else ""
        )
        told = f"{said} by {mentions.phrase}"
    else:
        said = f"{count:,} releases mention" if count > 1 else "One release mentions"
        told = f"{said} “{mentions.phrase}”"
    if not days:
        return f"{told}."
    first, last = (f"{day.day} {day:%B %Y}" for day in (min(days), max(days)))
    return (
        f"{told}, of {first}."
        if first == last
        else f"{told}, the first of {first}, the last of {last}."
    )


def _mentions(published: Published, query: Query) -> Gathered | None:
    wanted = mentions_asked(query)
    mentions = find_mentions(published, query, wanted) if wanted else None
    return _with_passages(published, mentions) if mentions else None


def _statements(published: Published, query: Query) -> Gathered | None:
    wanted = statements_asked(query)
    statements = find_statements(published, query, *wanted) if wanted else None
    return _with_passages(published, statements) if statements else None


def _with_passages(published: Published, mentions: Mentions) -> Gathered:
    found = as_found(quoted(mentions, QUOTED))
    return told(mentions, found, published.generation_id), found


def _timeline(published: Published, query: Query) -> Gathered | None:
    subject = timeline_asked(query)
    claims, found = find_timeline(published, query, subject) if subject else ([], [])
    if len(claims) < 2:
        return None
    return check_draft(Draft(tuple(claims), 1.0), found, published.generation_id, 0.0), found
