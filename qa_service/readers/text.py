"""Plain text and Markdown: one release a file, with optional YAML front matter."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from qa_service.errors import CorpusError
from qa_service.readers.dates import parse_date
from qa_service.readers.extract import FIELDS, Extract, check_characters, facts_from

_FRONT_MATTER = re.compile(r"---[^\S\n]*\r?\n(.*?\r?\n)?---[^\S\n]*(?:\r?\n|$)", re.DOTALL)
_HEADING = re.compile(r"\s*# +(?P<title>[^\n]+?)[ #]*(?:\n|$)")
_NAMED = {*FIELDS, "date"}
_FRONT_MATTER_MAX = 20_000
_WESTERN = "cp1252"


def read_text(data: bytes) -> Extract:
    """One release.

    Raises:
        CorpusError: undecodable, empty, or front matter that is not a mapping.
    """
    whole, encoding = decode(data)
    given, text = _front_matter(whole)
    if not text.strip():
        raise CorpusError("the file has no text")
    named = {name: given.get(name) for name in FIELDS}
    named["published"] = _published(given)
    heading = _HEADING.match(text)
    return Extract(
        text,
        facts=(
            *facts_from("front matter", **named),
            *facts_from("heading", title=heading["title"] if heading else ""),
        ),
        metadata={key: value for key, value in given.items() if key not in _NAMED},
        warnings=(f"not UTF-8: read as {encoding}, by its look",) if encoding else (),
    )


def decode(data: bytes) -> tuple[str, str]:
    """The text, and the encoding if it had to be guessed: not UTF-8, nor with a byte order mark.

    Raises:
        CorpusError: bytes that are no text, or control characters that no text has.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return check_characters(data.decode("utf-16")), ""
        except UnicodeDecodeError as error:
            raise CorpusError(f"not UTF-16 at byte {error.start}: save it as UTF-8") from error
    try:
        return check_characters(data.decode("utf-8-sig")), ""
    except UnicodeDecodeError as error:
        return _guess(data, error.start)


def _guess(data: bytes, bad: int) -> tuple[str, str]:
    """Single bytes of a western text look like any encoding: unless another is clear it is Windows'."""
    from charset_normalizer import from_bytes

    ordinary = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in data)
    if ordinary:
        raise CorpusError(
            f"not UTF-8 at byte {bad}, and no text in another encoding: "
            "save it as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8`)"
        )
    best = from_bytes(data).best()
    encoding = best.encoding if best is not None else _WESTERN
    if _looks_western(data):
        encoding = _WESTERN
    try:
        return check_characters(data.decode(encoding)), encoding
    except (UnicodeDecodeError, LookupError) as error:
        raise CorpusError(
            f"not UTF-8 at byte {bad}, nor {encoding}: "
            "save it as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8`)"
        ) from error


def _looks_western(data: bytes) -> bool:
    """Few bytes above ASCII, each alone inside a word or a mark of punctuation, none a sign in a word."""
    high = sum(byte >= 0x80 for byte in data)
    try:
        text = data.decode(_WESTERN)
    except UnicodeDecodeError:
        return False
    odd = re.search(r"[^\x00-\x7f“”‘’–—…]{3,}|[a-z][¡-¿×÷][a-z]", text)
    return high <= max(3, 0.2 * len(data)) and not odd


def _front_matter(whole: str) -> tuple[Mapping[str, Any], str]:
    match = _FRONT_MATTER.match(whole)
    if match is None:
        return {}, whole
    if len(match[0]) > _FRONT_MATTER_MAX:
        raise CorpusError(f"front matter of more than {_FRONT_MATTER_MAX:,} characters")
    try:
        given = yaml.load(match[1] or "", _NoAliases)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CorpusError(f"front matter is not YAML: {' '.join(str(error).split())}") from error
    if given is None:
        return {}, whole[match.end() :]
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        return {}, whole
    return {key: plain_value(value) for key, value in given.items()}, whole[match.end() :]


class _NoAliases(yaml.SafeLoader):
    """Nine lines of aliases of aliases stand for a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias: write the value out")
        return super().compose_node(parent, index)


def plain_value(value: Any) -> Any:
    """What JSON can hold of a value of YAML or TOML: a date becomes its text."""
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _published(given: Mapping[str, Any]) -> object:
    value = given.get("published", given.get("date"))
    if value in (None, ""):
        return None
    if (published := parse_date(value)) is None:
        raise CorpusError(f"published is {value!r}: write it as YYYY-MM-DD")
    return published
