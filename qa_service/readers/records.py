"""Exports of content systems: JSON Lines, JSON and CSV, a release a record.

Which field of a record is what is guessed from its name, or said in ``[fields]`` of the sidecar:
``text = "body.rendered"``, ``metadata = ["number", "topic"]``. A dot leads into an object.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.calendar_names import day_first_in
from qa_service.readers.dates import DateStyle, ambiguous_date, language_of_locale, parse_date
from qa_service.readers.extract import Extract, check_characters, facts_from
from qa_service.readers.html import html_text
from qa_service.readers.text import decode, plain_value

_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("_id", "id", "guid", "uuid", "nid", "slug", "number"),
    "title": ("title", "title.rendered", "headline", "subject", "name", "heading"),
    "text": (
        "text", "body", "content.rendered", "content", "body_html", "html", "article", "body.value",
        "release", "story", "fulltext", "full_text",
    ),
    "published": (
        "published", "date", "published_at", "publish_date", "publication_date", "pub_date",
        "pubdate", "date_published", "release_date", "issued", "created",
    ),
    "issuer": (
        "issuer", "publisher", "organization", "organisation", "agency", "ministry", "department",
        "company", "source",
    ),
    "url": ("url", "link", "permalink", "canonical_url", "href", "uri"),
    "language": ("language", "lang", "locale"),
    "place": ("place", "location", "dateline", "city"),
}  # fmt: skip
_LISTS = ("releases", "items", "data", "records", "results", "rows", "posts", "articles", "entries")


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which field of a record is what; a field that is not named is guessed."""

    fields: Mapping[str, str]
    metadata: tuple[str, ...] | None = None


def read_mapping(given: object) -> FieldMapping:
    """The table ``[fields]`` of a sidecar.

    Raises:
        CorpusError: it is none, or names something that releases do not have.
    """
    if given is None:
        return FieldMapping({})
    if not isinstance(given, dict):
        raise CorpusError("[fields] of the sidecar is not a table")
    known = {*_NAMES, "metadata"}
    if unknown := sorted(set(given) - known):
        raise CorpusError(
            f"[fields] of the sidecar: {unknown[0]} is not known; known: {', '.join(sorted(known))}"
        )
    metadata = given.get("metadata")
    fields = {name: str(value) for name, value in given.items() if name != "metadata"}
    return FieldMapping(fields, None if metadata is None else tuple(map(str, metadata)))


def read_line(line: bytes, mapping: FieldMapping | None = None) -> tuple[str, Extract]:
    """The id and the release of one line of JSON: ``{"_id", "title", "text", "metadata": {...}}``.

    Raises:
        CorpusError: not JSON, not an object, without ``_id`` or text, or with an unreadable date.
    """
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CorpusError(f"not UTF-8 at byte {error.start} of the line") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise CorpusError("the line is not a JSON object")
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise CorpusError('"metadata" is not an object')
    if "_id" in record and not (mapping and mapping.fields):
        return _beir(record, metadata)
    return read_record({**metadata, **record, "metadata": None}, mapping or FieldMapping({}))


