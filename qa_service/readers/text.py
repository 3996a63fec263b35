"""Plain text and Markdown: one release a file, with optional YAML front matter."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from qa_service.errors import CorpusError
from qa_service.readers.dates import parse_date
from qa_service.readers.letterhead import read_letterhead
from qa_service.types import Release

_FRONT_MATTER = re.compile(r"---[^\S\n]*\r?\n(.*?\r?\n)?---[^\S\n]*(?:\r?\n|$)", re.DOTALL)
_NAMED = ("title", "published", "date", "issuer", "url", "language", "place")


def decode(data: bytes) -> str:
    """UTF-8, with or without a byte order mark, or UTF-16 with one.

    Raises:
        CorpusError: other bytes, or control characters that no text has.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"not {encoding.removesuffix('-sig').upper()} at byte {error.start}: "
            "save it as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8`)"
        ) from error
    return check_characters(text)


def check_characters(text: str) -> str:
    """Return ``text`` unless it has characters that cannot be stored or shown.

    Raises:
        CorpusError: naming the first of them and its place.
    """
    bad = re.search("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]", text)
    if bad is not None:
        raise CorpusError(
            f"control character U+{ord(bad.group()):04X} at character {bad.start()}: "
            "this is not plain text"
        )
    return text


def read_text(data: bytes, release_id: str, source: str) -> Release:
    """One release. Front matter wins over letterhead and dateline, those over the file's name.

    Raises:
        CorpusError: undecodable, empty, or front matter that is not a mapping.
    """
    whole = decode(data)
    given, text = _front_matter(whole)
    if not text.strip():
        raise CorpusError("the file has no text")
    head = read_letterhead(text)
    return Release(
        release_id=release_id,
        title=_string(given, "title") or head.title,
        text=text,
        published=_published(given) or head.published or _date_in_name(release_id),
        issuer=_string(given, "issuer") or head.issuer,
        url=_string(given, "url"),
        language=_string(given, "language"),
        place=_string(given, "place") or head.place,
        source=source,
        body_start=head.body[0],
        body_end=head.body[1],
        dateline_start=head.dateline[0],
        dateline_end=head.dateline[1],
        metadata={k: v for k, v in given.items() if k not in _NAMED},
    )


def _front_matter(whole: str) -> tuple[Mapping[str, Any], str]:
    match = _FRONT_MATTER.match(whole)
    if match is None:
        return {}, whole
    try:
        given = yaml.safe_load(match[1] or "")
    except (yaml.YAMLError, ValueError) as error:
        raise CorpusError(f"front matter is not YAML: {' '.join(str(error).split())}") from error
    if given is None:
        return {}, whole[match.end() :]
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        return {}, whole
    return {key: _plain_value(value) for key, value in given.items()}, whole[match.end() :]


def _plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain_value(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _string(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return "" if value is None else str(value).strip()


def _published(given: Mapping[str, Any]) -> date | None:
    value = given.get("published", given.get("date"))
    if value is None:
        return None
    if (published := parse_date(value)) is None:
        raise CorpusError(f"published is {value!r}: write it as YYYY-MM-DD")
    return published


def _date_in_name(release_id: str) -> date | None:
    match = re.match(r"\d{4}-\d{2}-\d{2}(?!\d)", release_id.rpartition("/")[2])
    return parse_date(match.group()) if match else None
