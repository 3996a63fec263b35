"""``name.meta.toml`` beside ``name.pdf``: what a person, or ``qa fetch``, says of a release.

What stands there always wins over what was read. Beside a file of many releases it has a table
``[releases."id"]`` for each, and ``[fields]`` says which field of a record is what.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qa_service.errors import CorpusError
from qa_service.readers.dates import language_of_locale, parse_date
from qa_service.readers.extract import FIELDS, Fact, facts_from
from qa_service.readers.metadata import Given, sidecar_facts
from qa_service.readers.records import FieldMapping, read_mapping
from qa_service.readers.text import plain_value
from qa_service.types import Reading

ENDING = ".meta.toml"
EXCLUDE = "exclude.txt"
SOURCES = "sources.toml"
_KNOWN = (
    *FIELDS,
    "date",
    "metadata",
    "superseded_by",
    "withdrawn",
    "fields",
    "releases",
    "fetched",
)


@dataclass(frozen=True, slots=True)
class Web:
    """What a server and a feed said of a release when it was fetched."""

    facts: tuple[Fact, ...]
    metadata: Mapping[str, Any]


def name_of(name: str) -> str:
    """The name of the sidecar of a file: ``a/b.pdf`` has ``a/b.meta.toml``."""
    folder, slash, last = name.rpartition("/")
    stem, dot, _ = last.rpartition(".")
    return f"{folder}{slash}{stem if dot and stem else last}{ENDING}"


def is_release(name: str) -> bool:
    """Whether a file's name is meant as a release: not hidden, no sidecar, no README."""
    parts = name.split("/")
    hidden = any(part.startswith(".") for part in parts)
    return not hidden and parts[-1] != "README.md" and not parts[-1].endswith(ENDING)


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The content of a sidecar.

    Raises:
        CorpusError: not TOML, or something in it that means nothing.
    """
    try:
        given = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CorpusError(f"{name} is not TOML: {error}") from error
    for table in (given, *_releases(given, name).values()):
        for key in table:
            if key not in _KNOWN:
                near = difflib.get_close_matches(key, _KNOWN, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_KNOWN)}"
                raise CorpusError(f"{name}: {key} is not known; {hint}; others go under [metadata]")
    return given


def _releases(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    releases = given.get("releases", {})
    if not isinstance(releases, dict) or not all(
        isinstance(one, dict) for one in releases.values()
    ):
        raise CorpusError(f'{name}: releases are tables, such as [releases."id"]')
    return releases


def read_given(given: Mapping[str, Any]) -> Given:
    """What a person says of one release.

    Raises:
        CorpusError: a date that cannot be read, or metadata that is no table.
    """
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        raise CorpusError("[metadata] of the sidecar is not a table")
    return Given(sidecar_facts(given), plain_value(metadata), str(given.get("superseded_by") or ""))


def read_fetched(given: Mapping[str, Any]) -> Web:
    """What the web said of one release: its address, and when it was changed."""
    fetched = given.get("fetched", {})
    if not isinstance(fetched, dict) or not fetched:
        return Web((), {})
    facts = (
        *facts_from(
            "feed",
            title=fetched.get("feed_title"),
            published=parse_date(fetched.get("feed_published")),
        ),
        *facts_from(
            "HTTP header",
            url=fetched.get("url"),
            published=parse_date(fetched.get("last_modified")),
            language=language_of_locale(str(fetched.get("content_language") or "")),
        ),
    )
    return Web(facts, {"fetched": str(fetched["time"])} if "time" in fetched else {})


def charset(given: Mapping[str, Any]) -> str:
    """The encoding that the server named."""
    fetched = given.get("fetched", {})
    return str(fetched.get("charset") or "") if isinstance(fetched, dict) else ""


def withdrawn(given: Mapping[str, Any]) -> str:
    """Why the release is not to be shown, or nothing."""
    reason = given.get("withdrawn")
    return "" if reason in (None, False, "") else "withdrawn" if reason is True else str(reason)


def mapping(given: Mapping[str, Any]) -> FieldMapping | None:
    """Which field of a record is what, if the sidecar says so."""
    return read_mapping(given["fields"]) if "fields" in given else None


def write(reading: Reading) -> str:
    """A sidecar with what was read, to be edited: a fact a line, with where it was read."""
    release = reading.release
    lines = [
        "# What stands here wins over what is read in the file. Lines with # count for nothing.",
        "",
    ]
    lines += [f"# Doubtful: {one}" for one in reading.warnings]
    lines += [_fact(name, getattr(release, name), reading.origins.get(name, "")) for name in FIELDS]
    return "\n".join(lines) + "\n"


def write_for_many(readings: Sequence[Reading]) -> str:
    """A sidecar for a file of many releases, a table for each."""
    parts = [
        "# What stands here wins over what is read in the file. Lines with # count for nothing.\n"
    ]
    for reading in readings:
        body = write(reading).split("\n", 2)[2]
        parts.append(f"[releases.{quoted(reading.release.release_id)}]\n{body}")
    return "\n".join(parts)


def quoted(value: str) -> str:
    """A string as TOML writes it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _fact(name: str, value: object, origin: str) -> str:
    if value in (None, ""):
        return f"# {name} = {'2024-03-05' if name == 'published' else quoted('')}"
    written = value.isoformat() if isinstance(value, date) else quoted(str(value))
    return f"{name} = {written}  # {origin}"