def _beir(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[str, Extract]:
    """A line in the form of BEIR's corpora says itself what is what, and its text is text."""
    own = {**metadata, **{key: record.get(key) for key in ("_id", "title", "text")}}
    fields = {
        "id": "_id",
        "title": "title",
        "text": "text",
        "issuer": "issuer",
        "url": "url",
        "place": "place",
    }
    fields["published"] = "published" if "published" in own else "date"
    fields["language"] = "language" if "language" in own else "lang"
    return read_record(own, FieldMapping(fields), markup=False)


def read_json(data: bytes) -> list[Any]:
    """The records of a JSON file: a list, or the one list in an object.

    Raises:
        CorpusError: not JSON, or no list of records in it.
    """
    text, _ = decode(data)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not JSON: {error}") from error
    if isinstance(value, dict):
        lists = [value[name] for name in _LISTS if isinstance(value.get(name), list)]
        value = lists[0] if lists else [value]
    if not isinstance(value, list):
        raise CorpusError("no list of records in it")
    return value


def read_csv(data: bytes) -> Iterator[dict[str, str]]:
    """The rows of a table with a line of headings.

    Raises:
        CorpusError: undecodable, or no headings.
    """
    text, _ = decode(data)
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    first = text.lstrip("\ufeff").split("\n", 1)[0]
    mark = max(",;\t|", key=first.count)
    rows = csv.DictReader(text.splitlines(keepends=True), delimiter=mark, restkey="", strict=True)
    try:
        if not rows.fieldnames or len(rows.fieldnames) < 2:
            raise CorpusError("no line of headings, such as: id,title,published,text")
        for row in rows:
            yield {str(key).strip(): value for key, value in row.items() if isinstance(value, str)}
    except csv.Error as error:
        raise CorpusError(f"not CSV at line {rows.line_num}: {error}") from error


def read_record(
    record: Mapping[str, Any], mapping: FieldMapping, position: str = "", *, markup: bool = True
) -> tuple[str, Extract]:
    """The id and the release of one record; ``position`` is the id of one that has none.

    With ``markup`` what looks like HTML is read as HTML.

    Raises:
        CorpusError: without id or text, or with an unreadable date.
    """
    where = {name: _where(record, mapping, name) for name in _NAMES}
    check_characters(json.dumps(record, ensure_ascii=False, default=str))
    release_id = _id(record, where["id"] or "_id", position)
    read = html_text if markup else str
    text = read(_string(record, where["text"] or "text"))
    if not text.strip():
        raise CorpusError(f'"{where["text"] or "text"}" is missing or empty')
    locale = _string(record, where["language"])
    day_first = day_first_in(locale)
    given = _at(record, where["published"])
    published = _day(given, DateStyle(language_of_locale(locale), day_first))
    doubt = ambiguous_date(str(given)) if published is None else ""
    if given not in (None, "") and published is None and not doubt:
        raise CorpusError(f'"{where["published"]}" is {given!r}: write it as YYYY-MM-DD')
    named = {
        name: read(_string(record, where[name])) for name in ("title", "issuer", "place", "url")
    }
    taken = {where[name].split(".")[0] for name in _NAMES if where[name]}
    others = mapping.metadata if mapping.metadata is not None else record.keys()
    metadata = {
        key: plain_value(_at(record, key))
        for key in others
        if key not in taken and not (markup and _at(record, key) in (None, ""))
    }
    return release_id, Extract(
        text,
        facts=facts_from("record", published=published, language=locale, **named),
        metadata=metadata,
        warnings=(f"the date {doubt} can be read in two ways",) if doubt else (),
        day_first=day_first,
    )


def _where(record: Mapping[str, Any], mapping: FieldMapping, name: str) -> str:
    """The path of what a field is; the name in the mapping, else the first known one that is there."""
    if name in mapping.fields:
        return mapping.fields[name]
    lower = {re.sub(r"[\s-]+", "_", key.strip().lower()): key for key in record}
    for known in _NAMES[name]:
        head, _, rest = known.partition(".")
        key = lower.get(head)
        if key is None or (rest and not isinstance(record[key], dict)):
            continue
        if not rest and isinstance(record[key], dict | list):
            continue
        return f"{key}.{rest}" if rest else key
    return ""


def _at(record: Mapping[str, Any], path: str) -> Any:
    if path in record:
        return record[path]
    value: Any = record
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _id(record: Mapping[str, Any], path: str, position: str) -> str:
    value = _at(record, path)
    release_id = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not release_id.strip() and position:
        return position
    if not release_id.strip() or len(release_id) > 200:
        raise CorpusError(f'"{path}" is missing, or longer than 200 characters')
    if not check_characters(release_id).isprintable():
        raise CorpusError(f'"{path}" {release_id!r} has characters that cannot stand in an address')
    if {".", ".."} & set(release_id.split("/")):
        raise CorpusError(
            f'"{path}" {release_id!r} has "." or ".." between slashes: browsers drop it'
        )
    return release_id


def _string(record: Mapping[str, Any], path: str) -> str:
    value = _at(record, path) if path else None
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CorpusError(f'"{path}" is not a string')
    return check_characters(str(value))


def _day(given: Any, style: DateStyle) -> date | None:
    if isinstance(given, int | float) and not isinstance(given, bool) and 1e8 < given < 1e11:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(given, UTC).date()
    return parse_date(given, style)
