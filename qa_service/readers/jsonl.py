"""JSON Lines in the BEIR form: ``{"_id", "title", "text", "metadata": {...}}``, a release a line."""

import json
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.dates import parse_date
from qa_service.readers.letterhead import read_dateline
from qa_service.readers.text import check_characters
from qa_service.types import Release

_NAMED = ("published", "date", "issuer", "url", "language", "lang", "place")


def read_line(line: bytes, source: str) -> Release:
    """One release from one line.

    Raises:
        CorpusError: not JSON, not an object, without ``_id`` or text, or with an unreadable date.
    """
    record = _record(line)
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise CorpusError('"metadata" is not an object')
    check_characters(json.dumps(metadata, ensure_ascii=False))
    text = _string(record, "text")
    if not text.strip():
        raise CorpusError('"text" is missing or empty')
    printed, printed_place, dateline = read_dateline(text)
    given = metadata.get("published", metadata.get("date"))
    published = parse_date(given)
    if given not in (None, "") and published is None:
        raise CorpusError(f'"published" is {given!r}: write it as YYYY-MM-DD')
    return Release(
        release_id=_release_id(record),
        title=_string(record, "title").strip(),
        text=text,
        published=published or printed,
        issuer=_string(metadata, "issuer"),
        url=_string(metadata, "url"),
        language=_string(metadata, "language") or _string(metadata, "lang"),
        place=_string(metadata, "place") or printed_place,
        source=source,
        body_end=len(text),
        dateline_start=dateline[0],
        dateline_end=dateline[1],
        metadata={key: value for key, value in metadata.items() if key not in _NAMED},
    )


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CorpusError(f"not UTF-8 at byte {error.start} of the line") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise CorpusError("the line is not a JSON object")
    return record


def _release_id(record: dict[str, Any]) -> str:
    value = record.get("_id")
    release_id = str(value) if isinstance(value, str | int) else ""
    if not release_id.strip() or len(release_id) > 200:
        raise CorpusError('"_id" is missing, or longer than 200 characters')
    if not check_characters(release_id).isprintable():
        raise CorpusError(f'"_id" {release_id!r} has characters that cannot stand in an address')
    if {".", ".."} & set(release_id.split("/")):
        raise CorpusError(f'"_id" {release_id!r} has "." or ".." between slashes: browsers drop it')
    return release_id


def _string(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise CorpusError(f'"{name}" is not a string')
    return check_characters(str(value))
