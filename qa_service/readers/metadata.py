"""From what a reader gives to a release: for each field the fact of the most trusted origin."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.boilerplate import find_boilerplate, merge
from qa_service.readers.calendar_names import day_first_in
from qa_service.readers.dates import ISO, DateStyle, parse_date
from qa_service.readers.extract import FIELDS, TRUST, Extract, Fact, facts_from
from qa_service.readers.language import language_of
from qa_service.readers.letterhead import Letterhead, is_institution, read_letterhead
from qa_service.types import Reading, Release

ID_MAX = 200
_NUMBERS = re.compile(r"(?<!\d)(\d{4})[-_./]?(\d{2})[-_./]?(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Given:
    """What a person wrote beside a release, in its sidecar; it wins over what was read."""

    facts: tuple[Fact, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    superseded_by: str = ""


def make_reading(
    extract: Extract,
    release_id: str,
    source: str,
    given: Given | None = None,
    day_first: bool | None = None,
) -> Reading:
    """One release, with where each fact was read. ``day_first`` is used where the file has no locale.

    Raises:
        CorpusError: the id cannot stand in an address.
    """
    check_id(release_id)
    given = given or Given()
    boilerplate = merge([*extract.boilerplate, *find_boilerplate(extract.text)])
    facts = [*given.facts, *extract.facts, *_in_name(release_id)]
    if not any(fact.field == "language" for fact in facts):
        facts += facts_from("the words", language=language_of(extract.text))
    style = _date_style(facts, extract.day_first, day_first)
    head = read_letterhead(extract.text, style, boilerplate)
    facts += _printed(head)
    best = _best(facts)
    values: dict[str, Any] = {name: best[name].value if name in best else "" for name in FIELDS}
    values["published"] = values["published"] or None
    metadata = {**extract.metadata, **given.metadata}
    if (
        head.by
        and not is_institution(head.by)
        and "author" not in metadata
        and values["issuer"] != head.by
    ):
        metadata["author"] = head.by
    release = Release(
        release_id=release_id,
        text=extract.text,
        source=source,
        body_start=head.body[0],
        body_end=head.body[1],
        dateline_start=head.dateline[0],
        dateline_end=head.dateline[1],
        metadata=metadata,
        pages=extract.pages,
        boilerplate=boilerplate,
        superseded_by=given.superseded_by,
        **values,
    )
    warnings = (*extract.warnings, *_doubts(release, head, facts, best))
    return Reading(release, {name: fact.origin for name, fact in best.items()}, warnings)


def _date_style(facts: Sequence[Fact], *orders: bool | None) -> DateStyle:
    """By the language of the release; the first order that is known counts, then that of the language."""
    languages = _best([fact for fact in facts if fact.field == "language"])
    language = str(languages["language"].value) if languages else ""
    known = next((order for order in orders if order is not None), None)
    return DateStyle(language, day_first_in(language) if known is None else known)


def check_id(release_id: str) -> str:
    """Return ``release_id`` if it can stand in an address.

    Raises:
        CorpusError: it cannot.
    """
    if not release_id.strip() or len(release_id) > ID_MAX or not release_id.isprintable():
        raise CorpusError(
            f"the file's name cannot be an id: use printable characters, at most {ID_MAX}"
        )
    if {"", ".", ".."} & set(release_id.split("/")):
        raise CorpusError(
            f'{release_id!r} has nothing, "." or ".." between slashes: browsers drop it'
        )
    return release_id


def sidecar_facts(given: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The facts in a sidecar.

    Raises:
        CorpusError: a date in it cannot be read.
    """
    values = {name: given.get(name) for name in FIELDS}
    written = given.get("published", given.get("date"))
    language = str(given.get("language") or "")
    values["published"] = parse_date(written, DateStyle(language, day_first_in(language)))
    if written not in (None, "") and values["published"] is None:
        raise CorpusError(f"published is {written!r}: write it as YYYY-MM-DD")
    return facts_from("sidecar", **values)


def _printed(head: Letterhead) -> Iterator[Fact]:
    """What the letterhead, the dateline and the byline say."""
    yield from facts_from("letterhead" if head.marked else "first line", title=head.title)
    yield from facts_from("letterhead", issuer=head.issuer)
    yield from facts_from("dateline", published=head.published, place=head.place)
    yield from facts_from("byline", published=head.by_date, issuer=_institution(head.by))


def _institution(name: str) -> str:
    return name if is_institution(name) else ""


def _in_name(release_id: str) -> tuple[Fact, ...]:
    """The date that a file's name has: "2024-03-05-ferry", "pr_20240305"."""
    name = release_id.rpartition("/")[2]
    found = ISO.search(name) or _NUMBERS.search(name)
    return facts_from(
        "file name", published=parse_date("-".join(found.groups())) if found else None
    )


def _best(facts: Sequence[Fact]) -> dict[str, Fact]:
    best: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda fact: TRUST.index(fact.origin)):
        best.setdefault(fact.field, fact)
    return best


def _doubts(
    release: Release, head: Letterhead, facts: Sequence[Fact], best: Mapping[str, Fact]
) -> Iterator[str]:
    if not release.title:
        yield "no title was found"
    if release.published is None:
        if head.ambiguous:
            yield f"the date {head.ambiguous} can be read in two ways: published stays unknown"
        else:
            yield "no date of issue was found"
        return
    chosen = best["published"]
    if chosen.origin == "HTTP header":
        yield "the date is only when the server says the page was changed"
    if chosen.origin == "sidecar":
        return
    others = {fact.origin: fact.value for fact in facts if fact.field == "published"}
    for origin, value in others.items():
        if (
            isinstance(value, date)
            and origin not in (chosen.origin, "HTTP header")
            and value != chosen.value
        ):
            yield f"{chosen.origin} says {chosen.value}, {origin} {value}: the {chosen.origin} is taken"
